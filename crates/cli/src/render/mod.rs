//! How a run looks: bars on a terminal, lines elsewhere, NDJSON on request.

mod bars;
mod json;
mod lines;

use std::io::IsTerminal;
use std::time::Duration;

use jiff::Timestamp;
use protocol::{Event, RunState, StepOutcome, StepState};

/// Shows a run as it happens.
pub(crate) trait Renderer {
    /// Takes the state so far into account, after events were missed.
    fn catch_up(&mut self, state: &RunState);
    /// Shows an event.
    fn show(&mut self, event: &Event);
    /// Shows a word of our own.
    fn note(&mut self, line: &str);
    /// Leaves the screen tidy, with a last word.
    fn end(&mut self, word: Option<&str>);
}

/// The renderer that fits standard error, or NDJSON.
pub(crate) fn choose(json: bool) -> Box<dyn Renderer> {
    if json {
        Box::new(json::Json)
    } else if std::io::stderr().is_terminal() {
        Box::new(bars::Bars::default())
    } else {
        Box::new(lines::Lines::default())
    }
}

/// A step's outcome: a sign and a few words.
fn outcome_words(outcome: &StepOutcome) -> (&'static str, String) {
    match outcome {
        StepOutcome::Done { .. } => ("\u{2713}", "done".to_owned()),
        StepOutcome::AlreadyDone { reason } => ("\u{2713}", format!("nothing to do: {reason}")),
        StepOutcome::Skipped { reason } => ("\u{2013}", format!("skipped: {reason}")),
        StepOutcome::Failed { failure } => ("\u{2717}", format!("failed: {failure}")),
        StepOutcome::Cancelled => ("\u{2013}", "cancelled".to_owned()),
    }
}

/// The time between two moments, for people.
fn elapsed(from: Timestamp, to: Timestamp) -> String {
    let duration = Duration::try_from(to.duration_since(from)).unwrap_or_default();
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

/// A time span for people, to two units.
pub(crate) fn span(of: Duration) -> String {
    let seconds = of.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {:02} s", seconds % 60),
        (0, ..) => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// What a run waited for, step by step; `None` if all its steps came one after the other.
pub(crate) fn longest_chain(run: &RunState) -> Option<String> {
    let chain = run.longest_chain();
    let beside = run.steps.iter().filter(|step| step.started_at.is_some()).count() - chain.len();
    let link = |step: &&StepState| {
        let took = step.started_at.zip(step.finished_at).map(|(from, to)| elapsed(from, to));
        format!("{} ({})", step.plan.title, took.unwrap_or_default())
    };
    let links: Vec<String> = chain.iter().map(link).collect();
    (beside > 0).then(|| format!("Longest chain: {}; {beside} more ran beside it.", links.join(" \u{2192} ")))
}

/// A count with thousands set apart.
pub(crate) fn grouped(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if count < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1234), "1,234");
        assert_eq!(grouped(-1_234_567), "-1,234,567");
        let at = |second: i64| Timestamp::from_millisecond(second * 100).unwrap();
        assert_eq!(elapsed(at(0), at(123)), "12.3 s");
        assert_eq!(elapsed(at(0), at(1230)), "2 min 03 s");
    }
}
