//! The shop's ticks, as a snapshot shows them.

use generator::TickRecord;
use protocol::shop::TickSample;

/// A tick as it is shown.
pub fn sample(record: &TickRecord) -> TickSample {
    TickSample {
        tick: record.tick,
        at: record.written_at,
        until: Some(record.window_end),
        orders: i64::from(record.orders),
        rows: i64::try_from(record.rows()).unwrap_or(i64::MAX),
        status_changes: i64::from(record.status_changes),
        generate_ms: record.generate_ms,
        write_ms: record.write_ms,
    }
}
