//! What may be asked of a shop, wherever it runs.

use crate::failure::{Blame, Failure};

/// The most orders a minute that can be asked for.
pub const MAX_ORDERS_PER_MINUTE: f64 = 60_000.0;

/// Accepts ten years at most.
pub(crate) fn validate_history(days: u32) -> Result<(), Failure> {
    if days <= 3650 { Ok(()) } else { Err(out_of_range("Days of history", "0 to 3650", days)) }
}

/// Accepts 0 to [`MAX_ORDERS_PER_MINUTE`].
pub fn validate_rate(orders_per_minute: f64) -> Result<(), Failure> {
    if (0.0..=MAX_ORDERS_PER_MINUTE).contains(&orders_per_minute) {
        return Ok(());
    }
    Err(out_of_range("Orders a minute", "0 to 60000", orders_per_minute))
}

pub(crate) fn out_of_range(what: &str, range: &str, got: impl std::fmt::Display) -> Failure {
    Failure::new(Blame::User, format!("{what}: {got} is out of range")).hint(format!("Choose {range}."))
}
