//! The shop's settings for the generator, its errors as failures, and its ticks as the dashboard shows them.

use generator::{Config, TickRecord};
use protocol::snapshot::TickSample;
use protocol::{Failure, SandboxConfig};

use super::postgres;
use crate::home::StackFolder;
use crate::observer::TICKS_KEPT;

/// Seconds between ticks: often enough that the throughput chart moves, seldom enough to cost nothing.
const TICK_SECONDS: u32 = 2;

const MINUTES_A_DAY: f64 = 1440.0;

/// The generator's settings of a sandbox.
pub(super) fn generator_config(config: &SandboxConfig) -> Config {
    Config {
        seed: i64::from(config.seed),
        tick_seconds: TICK_SECONDS,
        backfill_days: config.backfill_days,
        orders_per_day: config.orders_per_minute * MINUTES_A_DAY,
    }
}

/// Whether a shop whose last tick is this one has all its history: it went live, or wrote the last day, or has none.
pub(super) fn history_is_complete(last: &TickRecord) -> bool {
    match last.tick {
        0 => last.window_start == last.window_end,
        number => number >= -1,
    }
}

/// What a generator's error means to the user.
pub(super) fn failure(doing: &str, error: &generator::Error) -> Failure {
    let failure = Failure::environment(format!("The shop failed {doing}")).source(error);
    match error {
        generator::Error::Cancelled => Failure::cancelled(),
        generator::Error::SeedMismatch { .. } => {
            failure.hint("A stack keeps the seed it was made with. Remove the stack, or make another one.")
        }
        _ => failure.hint("Running the command again resumes where the last whole tick ended."),
    }
}

/// Follows the ticks as they are written.
pub(crate) struct TickFeed {
    folder: StackFolder,
    client: Option<tokio_postgres::Client>,
    last: Option<i64>,
}

impl TickFeed {
    pub(crate) fn new(folder: &StackFolder) -> Self {
        Self { folder: folder.clone(), client: None, last: None }
    }

    /// The ticks since the last call, oldest first; none while PostgreSQL is away.
    pub(crate) async fn next(&mut self) -> Vec<TickSample> {
        if !self.folder.postgres_socket().exists() {
            self.client = None;
            return Vec::new();
        }
        if self.client.as_ref().is_none_or(tokio_postgres::Client::is_closed) {
            self.client = postgres::connect_to_shop(&self.folder).await.ok();
        }
        let Some(client) = &self.client else { return Vec::new() };
        let limit = u32::try_from(TICKS_KEPT).unwrap_or(u32::MAX);
        let Ok(records) = generator::throughput(client, self.last.unwrap_or(0), limit).await else {
            // The schema is not there yet, or PostgreSQL just went away.
            return Vec::new();
        };
        self.last = records.last().map(|record| record.tick).or(self.last);
        records.iter().map(sample).collect()
    }
}

/// A tick as the dashboard shows it.
pub(crate) fn sample(record: &TickRecord) -> TickSample {
    TickSample {
        tick: record.tick,
        at: record.written_at,
        orders: i64::from(record.orders),
        rows: i64::try_from(record.rows()).unwrap_or(i64::MAX),
        status_changes: i64::from(record.status_changes),
        generate_ms: record.generate_ms,
        write_ms: record.write_ms,
    }
}
