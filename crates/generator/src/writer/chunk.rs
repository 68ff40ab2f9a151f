//! A tick's rows, encoded in chunks of bounded size on a thread of their own, so that generating overlaps with copying.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::encode::Rows;
use super::tables;
use crate::error::Error;
use crate::shop::{Catalogue, Purchase, Tick, first_customers};

/// Orders in a chunk. Its rows take about 12 MB; smaller chunks spend more time on starting and ending COPYs.
const CHUNK_ORDERS: usize = 32_768;
/// Orders to make room for at first: a live tick seldom has more, and a day of history grows into it soon enough.
const FEW_ORDERS: usize = 16;
/// Chunks generated ahead of the one being copied.
const AHEAD: usize = 2;

/// Encoded rows of every table.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) products: Rows,
    pub(super) customers: Rows,
    pub(super) orders: Rows,
    pub(super) order_items: Rows,
    /// What it took to generate and encode them.
    pub(super) generating: Duration,
}

impl Chunk {
    /// No rows, with room for those of `orders` orders.
    fn with_room_for(orders: usize) -> Self {
        Self {
            products: Rows::with_capacity(0),
            customers: Rows::with_capacity(16 * orders),
            orders: Rows::with_capacity(160 * orders),
            order_items: Rows::with_capacity(320 * orders),
            generating: Duration::ZERO,
        }
    }

    fn push(&mut self, purchase: &Purchase) {
        if let Some(customer) = &purchase.new_customer {
            tables::customer(&mut self.customers, customer);
        }
        tables::order(&mut self.orders, purchase);
        tables::order_items(&mut self.order_items, purchase);
    }
}

/// A tick being generated on a thread of its own. Dropping it stops that thread at its next chunk.
#[derive(Debug)]
pub(super) struct Generation {
    tick: i64,
    chunks: mpsc::Receiver<Chunk>,
    thread: JoinHandle<()>,
}

impl Generation {
    /// Starts generating `tick`.
    pub(super) fn start(tick: Tick) -> Self {
        Self::on_thread(tick.number, move |chunks| {
            for_each_chunk(&tick, |chunk| chunks.blocking_send(chunk).is_ok());
        })
    }

    fn on_thread(tick: i64, work: impl FnOnce(mpsc::Sender<Chunk>) + Send + 'static) -> Self {
        let (sender, chunks) = mpsc::channel(AHEAD);
        Self { tick, chunks, thread: tokio::task::spawn_blocking(move || work(sender)) }
    }

    /// The next chunk; none after the last one.
    ///
    /// # Errors
    /// [`Error::GeneratorStopped`] if the thread panicked: its channel ends as if the tick were complete, and a part of
    /// a tick must not be committed.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        if let Some(chunk) = self.chunks.recv().await {
            return Ok(Some(chunk));
        }
        (&mut self.thread).await.map_err(|_| Error::GeneratorStopped { tick: self.tick })?;
        Ok(None)
    }
}

/// Hands every chunk of `tick` to `take`, until that says no.
fn for_each_chunk(tick: &Tick, mut take: impl FnMut(Chunk) -> bool) {
    let catalogue = Catalogue::new(tick.seed);
    if tick.number == 0 {
        take(genesis(tick, &catalogue));
        return;
    }
    let mut purchases = tick.purchases(&catalogue).peekable();
    let mut room = FEW_ORDERS;
    while purchases.peek().is_some() {
        let started = Instant::now();
        let mut chunk = Chunk::with_room_for(room);
        purchases.by_ref().take(CHUNK_ORDERS).for_each(|purchase| chunk.push(&purchase));
        chunk.generating = started.elapsed();
        if !take(chunk) {
            return;
        }
        room = CHUNK_ORDERS;
    }
}

/// The rows the shop opens with.
fn genesis(tick: &Tick, catalogue: &Catalogue) -> Chunk {
    let started = Instant::now();
    let opened_at = tick.window.start;
    let mut chunk = Chunk::with_room_for(0);
    for product in catalogue.products() {
        tables::product(&mut chunk.products, product, opened_at);
    }
    for customer in first_customers(tick.seed, opened_at) {
        tables::customer(&mut chunk.customers, &customer);
    }
    chunk.generating = started.elapsed();
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::{DAY, Ids, Moment, Window};

    fn busy_day() -> Tick {
        let window = Window::starting(Moment::from_micros(20_000 * DAY), DAY);
        Tick { seed: 42, number: -1, window, rate: 50.0, first: Ids { customer: 1_001, ..Ids::FIRST } }
    }

    #[tokio::test]
    async fn chunks_hold_every_order_once() {
        let tick = busy_day();
        let catalogue = Catalogue::new(tick.seed);
        let mut generation = Generation::start(tick);
        let mut counts = Vec::new();
        while let Some(chunk) = generation.next().await.expect("no panic") {
            counts.push(usize::try_from(chunk.orders.count()).expect("a count"));
        }
        assert_eq!(counts.iter().sum::<usize>(), tick.purchases(&catalogue).count());
        let (last, full) = counts.split_last().expect("a chunk");
        assert!(!full.is_empty() && full.iter().all(|&count| count == CHUNK_ORDERS), "{counts:?}");
        assert!((1..=CHUNK_ORDERS).contains(last));
    }

    #[tokio::test]
    async fn a_panic_is_not_taken_for_the_end() {
        let mut generation = Generation::on_thread(7, |chunks| {
            chunks.blocking_send(Chunk::with_room_for(0)).expect("a receiver");
            panic!("this panic is part of the test");
        });
        assert!(generation.next().await.expect("the first chunk").is_some());
        let error = generation.next().await.expect_err("no second one");
        assert_eq!(error.to_string(), "generating tick 7 stopped early, which is a bug");
    }
}
