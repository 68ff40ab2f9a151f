//! Writing one tick: a transaction that either adds everything of it or nothing.

use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::SinkExt;
use jiff::Timestamp;
use tokio_postgres::Transaction;

use super::chunk::Generation;
use super::encode::Rows;
use super::ticks::{self, Plan, TickRecord};
use super::{LOCK, Writer, tables};
use crate::config::validate_rate;
use crate::error::{During, Error};
use crate::shop::{Ids, Moment, Tick, Timeline};

/// Orders whose status is changed by one statement.
const BATCH: i64 = 10_000;
/// Bytes per message of a COPY: enough to be cheap, few enough for the server to work while more are on the way.
const MESSAGE: usize = 64 * 1024;

/// What became of a tick that was to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is committed now.
    Written(TickRecord),
    /// It had been committed before; nothing was changed.
    AlreadyWritten(TickRecord),
}

impl Outcome {
    /// The tick as the database has it.
    pub const fn record(&self) -> &TickRecord {
        match self {
            Self::Written(record) | Self::AlreadyWritten(record) => record,
        }
    }
}

/// Is told how many rows were copied since it was last told.
pub(super) type OnRows<'a> = &'a mut (dyn FnMut(u64) + Send);

impl Writer {
    /// Writes the tick of `plan` in one transaction, exactly once however often it is called. Dropping the future
    /// before it is done rolls the tick back, unless the commit was already on its way.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] if other ticks have to be written before, [`Error::SeedMismatch`] if the shop has another
    /// seed, [`Error::Query`] if PostgreSQL refuses or goes away; in each case nothing was written.
    pub async fn write_tick(&mut self, plan: &Plan) -> Result<Outcome, Error> {
        self.write(plan, &mut |_| ()).await
    }

    /// [`Writer::write_tick`] that tells how it gets on.
    pub(super) async fn write(&mut self, plan: &Plan, on_rows: OnRows<'_>) -> Result<Outcome, Error> {
        validate_rate(plan.rate)?;
        let started = Instant::now();
        let transaction = self.client.transaction().await.during("starting a tick's transaction")?;
        lock(&transaction).await?;
        let last = ticks::last(&transaction).await?;
        if let Some(last) = &last {
            check_seed(last, plan.seed)?;
            if let Some(record) = ticks::find(&transaction, plan.number).await? {
                return Ok(Outcome::AlreadyWritten(record));
            }
        }
        let tick = follow(last.as_ref(), plan)?;
        let generation = Generation::start(tick);
        let status_changes = advance_orders(&transaction, &tick).await?;
        let copied = copy(&transaction, generation, on_rows).await?;
        let record = record(&tick, &copied, status_changes, started.elapsed());
        let record = remember(&transaction, record).await?;
        transaction.commit().await.during("committing a tick")?;
        Ok(Outcome::Written(record))
    }
}

/// Waits until no other writer is in a tick, and keeps others out until the transaction ends.
pub(super) async fn lock(transaction: &Transaction<'_>) -> Result<(), Error> {
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.during("waiting for other writers")?;
    Ok(())
}

/// Refuses to go on with a shop that was grown from another seed.
pub(super) fn check_seed(last: &TickRecord, asked: i64) -> Result<(), Error> {
    if last.seed == asked { Ok(()) } else { Err(Error::SeedMismatch { existing: last.seed, asked }) }
}

/// The tick of `plan`, with the keys that follow the last one's.
fn follow(last: Option<&TickRecord>, plan: &Plan) -> Result<Tick, Error> {
    let expected = last.map_or(0, TickRecord::next_number);
    if plan.number != expected {
        return Err(Error::OutOfOrder { asked: plan.number, expected });
    }
    let first = last.map_or(Ids::FIRST, TickRecord::next_ids);
    Ok(Tick { seed: plan.seed, number: plan.number, window: plan.window, rate: plan.rate, first })
}

/// Brings every order whose status is due before the tick's end up to date, and returns how many those were.
async fn advance_orders(transaction: &Transaction<'_>, tick: &Tick) -> Result<i32, Error> {
    const DURING: &str = "changing the status of orders";
    let end = tick.as_of();
    let due = transaction
        .prepare(
            "SELECT order_id, placed_at FROM production.orders \
             WHERE status_due_at < $1 ORDER BY status_due_at LIMIT $2",
        )
        .await
        .during(DURING)?;
    let mut total = 0;
    loop {
        // What was changed is due later or never, so the next batch is another one.
        let rows = transaction.query(&due, &[&end.timestamp(), &BATCH]).await.during(DURING)?;
        if rows.is_empty() {
            return Ok(total);
        }
        let orders = rows.iter().map(|row| (row.get(0), row.get(1)));
        let updated = Changes::new(tick.seed, end, orders).apply(transaction).await.during(DURING)?;
        total += i32::try_from(updated).unwrap_or(i32::MAX);
    }
}

