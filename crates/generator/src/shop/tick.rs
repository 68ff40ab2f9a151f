//! A tick: one seeded, numbered unit of the shop's work, and the rows it gives.
//!
//! Tick 0, *genesis*, opens the shop: its products and first customers. Its window is the history that is to be filled
//! in, from the shop's opening to its *origin*. Ticks -N to -1 are the N days of that history, ending at the origin.
//! Ticks 1, 2, 3, … are live: each begins where the one before it ended. Ticks are written in the order 0, -N … -1,
//! 1, 2, …, and each takes up the keys where the one before it left them, so keys are dense and ascend with time.
//!
//! History is written as it stands at the origin: an order of long ago is inserted as delivered, not replayed.

use super::basket::Basket;
use super::catalogue::Catalogue;
use super::customers::{self, Customer};
use super::demand::demand;
use super::geography::Place;
use super::lifecycle::{State, Timeline};
use super::random::{Domain, Stream};
use super::time::{DAY, MINUTE, Moment, Window};

/// The next free keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// Of `customers`.
    pub customer: i64,
    /// Of `orders`.
    pub order: i64,
    /// Of `order_items`.
    pub order_item: i64,
}

impl Ids {
    /// The keys of an empty shop.
    pub const FIRST: Self = Self { customer: 1, order: 1, order_item: 1 };
}

/// Everything a tick's rows follow from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick {
    /// The shop's seed.
    pub seed: i64,
    /// The tick's number; see the module's text.
    pub number: i64,
    /// The time its orders are placed in.
    pub window: Window,
    /// Orders per minute asked for, before [`demand`] is applied. Not negative.
    pub rate: f64,
    /// The first keys it may use.
    pub first: Ids,
}

impl Tick {
    /// The moment whose state of affairs the tick writes: its own end, or for history the origin.
    pub const fn as_of(&self) -> Moment {
        let days_after = if self.number < 0 { -1 - self.number } else { 0 };
        self.window.end.plus(days_after * DAY)
    }

    /// The tick's orders by ascending key and time, with what comes with them.
    pub fn purchases<'a>(&self, catalogue: &'a Catalogue) -> Purchases<'a> {
        Purchases {
            tick: *self,
            as_of: self.as_of(),
            catalogue,
            stream: Stream::new(self.seed, Domain::Tick, self.number),
            next: self.first,
            slot: Window { start: self.window.start, end: self.window.start },
            arrivals: Vec::new(),
        }
    }
}

/// A row of `production.orders`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    /// The key, dense from 1.
    pub order_id: i64,
    /// Who ordered.
    pub customer_id: i64,
    /// Where it is shipped: the customer's place at the time.
    pub ship_to: Place,
    /// When it was placed.
    pub placed_at: Moment,
    /// How it stands as of its tick.
    pub state: State,
}

/// An order with its lines, and its customer if this is the first one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Purchase {
    /// The customer, if new to the shop.
    pub new_customer: Option<Customer>,
    /// The order.
    pub order: Order,
    /// The key of the first line; the others follow it.
    pub first_order_item_id: i64,
    /// The lines.
    pub basket: Basket,
}

impl Purchase {
    /// How many rows it makes in all tables together.
    pub fn rows(&self) -> u64 {
        u64::from(self.new_customer.is_some()) + 1 + u64::from(self.basket.count())
    }
}

/// How many orders in a thousand come from a new customer.
const NEW_CUSTOMERS: u64 = 80;

/// The orders of a tick. Iterating takes memory for one minute of orders only.
#[derive(Clone, Debug)]
pub struct Purchases<'a> {
    tick: Tick,
    as_of: Moment,
    catalogue: &'a Catalogue,
    stream: Stream,
    next: Ids,
    /// The part of the window the arrivals were drawn for, at most a minute: short enough for demand to be constant.
    slot: Window,
    /// When the slot's remaining orders are placed, the next one last.
    arrivals: Vec<Moment>,
}

