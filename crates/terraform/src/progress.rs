//! How far a command has come, folded from its messages.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::message::{Change, Hook, Kind, Message};

/// Resources in flight that are named.
const NAMED: usize = 3;

/// After so many seconds without a word the silence is worth telling: Terraform speaks every ten seconds of what it
/// waits for.
const SILENT: i64 = 60;

/// The fold of a command's messages.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    planned: u64,
    done: u64,
    seen: u64,
    in_flight: BTreeMap<String, InFlight>,
    interrupted: bool,
    heard: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct InFlight {
    doing: &'static str,
    since: Timestamp,
}

impl Progress {
    /// Takes a message in; says whether something changed that is worth telling.
    pub fn take(&mut self, message: &Message) -> bool {
        self.heard = message.at.or(self.heard);
        match &message.kind {
            Kind::PlannedChange { change } => self.planned += weight(change),
            Kind::RefreshComplete { .. } => self.seen += 1,
            Kind::ApplyStart { hook } | Kind::ApplyProgress { hook } => {
                self.begin(hook, message.at.unwrap_or_default());
            }
            Kind::ApplyComplete { hook } | Kind::ApplyErrored { hook } => {
                let known = self.in_flight.remove(&hook.resource.addr).is_some();
                let counts = matches!(message.kind, Kind::ApplyComplete { .. }) && hook.action != "read";
                self.done += u64::from(known && counts);
            }
            Kind::Log if message.text.trim_start().starts_with(INTERRUPTED) => self.interrupted = true,
            _ => return false,
        }
        true
    }

    fn begin(&mut self, hook: &Hook, at: Timestamp) {
        let doing = doing(&hook.action);
        self.in_flight.entry(hook.resource.addr.clone()).or_insert(InFlight { doing, since: at });
    }

    /// Resources made, changed or removed.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// How many there are to make, change and remove; unknown until the plan is.
    pub fn total(&self) -> Option<u64> {
        (self.planned > 0).then_some(self.planned.max(self.done))
    }

    /// Whether Terraform has heard that it should stop.
    pub fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// The resources that are being worked on, with the seconds that took so far, the slowest first.
    pub fn in_flight(&self, now: Timestamp) -> Vec<(&str, i64)> {
        let mut slowest: Vec<(&str, i64)> =
            self.in_flight.iter().map(|(address, one)| (address.as_str(), seconds(one.since, now))).collect();
        slowest.sort_by_key(|(_, seconds)| -seconds);
        slowest
    }

    /// What is being done, in words.
    pub fn words(&self, now: Timestamp) -> String {
        let mut words = match self.named(now) {
            Some(named) if self.interrupted => format!("stopping, once this is finished and saved: {named}"),
            Some(named) => named,
            None if self.interrupted => "stopping".to_owned(),
            None if self.planned > 0 && self.done >= self.planned => "saving the state".to_owned(),
            None if self.seen > 0 && self.planned == 0 => format!("looking at what exists ({} so far)", self.seen),
            None => "Terraform is at work".to_owned(),
        };
        let silent = self.heard.map_or(0, |heard| seconds(heard, now));
        if silent > SILENT {
            words = format!("{words}; Terraform has been silent for {}", duration(silent));
        }
        capitalised(&words)
    }

    fn named(&self, now: Timestamp) -> Option<String> {
        let slowest = self.in_flight(now);
        let name = |(address, seconds): &(&str, i64)| {
            let doing = self.in_flight.get(*address).map_or("", |one| one.doing);
            match seconds {
                0 => format!("{doing} {address}"),
                _ => format!("{doing} {address} ({})", duration(*seconds)),
            }
        };
        let named = slowest.iter().take(NAMED).map(name).collect::<Vec<_>>().join(", ");
        match slowest.len() {
            0 => None,
            some if some <= NAMED => Some(named),
            many => Some(format!("{named} and {} more", many - NAMED)),
        }
    }
}

/// How Terraform begins to say that it was interrupted.
pub(crate) const INTERRUPTED: &str = "Interrupt received";

/// A replacement is two pieces of work, a removal and a creation, and is told as two.
fn weight(change: &Change) -> u64 {
    match change.action.as_str() {
        "create" | "update" | "delete" => 1,
        "replace" => 2,
        _ => 0,
    }
}

fn doing(action: &str) -> &'static str {
    match action {
        "create" => "creating",
        "update" => "changing",
        "delete" => "removing",
        "read" => "reading",
        _ => "working on",
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs().max(0)
}

fn duration(seconds: i64) -> String {
    if seconds < 100 { format!("{seconds} s") } else { format!("{} min {} s", seconds / 60, seconds % 60) }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn line(kind: &str, address: &str, action: &str, second: i64) -> Message {
        let resource = format!(r#"{{"addr":"{address}","resource_type":"aws_vpc"}}"#);
        Message::read(&format!(
            r#"{{"@message":"x","@timestamp":"{}","type":"{kind}","hook":{{"resource":{resource},"action":"{action}"}},"change":{{"resource":{resource},"action":"{action}"}}}}"#,
            at(second)
        ))
    }

    #[test]
    fn it_counts_what_is_done_and_names_what_takes_longest() {
        let mut progress = Progress::default();
        for (address, action) in [("a", "create"), ("b", "update"), ("c", "delete"), ("d", "replace"), ("e", "noop")] {
            progress.take(&line("planned_change", address, action, 0));
        }
        assert_eq!(progress.total(), Some(5));
        for (second, address, action) in
            [(10, "c", "delete"), (28, "a", "create"), (29, "b", "update"), (30, "d", "delete")]
        {
            assert!(progress.take(&line("apply_start", address, action, second)));
        }
        assert_eq!(progress.words(at(30)), "Removing c (20 s), creating a (2 s), changing b (1 s) and 1 more");
        progress.take(&line("apply_complete", "a", "create", 31));
        progress.take(&line("apply_errored", "b", "update", 31));
        progress.take(&line("apply_complete", "a", "create", 31));
        assert_eq!(
            (progress.done(), progress.total()),
            (1, Some(5)),
            "told twice, counted once; a failure is not done"
        );
        assert_eq!(
            progress.words(at(140)),
            "Removing c (2 min 10 s), removing d (1 min 50 s); Terraform has been silent for 1 min 49 s"
        );
    }

    #[test]
    fn after_an_interrupt_it_says_what_it_waits_for() {
        let mut progress = Progress::default();
        progress.take(&line("apply_start", "a", "create", 0));
        progress.take(&Message::read(r#"{"@message":"\nInterrupt received.\nPlease wait","type":"log"}"#));
        assert!(progress.interrupted());
        assert_eq!(progress.words(at(12)), "Stopping, once this is finished and saved: creating a (12 s)");
        progress.take(&line("apply_complete", "a", "create", 13));
        assert_eq!(progress.words(at(14)), "Stopping");
    }

    #[test]
    fn reading_is_work_but_changes_nothing() {
        let mut progress = Progress::default();
        progress.take(&line("apply_start", "data.a", "read", 0));
        assert_eq!(progress.words(at(0)), "Reading data.a");
        progress.take(&line("apply_complete", "data.a", "read", 1));
        progress.take(&line("refresh_complete", "b", "", 1));
        assert_eq!((progress.done(), progress.total()), (0, None));
        assert_eq!(progress.words(at(1)), "Looking at what exists (1 so far)");
    }
}