/// New states of orders, a column each, as `unnest` takes them.
#[derive(Default)]
struct Changes {
    order_ids: Vec<i64>,
    statuses: Vec<&'static str>,
    since: Vec<Timestamp>,
    due: Vec<Option<Timestamp>>,
}

impl Changes {
    /// The states before `end` of orders given by key and time of placing.
    fn new(seed: i64, end: Moment, orders: impl Iterator<Item = (i64, Timestamp)>) -> Self {
        let mut changes = Self::default();
        for (order_id, placed_at) in orders {
            let state = Timeline::new(seed, order_id, placed_at.into()).before(end);
            changes.order_ids.push(order_id);
            changes.statuses.push(state.status.as_str());
            changes.since.push(state.since.timestamp());
            changes.due.push(state.due.map(Moment::timestamp));
        }
        changes
    }

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<u64, tokio_postgres::Error> {
        let statement = "UPDATE production.orders \
             SET status = change.status, updated_at = change.since, status_due_at = change.due \
             FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[]) \
                 AS change (order_id, status, since, due) \
             WHERE orders.order_id = change.order_id";
        transaction.execute(statement, &[&self.order_ids, &self.statuses, &self.since, &self.due]).await
    }
}

/// What was copied of a tick.
#[derive(Default)]
struct Copied {
    customers: i32,
    orders: i32,
    order_items: i32,
    generating: Duration,
}

/// Copies everything that is generated into its table.
async fn copy(transaction: &Transaction<'_>, mut generation: Generation, on_rows: OnRows<'_>) -> Result<Copied, Error> {
    let mut copied = Copied::default();
    while let Some(chunk) = generation.next().await? {
        copied.customers += chunk.customers.count();
        copied.orders += chunk.orders.count();
        copied.order_items += chunk.order_items.count();
        copied.generating += chunk.generating;
        for (statement, rows) in [
            (tables::PRODUCTS, chunk.products),
            (tables::CUSTOMERS, chunk.customers),
            (tables::ORDERS, chunk.orders),
            (tables::ORDER_ITEMS, chunk.order_items),
        ] {
            on_rows(copy_rows(transaction, statement, rows).await?);
        }
    }
    Ok(copied)
}

/// Copies `rows` with `statement`, and returns how many there were.
async fn copy_rows(transaction: &Transaction<'_>, statement: &str, rows: Rows) -> Result<u64, Error> {
    const DURING: &str = "copying rows into the shop";
    if rows.count() == 0 {
        return Ok(0);
    }
    let mut bytes = rows.finish();
    let mut sink = pin!(transaction.copy_in::<_, Bytes>(statement).await.during(DURING)?);
    while !bytes.is_empty() {
        let message = bytes.split_to(bytes.len().min(MESSAGE));
        // On a failure, the server's reason comes with the end of the copy.
        if sink.send(message).await.is_err() {
            break;
        }
    }
    sink.finish().await.during(DURING)
}

fn record(tick: &Tick, copied: &Copied, status_changes: i32, elapsed: Duration) -> TickRecord {
    TickRecord {
        tick: tick.number,
        seed: tick.seed,
        window_start: tick.window.start.timestamp(),
        window_end: tick.window.end.timestamp(),
        rate: tick.rate,
        customers: copied.customers,
        orders: copied.orders,
        order_items: copied.order_items,
        status_changes,
        first_customer_id: tick.first.customer,
        first_order_id: tick.first.order,
        first_order_item_id: tick.first.order_item,
        generate_ms: copied.generating.as_secs_f64() * 1_000.0,
        write_ms: elapsed.as_secs_f64() * 1_000.0,
        written_at: Timestamp::UNIX_EPOCH,
    }
}

/// Inserts the tick's row; gives it back with the time the server wrote it.
async fn remember(transaction: &Transaction<'_>, record: TickRecord) -> Result<TickRecord, Error> {
    let row = transaction
        .query_one(
            "INSERT INTO production.generator_ticks (tick, seed, window_start, window_end, rate, customers, orders, \
             order_items, status_changes, first_customer_id, first_order_id, first_order_item_id, generate_ms, \
             write_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING written_at",
            &[
                &record.tick,
                &record.seed,
                &record.window_start,
                &record.window_end,
                &record.rate,
                &record.customers,
                &record.orders,
                &record.order_items,
                &record.status_changes,
                &record.first_customer_id,
                &record.first_order_id,
                &record.first_order_item_id,
                &record.generate_ms,
                &record.write_ms,
            ],
        )
        .await
        .during("recording a tick")?;
    Ok(TickRecord { written_at: row.get(0), ..record })
}
