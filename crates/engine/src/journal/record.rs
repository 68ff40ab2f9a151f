//! What the files of one run say, as far as they can be read.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use jiff::Timestamp;
use protocol::event::EVENT_VERSION;
use protocol::fold::DiagnosticRecord;
use protocol::snapshot::RunSummary;
use protocol::{Event, EventKind, Failure, Operation, RunId, RunOutcome, RunState, Severity};
use serde::Deserialize;
use ulid::Ulid;

use super::{JOURNAL_FILE, RUN_FILE, RunHead};

/// A run's head, as it was found.
enum Head {
    Known(RunHead),
    /// A newer version wrote it: what its journal means is not known.
    Newer(Failure),
    Damaged(Failure),
}

/// What every version of a head says.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// The files of a run.
pub(super) struct Record {
    pub(super) run: RunId,
    head: Head,
    /// The events that can be read.
    pub(super) events: Vec<Event>,
    /// What of the journal cannot be read, if anything.
    damage: Option<String>,
}

impl Record {
    /// Reads them; `None` if the run is gone, as an old one may be any moment.
    pub(super) fn read(runs: &Path, run: &RunId) -> Option<Self> {
        let folder = runs.join(&run.0);
        let journal = folder.join(JOURNAL_FILE);
        let (events, damage) = match fs::read(&journal) {
            Ok(bytes) => parse(&bytes),
            // A kill came before it was made.
            Err(error) if error.kind() == ErrorKind::NotFound => (Vec::new(), None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let damage = damage.map(|what| format!("{}: {what}", journal.display()));
        // Looked at last: if it is there, the run was there all the time.
        Some(Self { run: run.clone(), head: head(&folder.join(RUN_FILE))?, events, damage })
    }

    /// Fails if a newer version wrote it.
    pub(super) fn understood(&self) -> Result<(), Failure> {
        match &self.head {
            Head::Newer(failure) => Err(failure.clone()),
            Head::Known(_) | Head::Damaged(_) => Ok(()),
        }
    }

    /// The run as its journal tells it, with a diagnostic if not all of it could be read. `None` if it was killed before its
    /// first event. Fails if a newer version wrote it.
    pub(super) fn state(&self) -> Result<Option<RunState>, Failure> {
        self.understood()?;
        let damage = self.damage();
        let state = RunState::replay(&self.events);
        // That it began is known from its head, if the line that says so is the one that is damaged.
        let began =
            || damage.as_ref().and_then(|_| RunState::replay([&self.beginning()?].into_iter().chain(&self.events)));
        let Some(mut state) = state.or_else(began) else { return Ok(None) };
        if let Some(failure) = damage {
            state.diagnostics.push(DiagnosticRecord { step: None, severity: Severity::Warning, failure });
        }
        Ok(Some(state))
    }

    fn beginning(&self) -> Option<Event> {
        let Head::Known(head) = &self.head else { return None };
        let kind = EventKind::RunStarted { operation: head.operation, steps: Vec::new() };
        Some(Event { seq: 0, at: head.started_at, run: Some(self.run.clone()), kind })
    }

    /// What of it cannot be read, if anything.
    fn damage(&self) -> Option<Failure> {
        let failure = match &self.head {
            Head::Newer(failure) => return Some(failure.clone()),
            Head::Damaged(failure) => failure.clone(),
            Head::Known(_) if self.damage.is_none() => return None,
            Head::Known(_) => Failure::environment("What is known of this run is not all that happened"),
        };
        Some(self.damage.iter().fold(failure, Failure::cause).hint(
            "Something else than RetailFlow changed the file, or the disk did. Nothing that was made depends on it: `up` and \
             `down` look at what there is.",
        ))
    }

    /// The number of its latest event.
    pub(super) fn last_seq(&self) -> u64 {
        self.events.last().map_or(0, |event| event.seq)
    }

    /// When and how the run ended.
    pub(super) fn end(&self) -> Option<(Timestamp, RunOutcome)> {
        self.events.iter().rev().find_map(|event| match &event.kind {
            EventKind::RunFinished { outcome } => Some((event.at, outcome.clone())),
            _ => None,
        })
    }

    /// A line of the history.
    pub(super) fn summary(self) -> RunSummary {
        let (finished_at, outcome) = self.end().unzip();
        let (operation, started_at) = match &self.head {
            Head::Known(head) => (Some(head.operation), head.started_at),
            _ => (self.operation_begun(), begun(&self.run)),
        };
        let damage = self.damage();
        RunSummary { run: self.run, operation, started_at, finished_at, outcome, damage }
    }

    fn operation_begun(&self) -> Option<Operation> {
        self.understood().ok()?;
        RunState::replay(&self.events).map(|state| state.operation)
    }
}

/// What a run is for, if its head says so.
pub(super) fn operation(runs: &Path, run: &RunId) -> Option<Operation> {
    match head(&runs.join(&run.0).join(RUN_FILE)) {
        Some(Head::Known(head)) => Some(head.operation),
        Some(Head::Newer(_) | Head::Damaged(_)) | None => None,
    }
}

/// The events of a journal, and which lines are none. A last line without an end is being written, or a kill tore it: it does not
/// count.
fn parse(bytes: &[u8]) -> (Vec<Event>, Option<String>) {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let (mut events, mut damaged) = (Vec::new(), Vec::new());
    for (number, line) in (1_usize..).zip(bytes[..whole].split_inclusive(|byte| *byte == b'\n')) {
        match serde_json::from_slice(line) {
            Ok(event) => events.push(event),
            Err(_) => damaged.push(number.to_string()),
        }
    }
    let damage = (!damaged.is_empty()).then(|| format!("cannot be read in line {}", damaged.join(", ")));
    (events, damage)
}

/// When a run began, by its name.
fn begun(run: &RunId) -> Timestamp {
    let millisecond = Ulid::from_string(&run.0).ok().and_then(|id| i64::try_from(id.timestamp_ms()).ok());
    millisecond.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `None` if there is none: then nothing was begun, or all of it is gone.
fn head(path: &Path) -> Option<Head> {
    let damaged = |error: &(dyn std::error::Error + 'static)| {
        Head::Damaged(Failure::environment(format!("{} could not be read", path.display())).source(error))
    };
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => return Some(damaged(&error)),
        Ok(bytes) => bytes,
    };
    Some(match serde_json::from_slice::<Version>(&bytes) {
        Ok(Version { version }) if version > EVENT_VERSION => Head::Newer(too_new(path, version)),
        Ok(_) => serde_json::from_slice(&bytes).map_or_else(|error| damaged(&error), Head::Known),
        Err(error) => damaged(&error),
    })
}

fn too_new(path: &Path, version: u32) -> Failure {
    Failure::environment("A run of this stack is of a newer version of RetailFlow")
        .cause(format!("{} has version {version}, this program knows {EVENT_VERSION} at most", path.display()))
        .hint("Use that version or a later one. Nothing was changed.")
}
