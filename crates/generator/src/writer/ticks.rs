//! `production.generator_ticks`: the shop's memory of what has been written, and what follows from it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::{GenericClient, Row};

use crate::config::Config;
use crate::error::{During, Error};
use crate::shop::{DAY, HOUR, Ids, MINUTE, Moment, Window};

/// A row of `production.generator_ticks`: a tick that was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TickRecord {
    /// The tick's number: 0 opened the shop, negative ones are days of history, positive ones are live.
    pub tick: i64,
    /// The shop's seed.
    pub seed: i64,
    /// The start of the time its orders are placed in.
    pub window_start: Timestamp,
    /// The end of that time. That of tick 0 is the shop's origin, where history ends and live ticks begin.
    pub window_end: Timestamp,
    /// Orders per minute asked for, before the time of day, week and year.
    pub rate: f64,
    /// Customers written.
    pub customers: i32,
    /// Orders written.
    pub orders: i32,
    /// Order lines written.
    pub order_items: i32,
    /// Orders of earlier ticks that changed their status.
    pub status_changes: i32,
    /// The key of its first customer, if it has any.
    pub first_customer_id: i64,
    /// The key of its first order, if it has any.
    pub first_order_id: i64,
    /// The key of its first order line, if it has any.
    pub first_order_item_id: i64,
    /// Milliseconds it took to generate and encode the rows, most of it while earlier ones were being written.
    pub generate_ms: f64,
    /// Milliseconds from the start of the transaction until everything but the commit was done.
    pub write_ms: f64,
    /// When it was written.
    pub written_at: Timestamp,
}

const SELECT: &str = "SELECT tick, seed, window_start, window_end, rate, customers, orders, order_items, status_changes, \
     first_customer_id, first_order_id, first_order_item_id, generate_ms, write_ms, written_at \
     FROM production.generator_ticks";

impl TickRecord {
    fn read(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            tick: row.try_get("tick")?,
            seed: row.try_get("seed")?,
            window_start: row.try_get("window_start")?,
            window_end: row.try_get("window_end")?,
            rate: row.try_get("rate")?,
            customers: row.try_get("customers")?,
            orders: row.try_get("orders")?,
            order_items: row.try_get("order_items")?,
            status_changes: row.try_get("status_changes")?,
            first_customer_id: row.try_get("first_customer_id")?,
            first_order_id: row.try_get("first_order_id")?,
            first_order_item_id: row.try_get("first_order_item_id")?,
            generate_ms: row.try_get("generate_ms")?,
            write_ms: row.try_get("write_ms")?,
            written_at: row.try_get("written_at")?,
        })
    }

    /// How many rows it inserted into customers, orders and order lines together.
    pub fn rows(&self) -> u64 {
        [self.customers, self.orders, self.order_items].iter().map(|rows| u64::from(rows.unsigned_abs())).sum()
    }

    /// The keys that are free after it.
    pub(super) fn next_ids(&self) -> Ids {
        Ids {
            customer: self.first_customer_id + i64::from(self.customers),
            order: self.first_order_id + i64::from(self.orders),
            order_item: self.first_order_item_id + i64::from(self.order_items),
        }
    }

    /// The number of the tick to be written after it.
    pub(super) fn next_number(&self) -> i64 {
        match self.tick {
            0 if self.history_days() > 0 => -self.history_days(),
            -1 => 1,
            number => number + 1,
        }
    }

    /// How many days of history tick 0 provides for.
    pub(super) fn history_days(&self) -> i64 {
        Window { start: self.window_start.into(), end: self.window_end.into() }.micros() / DAY
    }
}

/// So many missed ticks are still written one by one.
const MANY: i64 = 100;

/// So many orders at most, by the rate asked for, does one tick make up for: a second's work or two.
const MOST_ORDERS: f64 = 50_000.0;

/// A tick that is to be written; its first keys are settled when that happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// The shop's seed.
    pub seed: i64,
    /// The tick's number.
    pub number: i64,
    /// The time its orders are placed in.
    pub window: Window,
    /// Orders per minute.
    pub rate: f64,
}

