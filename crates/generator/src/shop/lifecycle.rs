//! What becomes of an order: a function of the seed, the `order_id` and the moment it was placed.
//!
//! The whole course is settled when an order is placed; the database only remembers how far the shop has got
//! (`status`) and when it next has to act (`status_due_at`). So a status is never lost or invented by a crash: it can
//! be computed again at any time.

use super::random::{Domain, Stream};
use super::time::{DAY, HOUR, MINUTE, Moment, SECOND};

/// How far an order has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The customer has ordered.
    Placed,
    /// The payment has arrived.
    Paid,
    /// The parcel is on its way.
    Shipped,
    /// The parcel has arrived.
    Delivered,
    /// The order was called off before it was shipped.
    Cancelled,
    /// The parcel was sent back.
    Returned,
}

impl Status {
    /// The value in `production.orders.status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
        }
    }
}

/// An order as the database shows it at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// How far it has got.
    pub status: Status,
    /// Since when.
    pub since: Moment,
    /// When the shop next acts on it; none once its status is final.
    pub due: Option<Moment>,
}

/// Placed, paid, shipped, delivered, returned.
const MAX_EVENTS: usize = 5;

/// The full course of one order, with times that strictly ascend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeline {
    events: [(Status, Moment); MAX_EVENTS],
    count: usize,
}

/// How many orders in a thousand are never paid for.
const UNPAID: u64 = 25;
/// How many paid orders in a thousand are called off before they are shipped.
const CALLED_OFF: u64 = 20;
/// How many delivered orders in a thousand come back.
const SENT_BACK: u64 = 60;

impl Timeline {
    /// The course of order `order_id` of the shop with this `seed`, placed at `placed_at`.
    pub fn new(seed: i64, order_id: i64, placed_at: Moment) -> Self {
        let mut stream = Stream::new(seed, Domain::Lifecycle, order_id);
        let mut timeline = Self { events: [(Status::Placed, placed_at); MAX_EVENTS], count: 1 };
        if stream.chance(UNPAID) {
            timeline.then(Status::Cancelled, stream.between(30 * MINUTE, DAY));
            return timeline;
        }
        timeline.then(Status::Paid, stream.between(20 * SECOND, 12 * MINUTE));
        if stream.chance(CALLED_OFF) {
            timeline.then(Status::Cancelled, stream.between(10 * MINUTE, 2 * HOUR));
            return timeline;
        }
        timeline.then(Status::Shipped, stream.between(2 * HOUR, 36 * HOUR));
        timeline.then(Status::Delivered, stream.between(DAY, 5 * DAY));
        if stream.chance(SENT_BACK) {
            timeline.then(Status::Returned, stream.between(5 * DAY, 20 * DAY));
        }
        timeline
    }

    fn then(&mut self, status: Status, after: i64) {
        let (_, last) = self.events[self.count - 1];
        self.events[self.count] = (status, last.plus(after));
        self.count += 1;
    }

    /// Every status the order takes and when, the first being [`Status::Placed`].
    pub fn events(&self) -> &[(Status, Moment)] {
        &self.events[..self.count]
    }

    /// The order as it stands just before `end`, the way a window that ends there leaves it.
    pub fn before(&self, end: Moment) -> State {
        let happened = self.events().iter().take_while(|(_, at)| *at < end).count().max(1);
        let (status, since) = self.events[happened - 1];
        let due = self.events().get(happened).map(|(_, at)| *at);
        State { status, since, due }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const PLACED: Moment = Moment::from_micros(1_000 * DAY);

    fn timelines() -> impl Iterator<Item = Timeline> {
        (1..=50_000).map(|order_id| Timeline::new(42, order_id, PLACED))
    }

    #[test]
    fn orders_end_as_often_as_intended_in_each_way() {
        let mut ends: HashMap<Status, usize> = HashMap::new();
        for timeline in timelines() {
            let (status, _) = timeline.events()[timeline.events().len() - 1];
            *ends.entry(status).or_default() += 1;
        }
        assert_eq!(ends.len(), 3, "{ends:?}");
        assert!((2_050..2_400).contains(&ends[&Status::Cancelled]), "{ends:?}");
        assert!((2_700..3_000).contains(&ends[&Status::Returned]), "{ends:?}");
    }

    #[test]
    fn a_window_leaves_what_happened_before_its_end() {
        for timeline in timelines().take(1_000) {
            for (index, (status, at)) in timeline.events().iter().enumerate().skip(1) {
                let (earlier, later) = (timeline.before(*at), timeline.before(at.plus(1)));
                assert_eq!(earlier.due, Some(*at), "at its very moment a change is still due");
                assert_eq!((later.status, later.since), (*status, *at));
                assert_eq!(later.due, timeline.events().get(index + 1).map(|(_, at)| *at));
            }
        }
    }

    #[test]
    fn nothing_is_due_in_the_end() {
        assert!(timelines().all(|timeline| timeline.before(PLACED.plus(60 * DAY)).due.is_none()));
    }
}
