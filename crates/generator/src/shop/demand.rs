//! How busy the shop is: a curve over the day, the week and the year, each with a mean of 1.
//!
//! The curves are tables with straight lines between their points, so that their values are the same on every platform.
//! Since each has a mean of 1, a rate of orders asked for is the rate obtained over the long run.

use super::time::{DAY, HOUR, Moment};

/// Demand at each full hour, UTC: a trough at night, a bump at noon, the peak in the evening.
const HOURS: [f64; 24] = [
    0.70, 0.55, 0.45, 0.40, 0.40, 0.45, 0.60, 0.80, 0.95, 1.05, 1.10, 1.15, 1.25, 1.20, 1.10, 1.10, 1.15, 1.25, 1.40,
    1.55, 1.60, 1.50, 1.30, 1.00,
];
/// Demand by weekday, Monday first: people shop on Sunday evening and hardly on Saturday.
const WEEKDAYS: [f64; 7] = [1.04, 0.98, 0.96, 0.97, 0.95, 0.93, 1.17];
/// Demand at the middle of each twelfth of the year: the holidays make the end of it.
const MONTHS: [f64; 12] = [0.88, 0.86, 0.93, 0.95, 0.98, 0.94, 0.90, 0.92, 0.96, 1.02, 1.28, 1.38];

/// The mean Gregorian year: 365.2425 days, in microseconds.
const YEAR: i64 = 365 * DAY + 20_952 * 1_000_000;
/// 1970-01-01 was a Thursday; this is how many days after a Monday that is.
const THURSDAY: i64 = 3;

/// Demand at `moment` relative to the long-run mean, which is 1.
pub fn demand(moment: Moment) -> f64 {
    let micros = moment.as_micros();
    let hour = curve(&HOURS, micros.rem_euclid(DAY), HOUR);
    let month = curve(&MONTHS, (micros - YEAR / 24).rem_euclid(YEAR), YEAR / 12);
    hour * WEEKDAYS[index((micros.div_euclid(DAY) + THURSDAY).rem_euclid(7), WEEKDAYS.len())] * month
}

/// The closed curve through `points`, `spacing` apart, at `position`.
fn curve(points: &[f64], position: i64, spacing: i64) -> f64 {
    let before = position / spacing;
    let part = (position % spacing) as f64 / spacing as f64;
    let [from, to] = [before, before + 1].map(|point| points[index(point, points.len())]);
    from + (to - from) * part
}

/// `number`, which is not negative, wrapped round a table of `length` entries.
fn index(number: i64, length: usize) -> usize {
    usize::try_from(number).unwrap_or(0) % length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::time::MINUTE;

    fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
        let count = values.len() as f64;
        values.sum::<f64>() / count
    }

    #[test]
    fn each_curve_has_a_mean_of_one() {
        for table in [&HOURS[..], &WEEKDAYS, &MONTHS] {
            assert!((mean(table.iter().copied()) - 1.0).abs() < 1e-12, "{}", mean(table.iter().copied()));
        }
    }

    #[test]
    fn the_mean_over_years_is_one() {
        let moments = (0..4 * YEAR / HOUR).map(|hour| Moment::from_micros(hour * HOUR));
        let values: Vec<f64> = moments.map(demand).collect();
        let mean = mean(values.into_iter());
        assert!((mean - 1.0).abs() < 0.005, "{mean}");
    }

    #[test]
    fn evenings_beat_nights_and_december_beats_july() {
        let at = |text: &str| demand(text.parse::<jiff::Timestamp>().expect("a timestamp").into());
        assert!(at("2026-11-23T20:00:00Z") > 2.0 * at("2026-11-23T04:00:00Z"));
        assert!(at("2026-12-14T12:00:00Z") > 1.3 * at("2026-07-13T12:00:00Z"), "both are Mondays");
        assert!(at("2026-11-22T12:00:00Z") > at("2026-11-21T12:00:00Z"), "Sunday and Saturday");
    }

    #[test]
    fn the_curve_is_smooth_within_a_day() {
        let start = Moment::from_micros(20_000 * DAY);
        for minute in 0..(24 * 60 - 1) {
            let [now, next] = [minute, minute + 1].map(|minute| demand(start.plus(minute * MINUTE)));
            assert!((now - next).abs() < 0.01, "a jump at minute {minute}: {now} to {next}");
        }
    }
}
