//! What the shop's owner chooses.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::shop::SECOND;

/// Orders per minute beyond which a tick's row counts could leave the range of an `int` column.
const MAX_RATE: f64 = 100_000.0;
const MAX_TICK_SECONDS: u32 = 3_600;
const MAX_BACKFILL_DAYS: u32 = 3_650;
const MAX_TICK_DAYS: u32 = 3_650;

/// The shop's settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the whole shop grows from: the same seed gives the same shop.
    pub seed: i64,
    /// The length of a live tick, 1 to 3,600 seconds. A change takes effect with the next tick.
    pub tick_seconds: u32,
    /// How many days of history the shop opens with, at most 3,650. Fixed once the shop is open.
    pub backfill_days: u32,
    /// The mean number of orders on a day of that history, at most 144 million. Fixed once the shop is open.
    pub orders_per_day: f64,
    /// For how many days live ticks are remembered one by one, at most 3,650; those before are merged by the hour.
    pub tick_days: u32,
}

impl Default for Config {
    /// A shop with a quarter of history, at a pace that a laptop writes in seconds.
    fn default() -> Self {
        Self { seed: 42, tick_seconds: 2, backfill_days: 90, orders_per_day: 4_000.0, tick_days: 7 }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] names the first that is out of it.
    pub fn validate(&self) -> Result<(), Error> {
        if !(1..=MAX_TICK_SECONDS).contains(&self.tick_seconds) {
            return Err(invalid("tick_seconds", self.tick_seconds, "between 1 and 3600"));
        }
        if self.backfill_days > MAX_BACKFILL_DAYS {
            return Err(invalid("backfill_days", self.backfill_days, "at most 3650"));
        }
        if !(1..=MAX_TICK_DAYS).contains(&self.tick_days) {
            return Err(invalid("tick_days", self.tick_days, "between 1 and 3650"));
        }
        if !is_rate(self.history_rate()) {
            return Err(invalid("orders_per_day", self.orders_per_day, "between 0 and 144 million"));
        }
        Ok(())
    }

    /// Orders per minute in the history.
    pub(crate) fn history_rate(&self) -> f64 {
        self.orders_per_day / 1_440.0
    }

    /// The length of a live tick in microseconds.
    pub(crate) fn tick_micros(&self) -> i64 {
        i64::from(self.tick_seconds) * SECOND
    }
}

/// Checks a rate of orders per minute.
pub(crate) fn validate_rate(rate: f64) -> Result<(), Error> {
    if is_rate(rate) { Ok(()) } else { Err(invalid("rate", rate, "between 0 and 100,000 orders per minute")) }
}

fn is_rate(rate: f64) -> bool {
    (0.0..=MAX_RATE).contains(&rate)
}

fn invalid(setting: &'static str, value: impl Into<f64>, must_be: &'static str) -> Error {
    Error::InvalidConfig { setting, value: value.into().to_string(), must_be }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid() {
        Config::default().validate().expect("valid");
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let refused = |config: Config| config.validate().expect_err("invalid").to_string();
        let good = Config::default();
        assert_eq!(refused(Config { tick_seconds: 0, ..good }), "tick_seconds is 0: it must be between 1 and 3600");
        assert!(refused(Config { backfill_days: 4_000, ..good }).starts_with("backfill_days is 4000"));
        for orders_per_day in [-1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert!(refused(Config { orders_per_day, ..good }).starts_with("orders_per_day is"));
        }
        assert!(validate_rate(f64::NAN).is_err() && validate_rate(-0.1).is_err());
    }
}