impl Purchases<'_> {
    /// The keys that are free after what was taken so far.
    pub const fn next_ids(&self) -> Ids {
        self.next
    }

    /// Draws the arrivals of the next slot; false if the window is over.
    fn open_slot(&mut self) -> bool {
        let start = self.slot.end;
        if start >= self.tick.window.end {
            return false;
        }
        self.slot = Window { start, end: start.plus(MINUTE).min(self.tick.window.end) };
        let length = self.slot.micros();
        let minutes = length as f64 / MINUTE as f64;
        let mean = self.tick.rate * demand(start.plus(length / 2)) * minutes;
        for _ in 0..self.stream.poisson(mean) {
            self.arrivals.push(start.plus(self.stream.between(0, length)));
        }
        self.arrivals.sort_unstable_by(|a, b| b.cmp(a));
        true
    }

    fn purchase(&mut self, placed_at: Moment) -> Purchase {
        let seed = self.tick.seed;
        let (customer_id, new_customer) = self.buyer(placed_at);
        let Ids { order: order_id, order_item: first_order_item_id, .. } = self.next;
        let basket = Basket::new(seed, order_id, self.catalogue);
        self.next.order += 1;
        self.next.order_item += i64::from(basket.count());
        let order = Order {
            order_id,
            customer_id,
            ship_to: new_customer.map_or_else(|| customers::place(seed, customer_id), |customer| customer.place),
            placed_at,
            state: Timeline::new(seed, order_id, placed_at).before(self.as_of),
        };
        Purchase { new_customer, order, first_order_item_id, basket }
    }

    /// Who places the next order: someone new, or more likely one of those who have been here long.
    fn buyer(&mut self, placed_at: Moment) -> (i64, Option<Customer>) {
        let known = self.next.customer - 1;
        if known > 0 && !self.stream.chance(NEW_CUSTOMERS) {
            return (1 + self.stream.skewed(known.unsigned_abs()).cast_signed(), None);
        }
        let customer_id = self.next.customer;
        self.next.customer += 1;
        (customer_id, Some(Customer::new(self.tick.seed, customer_id, placed_at)))
    }
}

impl Iterator for Purchases<'_> {
    type Item = Purchase;

    fn next(&mut self) -> Option<Purchase> {
        loop {
            if let Some(placed_at) = self.arrivals.pop() {
                return Some(self.purchase(placed_at));
            }
            if !self.open_slot() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::time::SECOND;

    fn day(number: i64) -> Tick {
        let origin = Moment::from_micros(20_000 * DAY);
        let window = Window::starting(origin.plus(number * DAY), DAY);
        Tick { seed: 42, number, window, rate: 5.0, first: Ids { customer: 1_001, ..Ids::FIRST } }
    }

    #[test]
    fn history_stands_as_of_the_origin() {
        let origin = Moment::from_micros(20_000 * DAY);
        assert!([-1, -2, -30].into_iter().all(|number| day(number).as_of() == origin));
        let live = Tick { number: 3, window: Window::starting(origin, 2 * SECOND), ..day(-1) };
        assert_eq!(live.as_of(), live.window.end);
    }

    #[test]
    fn the_rate_asked_for_is_obtained() {
        let catalogue = Catalogue::new(42);
        let orders: usize = (-364..=-1).map(|number| day(number).purchases(&catalogue).count()).sum();
        let asked = 5.0 * 1_440.0 * 364.0;
        assert!((orders as f64 / asked - 1.0).abs() < 0.01, "{orders} orders instead of {asked}");
    }

    #[test]
    fn a_paused_tick_has_no_orders() {
        let tick = Tick { rate: 0.0, ..day(-1) };
        assert_eq!(tick.purchases(&Catalogue::new(42)).count(), 0);
    }

    #[test]
    fn some_customers_are_new() {
        let catalogue = Catalogue::new(42);
        let purchases: Vec<_> = day(-3).purchases(&catalogue).collect();
        let new = purchases.iter().filter(|purchase| purchase.new_customer.is_some()).count();
        let share = new as f64 / purchases.len() as f64;
        assert!((0.07..0.09).contains(&share), "{share}");
    }

    #[test]
    fn the_first_order_ever_brings_its_customer() {
        let tick = Tick { first: Ids::FIRST, ..day(-1) };
        let first = tick.purchases(&Catalogue::new(42)).next().expect("an order within a day");
        assert_eq!(first.new_customer.map(|customer| customer.customer_id), Some(1));
    }
}
