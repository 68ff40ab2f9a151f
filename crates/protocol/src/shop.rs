//! What a stack's shop writes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Ticks that a snapshot holds at most; see [`crate::snapshot::Snapshot`].
pub const TICKS: usize = 300;

/// What one tick of the shop wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct TickSample {
    /// The tick's number.
    pub tick: i64,
    /// When it was written, UTC.
    #[ts(type = "string")]
    pub at: Timestamp,
    /// New orders.
    pub orders: i64,
    /// Rows written, of all tables.
    pub rows: i64,
    /// Orders whose status changed.
    pub status_changes: i64,
    /// Time to make the rows, in milliseconds.
    pub generate_ms: f64,
    /// Time to write them, in milliseconds.
    pub write_ms: f64,
}

/// A call of the shop's function in AWS, as Lambda reported it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Invocation {
    /// Lambda's identifier of the request; a call that is tried again keeps it.
    pub request: String,
    /// When it ended, UTC.
    #[ts(type = "string")]
    pub at: Timestamp,
    /// Why it failed, in Lambda's words, for example `timeout`; absent if it did not.
    pub error: Option<String>,
    /// How long it worked, in milliseconds.
    pub duration_ms: f64,
    /// How long it is paid for, in milliseconds.
    pub billed_ms: f64,
    /// The most memory it used, in megabytes.
    pub memory_mb: u32,
    /// How long it took to start before it could work, in milliseconds; absent if it ran already.
    pub start_ms: Option<f64>,
}