impl Plan {
    /// Tick 0 of a shop whose history ends at `origin`.
    pub fn genesis(config: &Config, origin: Timestamp) -> Self {
        let end = Moment::from(origin).floor_to_second();
        let start = end.plus(-i64::from(config.backfill_days) * DAY);
        Self { seed: config.seed, number: 0, window: Window { start, end }, rate: config.history_rate() }
    }

    /// The day of history to be written after `last`; none if history is complete.
    pub fn history(last: &TickRecord) -> Option<Self> {
        let number = last.next_number();
        let start = if last.tick == 0 { last.window_start } else { last.window_end };
        let window = Window::starting(start.into(), DAY);
        (number < 0).then_some(Self { seed: last.seed, number, window, rate: last.rate })
    }

    /// The live tick to be written after `last`. A shop that missed many until `now` makes up for them by the hour.
    ///
    /// # Errors
    /// [`Error::HistoryIncomplete`] if days of history have to be written before.
    pub fn live(last: &TickRecord, config: &Config, rate: f64, now: Moment) -> Result<Self, Error> {
        let number = last.next_number();
        if number < 0 {
            return Err(Error::HistoryIncomplete { days: -number });
        }
        let start = Moment::from(last.window_end);
        let window = Window::starting(start, config.tick_micros() * at_once(start, config, rate, now));
        Ok(Self { seed: last.seed, number, window, rate })
    }

    /// Whether it stands for more than one tick that was missed.
    pub(super) fn is_coarse(&self, config: &Config) -> bool {
        self.window.micros() > config.tick_micros()
    }
}

/// How many ticks from `start` on are written as one: 1, unless many were missed. Then as many as there are to the end of the
/// hour, if that is not too many orders.
fn at_once(start: Moment, config: &Config, rate: f64, now: Moment) -> i64 {
    let tick = config.tick_micros();
    let ticks_until = |moment: i64| (moment - start.as_micros() + tick - 1) / tick;
    let missed = (now.as_micros() - start.as_micros()) / tick;
    if missed <= MANY {
        return 1;
    }
    let to_the_hour = ticks_until((start.as_micros().div_euclid(HOUR) + 1) * HOUR);
    let orders = rate * tick as f64 / MINUTE as f64;
    #[expect(clippy::cast_possible_truncation, reason = "what is too large for an integer becomes the largest")]
    let affordable = (MOST_ORDERS / orders) as i64;
    missed.min(to_the_hour).min(affordable).max(1)
}

/// The tick that was written last.
pub(super) async fn last(client: &impl GenericClient) -> Result<Option<TickRecord>, Error> {
    // Ticks are written in the order 0, -N to -1, 1, 2, …. By key, however many there are: to sort them would take longer each day.
    const LAST: &str = "WHERE tick = coalesce(
        (SELECT max(tick) FROM production.generator_ticks WHERE tick > 0),
        (SELECT max(tick) FROM production.generator_ticks WHERE tick < 0),
        0)";
    one(client, LAST, &[]).await
}

/// Tick `number`, if it was written.
pub(super) async fn find(client: &impl GenericClient, number: i64) -> Result<Option<TickRecord>, Error> {
    one(client, "WHERE tick = $1", &[&number]).await
}

