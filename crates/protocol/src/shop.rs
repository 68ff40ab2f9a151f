//! What a stack's shop writes.

use std::time::Duration;

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
    /// The end of the time that its orders are of, UTC; absent where only its metrics are known.
    #[serde(default)]
    #[ts(type = "string | null")]
    pub until: Option<Timestamp>,
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

/// How far a shop is behind the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// The time whose orders are yet to come.
    pub behind: Duration,
    /// How long it takes to catch up at the pace of its latest ticks; `None` if it does not catch up.
    pub to_go: Option<Duration>,
}

/// Less is nothing to speak of.
const KEEPS_UP: Duration = Duration::from_mins(1);

/// Ticks whose pace counts.
const PACE: usize = 20;

/// How far the shop that wrote these ticks, oldest first, is behind at `now`; `None` if it keeps up or nobody can say. The page
/// reckons in the same way (`ui/src/lib/lag.ts`).
pub fn lag(ticks: &[TickSample], now: Timestamp) -> Option<Lag> {
    let ticks = &ticks[ticks.len().saturating_sub(PACE)..];
    let [first, .., before, last] = ticks else { return None };
    let span = |from: Timestamp, to: Timestamp| Duration::try_from(to.duration_since(from)).unwrap_or_default();
    let behind = span(last.until?, now);
    if behind <= KEEPS_UP + 2 * span(before.until?, last.until?) {
        return None;
    }
    let (gained, took) = (span(first.until?, last.until?), span(first.at, last.at));
    let caught_up = gained.saturating_sub(took).as_secs_f64();
    let at_work = span(last.at, now) < KEEPS_UP;
    let to_go = (at_work && caught_up > 0.0)
        .then(|| Duration::try_from_secs_f64(behind.as_secs_f64() * took.as_secs_f64() / caught_up).ok());
    Some(Lag { behind, to_go: to_go.flatten() })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    /// Ten ticks, one each second up to `now`, of so many seconds each, the last of which ends so many seconds before `now`.
    fn ticks(seconds: i64, behind: i64, now: Timestamp) -> Vec<TickSample> {
        let of = |ago: i64| TickSample {
            tick: 10 - ago,
            at: now - SignedDuration::from_secs(ago),
            until: Some(now - SignedDuration::from_secs(behind + ago * seconds)),
            orders: 0,
            rows: 0,
            status_changes: 0,
            generate_ms: 0.0,
            write_ms: 0.0,
        };
        (0..10).rev().map(of).collect()
    }

    #[test]
    fn a_shop_behind_the_clock_says_by_how_much_and_how_long_it_takes() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        assert_eq!(lag(&ticks(2, 60, now), now), None);
        // Two seconds a second: one of them is gained.
        let behind = Some(Lag { behind: Duration::from_hours(1), to_go: Some(Duration::from_hours(1)) });
        assert_eq!(lag(&ticks(2, 3600, now), now), behind);
        assert_eq!(lag(&ticks(1, 3600, now), now).unwrap().to_go, None, "it keeps pace, and stays behind");
        let hours = lag(&ticks(3600, 86_400, now), now).unwrap();
        assert_eq!(hours.to_go.unwrap().as_secs(), 24, "by the hour");
        let stopped = lag(&ticks(2, 3600, now), now + SignedDuration::from_hours(1)).unwrap();
        assert_eq!(stopped, Lag { behind: Duration::from_hours(2), to_go: None });
        let mut measured = ticks(2, 3600, now);
        measured[9].until = None;
        assert_eq!((lag(&measured, now), lag(&[], now)), (None, None));
    }
}
