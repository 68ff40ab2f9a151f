//! Writing the shop's history, a day at a time.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Writer;
use super::ticks::{self, Plan, TickRecord};
use super::write::Outcome;
use crate::config::Config;
use crate::error::Error;

/// How far a backfill has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Ticks that are committed, by this backfill or an earlier one: tick 0 and the days.
    pub ticks_done: u64,
    /// Ticks that will be in the end.
    pub ticks_total: u64,
    /// Rows this backfill has copied so far, in all tables.
    pub rows: u64,
}

/// What a backfill did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Days of history the shop has. They were fixed when it was opened, and may differ from what was asked for now.
    pub days: u64,
    /// Mean orders on a day of it, fixed likewise.
    pub orders_per_day: f64,
    /// Ticks that this backfill committed.
    pub ticks: u64,
    /// Rows that it copied, in all tables.
    pub rows: u64,
    /// How long it took.
    pub elapsed: Duration,
}

impl Writer {
    /// Opens the shop, with its origin now, and writes its history; goes on where an earlier backfill stopped, and does
    /// nothing if history is complete. `on_progress` is called after every COPY, which is about
    /// once a second or oftener.
    ///
    /// # Errors
    /// [`Error::Cancelled`] after `cancel`, with every finished day committed and nothing of the unfinished one;
    /// otherwise as [`Writer::write_tick`].
    pub async fn backfill(
        &mut self,
        config: &Config,
        cancel: &CancellationToken,
        on_progress: impl FnMut(Progress) + Send,
    ) -> Result<Summary, Error> {
        cancel.run_until_cancelled(self.fill(config, on_progress)).await.unwrap_or(Err(Error::Cancelled))
    }

    async fn fill(&mut self, config: &Config, mut on_progress: impl FnMut(Progress) + Send) -> Result<Summary, Error> {
        let started = Instant::now();
        let opened = self.open(config, Timestamp::now()).await?;
        let genesis = opened.record();
        let days = genesis.history_days().unsigned_abs();
        let mut ticks = u64::from(matches!(opened, Outcome::Written(_)));
        let mut progress = Progress { ticks_done: 1, ticks_total: 1 + days, rows: 0 };
        let mut last = self.last_of(config).await?;
        while let Some(plan) = Plan::history(&last) {
            progress.ticks_done = done(&last, days);
            let outcome = self
                .write(&plan, &mut |rows| {
                    progress.rows += rows;
                    on_progress(progress);
                })
                .await?;
            ticks += u64::from(matches!(outcome, Outcome::Written(_)));
            // Another writer may have gone further than the tick that was just found to be written.
            last = ticks::last(&self.client).await?.ok_or(Error::NotOpened)?;
        }
        progress.ticks_done = progress.ticks_total;
        on_progress(progress);
        let orders_per_day = genesis.rate * 1_440.0;
        Ok(Summary { days, orders_per_day, ticks, rows: progress.rows, elapsed: started.elapsed() })
    }
}

/// How many of tick 0 and the `days` of history are written when `last` is the last of them.
fn done(last: &TickRecord, days: u64) -> u64 {
    if last.tick < 0 { 2 + days - last.tick.unsigned_abs() } else { 1 }
}