async fn one(
    client: &impl GenericClient,
    which: &str,
    parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<Option<TickRecord>, Error> {
    let row = client.query_opt(&format!("{SELECT} {which}"), parameters).await.during(READING)?;
    row.as_ref().map(TickRecord::read).transpose().during(READING)
}

const READING: &str = "reading production.generator_ticks";

/// The newest ticks after tick `since_tick`, at most `limit`, oldest first: what a throughput chart shows.
///
/// `since_tick` 0 gives live ticks only; a client that polls passes the last number it has.
///
/// # Errors
/// [`Error::Query`] if the table cannot be read.
pub async fn throughput(client: &impl GenericClient, since_tick: i64, limit: u32) -> Result<Vec<TickRecord>, Error> {
    let query = format!("{SELECT} WHERE tick > $1 ORDER BY tick DESC LIMIT $2");
    let rows = client.query(&query, &[&since_tick, &i64::from(limit)]).await.during(READING)?;
    rows.iter().rev().map(TickRecord::read).collect::<Result<_, _>>().during(READING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::SECOND;

    fn record(plan: &Plan) -> TickRecord {
        TickRecord {
            tick: plan.number,
            seed: plan.seed,
            window_start: plan.window.start.timestamp(),
            window_end: plan.window.end.timestamp(),
            rate: plan.rate,
            customers: 1,
            orders: 2,
            order_items: 3,
            status_changes: 0,
            first_customer_id: 10,
            first_order_id: 20,
            first_order_item_id: 30,
            generate_ms: 0.0,
            write_ms: 0.0,
            written_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn origin() -> Timestamp {
        "2026-11-23T09:44:03.5Z".parse().expect("a timestamp")
    }

    /// The ticks of a shop up to live tick `live`, in the order they are written.
    fn plans(config: &Config, live: i64) -> Vec<Plan> {
        let mut plans = vec![Plan::genesis(config, origin())];
        loop {
            let last = record(&plans[plans.len() - 1]);
            let next = Plan::history(&last)
                .or_else(|| Plan::live(&last, config, 1.0, last.window_end.into()).ok())
                .expect("a next tick");
            if next.number > live {
                return plans;
            }
            plans.push(next);
        }
    }

    #[test]
    fn history_comes_before_live_ticks_and_windows_meet() {
        let config = Config { backfill_days: 3, ..Config::default() };
        let plans = plans(&config, 2);
        assert_eq!(plans.iter().map(|plan| plan.number).collect::<Vec<_>>(), [0, -3, -2, -1, 1, 2]);
        assert_eq!(plans[1].window.start, plans[0].window.start);
        assert_eq!(plans[3].window.end, plans[0].window.end, "history ends at the origin");
        assert!(plans[1..].windows(2).all(|pair| pair[0].window.end == pair[1].window.start));
        assert_eq!(plans[4].window.micros(), config.tick_micros());
    }

    #[test]
    fn a_shop_without_history_is_live_at_once() {
        let config = Config { backfill_days: 0, ..Config::default() };
        let plans = plans(&config, 1);
        assert_eq!(plans.iter().map(|plan| plan.number).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(plans[1].window.start, plans[0].window.end);
    }

    #[test]
    fn live_ticks_wait_for_history() {
        let config = Config { backfill_days: 3, ..Config::default() };
        let genesis = record(&Plan::genesis(&config, origin()));
        let error = Plan::live(&genesis, &config, 1.0, origin().into()).expect_err("history is missing");
        assert_eq!(error.to_string(), "the shop's history still lacks 3 days: write them first");
    }

    #[test]
    fn many_missed_ticks_are_made_up_for_by_the_hour() {
        let config = Config { backfill_days: 0, ..Config::default() };
        let genesis = record(&Plan::genesis(&config, origin()));
        let start = Moment::from(genesis.window_end);
        let after = |seconds: i64, rate| {
            let now = start.plus(seconds * SECOND);
            Plan::live(&genesis, &config, rate, now).expect("a live tick").window.micros() / SECOND
        };
        assert_eq!([after(0, 5.0), after(2, 5.0), after(201, 5.0)], [2, 2, 2]);
        assert_eq!(after(203, 5.0), 202, "all of them, for the hour goes on");
        // From 9:44:03 to the first end of a tick that is not before 10.
        assert_eq!(after(7 * 86_400, 5.0), 15 * 60 + 58);
        assert_eq!(after(7 * 86_400, 60_000.0), 50, "50 000 orders");
        assert_eq!(after(7 * 86_400, 1e9), 2, "one at least");
        assert_eq!(after(7 * 86_400, 0.0), 15 * 60 + 58, "however few orders");
    }

    #[test]
    fn keys_go_on_where_a_tick_left_them() {
        let last = record(&Plan::genesis(&Config::default(), origin()));
        assert_eq!(last.next_ids(), Ids { customer: 11, order: 22, order_item: 33 });
        assert_eq!(last.rows(), 6);
    }
}
