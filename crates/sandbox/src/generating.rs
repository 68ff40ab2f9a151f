//! The generator, as a sandbox sets it, and its errors as failures.

use generator::{Config, TickRecord};
use protocol::{Failure, Keep, ShopConfig};

/// Seconds between ticks: often enough that the throughput chart moves, seldom enough to cost nothing.
const TICK_SECONDS: u32 = 2;

const MINUTES_A_DAY: f64 = 1440.0;

/// The generator's settings of a sandbox.
pub(crate) fn config(config: &ShopConfig, keep: &Keep) -> Config {
    Config {
        seed: i64::from(config.seed),
        tick_seconds: TICK_SECONDS,
        backfill_days: config.backfill_days,
        orders_per_day: config.orders_per_minute * MINUTES_A_DAY,
        tick_days: keep.tick_days,
    }
}

/// Whether a shop whose last tick is this one has all its history: it went live, or wrote the last day, or has none.
pub(crate) fn history_is_complete(last: &TickRecord) -> bool {
    match last.tick {
        0 => last.window_start == last.window_end,
        number => number >= -1,
    }
}

/// What a generator's error means to the user.
pub(crate) fn failure(doing: &str, error: &generator::Error) -> Failure {
    let failure = Failure::environment(format!("The shop failed {doing}")).source(error);
    match error {
        generator::Error::Cancelled => Failure::cancelled(),
        generator::Error::SeedMismatch { .. } => {
            failure.hint("A stack keeps the seed it was made with. Remove the stack, or make another one.")
        }
        _ => failure.hint("Running the command again resumes where the last whole tick ended."),
    }
}
