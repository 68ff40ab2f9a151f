//! How far a push has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// How often progress is told.
const TELL: Duration = Duration::from_millis(100);

/// How far a push has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Bytes the registry has, those it had before included. Falls when a blob has to be sent again.
    pub done: u64,
    /// Bytes of all blobs.
    pub total: u64,
    /// Blobs the registry has.
    pub blobs_done: usize,
    /// Blobs of the image.
    pub blobs: usize,
}

/// Is told of progress some ten times a second, and at the end. Any closure over a [`Transfer`] will do.
pub trait Progress: Sync {
    /// Takes note. Must not block.
    fn moved(&self, transfer: Transfer);
}

impl<F: Fn(Transfer) + Sync> Progress for F {
    fn moved(&self, transfer: Transfer) {
        self(transfer);
    }
}

/// Counts what is moved. The streams that move it write, one teller reads.
pub(crate) struct Tally {
    total: u64,
    blobs: usize,
    counters: Vec<Counter>,
    placed: AtomicUsize,
}

impl Tally {
    /// A tally of blobs of these sizes in bytes.
    pub(crate) fn new(sizes: impl Iterator<Item = u64>) -> Self {
        let sizes: Vec<u64> = sizes.collect();
        let counters = sizes.iter().map(|_| Counter::default()).collect();
        Self { total: sizes.iter().sum(), blobs: sizes.len(), counters, placed: AtomicUsize::new(0) }
    }

    /// The counter of a blob's bytes, by the blob's place in the list of sizes.
    pub(crate) fn counter(&self, blob: usize) -> Counter {
        self.counters[blob].clone()
    }

    /// One more blob is in the registry.
    pub(crate) fn placed(&self) {
        self.placed.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells that all of it was there.
    pub(crate) fn all_placed(&self, progress: &dyn Progress) {
        progress.moved(Transfer { done: self.total, total: self.total, blobs_done: self.blobs, blobs: self.blobs });
    }

    fn transfer(&self) -> Transfer {
        Transfer {
            done: self.counters.iter().map(Counter::get).sum(),
            total: self.total,
            blobs_done: self.placed.load(Ordering::Relaxed),
            blobs: self.blobs,
        }
    }

    /// Tells of progress until `work` is done.
    pub(crate) async fn tell_while<T>(&self, progress: &dyn Progress, work: impl Future<Output = T>) -> T {
        let tell = async {
            loop {
                progress.moved(self.transfer());
                tokio::time::sleep(TELL).await;
            }
        };
        let result = tokio::select! {
            result = work => result,
            () = tell => unreachable!("it tells without end"),
        };
        progress.moved(self.transfer());
        result
    }
}

/// A count of bytes that clones share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter(Arc<AtomicU64>);

impl Counter {
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends when the count has not changed for `limit` to twice `limit`.
    pub(crate) async fn stands_still(&self, limit: Duration) {
        let mut seen = None;
        loop {
            let now = self.get();
            if seen == Some(now) {
                return;
            }
            seen = Some(now);
            tokio::time::sleep(limit).await;
        }
    }
}
