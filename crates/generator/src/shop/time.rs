//! Moments and windows, in whole microseconds: the resolution of a PostgreSQL `timestamptz`.

use jiff::Timestamp;

/// One second, in microseconds.
pub const SECOND: i64 = 1_000_000;
/// One minute, in microseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// One hour, in microseconds.
pub const HOUR: i64 = 60 * MINUTE;
/// One day, in microseconds. The shop keeps UTC, so every day is this long.
pub const DAY: i64 = 24 * HOUR;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// The moment `micros` microseconds after 1970 began (before it, if negative).
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970 began.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The moment `micros` microseconds later (earlier, if negative).
    #[must_use]
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0 + micros)
    }

    /// The last whole second at or before this moment.
    #[must_use]
    pub const fn floor_to_second(self) -> Self {
        Self(self.0 - self.0.rem_euclid(SECOND))
    }

    /// The same moment as a calendar timestamp; what no calendar holds becomes its nearest end.
    pub fn timestamp(self) -> Timestamp {
        let end = if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Timestamp::from_microsecond(self.0).unwrap_or(end)
    }
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_microsecond())
    }
}

/// A stretch of time, with its start and without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment inside.
    pub start: Moment,
    /// The first moment after it.
    pub end: Moment,
}

impl Window {
    /// The window of `micros` microseconds that begins at `start`.
    pub const fn starting(start: Moment, micros: i64) -> Self {
        Self { start, end: start.plus(micros) }
    }

    /// Its length in microseconds.
    pub const fn micros(self) -> i64 {
        self.end.as_micros() - self.start.as_micros()
    }

    /// Whether `moment` lies inside.
    pub fn contains(self, moment: Moment) -> bool {
        self.start <= moment && moment < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_floored_before_1970_too() {
        assert_eq!(Moment::from_micros(1_999_999).floor_to_second(), Moment::from_micros(SECOND));
        assert_eq!(Moment::from_micros(-1).floor_to_second(), Moment::from_micros(-SECOND));
    }

    #[test]
    fn timestamps_survive_the_round_trip() {
        let timestamp: Timestamp = "2026-11-23T09:44:03.123456Z".parse().expect("a valid timestamp");
        assert_eq!(Moment::from(timestamp).timestamp(), timestamp);
    }

    #[test]
    fn a_window_holds_its_start_and_not_its_end() {
        let window = Window::starting(Moment::from_micros(10), 5);
        assert!(window.contains(window.start));
        assert!(!window.contains(window.end));
        assert_eq!(window.micros(), 5);
    }
}
