//! A tick's rows, encoded in chunks of bounded size on a thread of their own, so that generating overlaps with copying.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::encode::Rows;
use super::tables;
use crate::shop::{Catalogue, Purchase, Tick, first_customers};

/// Orders in a chunk. Its rows take about 3 MB; smaller chunks spend more time on starting and ending COPYs.
const CHUNK_ORDERS: i32 = 32_768;
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

/// Starts generating `tick`. The channel ends after its last chunk; dropping the receiver stops the generation.
pub(super) fn generate(tick: Tick) -> mpsc::Receiver<Chunk> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        for_each_chunk(&tick, |chunk| sender.blocking_send(chunk).is_ok());
    });
    receiver
}

/// Hands every chunk of `tick` to `take`, until that says no.
fn for_each_chunk(tick: &Tick, mut take: impl FnMut(Chunk) -> bool) {
    let catalogue = Catalogue::new(tick.seed);
    if tick.number == 0 {
        take(genesis(tick, &catalogue));
        return;
    }
    let mut purchases = tick.purchases(&catalogue).peekable();
    let mut room = 16;
    while purchases.peek().is_some() {
        let started = Instant::now();
        let mut chunk = Chunk::with_room_for(room);
        while chunk.orders.count() < CHUNK_ORDERS {
            let Some(purchase) = purchases.next() else { break };
            chunk.push(&purchase);
        }
        chunk.generating = started.elapsed();
        if !take(chunk) {
            return;
        }
        room = 32_768;
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
