//! What the journals under `runs` tell together, and how many of them are kept.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::iter;
use std::path::Path;

use jiff::Timestamp;
use protocol::snapshot::RunSummary;
use protocol::{Event, EventKind, Failure, Operation, RunId, RunOutcome, RunState};

use super::record::{self, Record};
use super::{JOURNAL_FILE, RUN_FILE, RealDisk, all_runs, append_line, folders, unwritable};

/// The state to go on from.
#[derive(Debug, Default)]
pub struct History {
    /// The latest run, if any.
    pub latest: Option<RunState>,
    /// The highest sequence number ever journalled.
    pub last_seq: u64,
}

impl History {
    /// What the newest runs tell, newest first. A run killed before its first event tells nothing: then the one before it
    /// stands.
    fn of(records: impl Iterator<Item = Record>) -> Result<Self, Failure> {
        let mut history = Self::default();
        for record in records {
            history.last_seq = record.last_seq().max(history.last_seq);
            history.latest = record.state()?;
            if history.latest.is_some() {
                break;
            }
        }
        Ok(history)
    }

    /// The end of a run that a kill cut off, taken into account.
    fn interrupt(&mut self, run: &RunId) -> Event {
        let kind = EventKind::RunFinished { outcome: RunOutcome::Interrupted };
        let end = Event { seq: self.last_seq + 1, at: Timestamp::now(), run: Some(run.clone()), kind };
        self.last_seq = end.seq;
        if let Some(latest) = &mut self.latest {
            latest.apply(&end);
        }
        end
    }
}

/// Mends what a kill left (a torn line, a run without an end) and reads the latest run. What a newer version wrote is not touched.
///
/// The caller holds the stack's lock, so no journal is being written.
pub fn recover(runs: &Path) -> Result<History, Failure> {
    let ids = all_runs(runs)?;
    let mut records = ids.iter().filter_map(|run| Record::read(runs, run));
    let Some(record) = records.next() else { return Ok(History::default()) };
    record.understood()?;
    let newest = record.run.clone();
    let folder = runs.join(&newest.0);
    cut_torn_line(&folder).map_err(|error| unwritable(&folder, &error))?;
    let ended = record.end().is_some();
    let mut history = History::of(iter::once(record).chain(records))?;
    if !ended {
        let end = history.interrupt(&newest);
        // The journal may be gone, if not by a kill.
        let journal = OpenOptions::new().create(true).append(true).open(folder.join(JOURNAL_FILE));
        journal
            .and_then(|mut journal| append_line(&RealDisk, &mut journal, &end))
            .map_err(|error| unwritable(&folder, &error))?;
    }
    Ok(history)
}

/// Truncates a journal to its last whole line.
fn cut_torn_line(folder: &Path) -> io::Result<()> {
    let Ok(mut file) = OpenOptions::new().read(true).write(true).open(folder.join(JOURNAL_FILE)) else { return Ok(()) };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() {
        file.set_len(whole as u64)?;
        file.sync_all()?;
    }
    Ok(())
}

/// What [`recover`] would find, without mending anything: for a stack that nobody looks after.
pub fn peek(runs: &Path) -> Result<History, Failure> {
    let mut history = look(runs)?;
    if let Some(run) = history.latest.as_ref().filter(|latest| !latest.is_finished()).map(|latest| latest.run.clone()) {
        history.interrupt(&run);
    }
    Ok(history)
}

/// The latest run's state as it is journalled; for whoever does not hold the lock.
pub fn peek_latest(runs: &Path) -> Result<Option<RunState>, Failure> {
    Ok(look(runs)?.latest)
}

fn look(runs: &Path) -> Result<History, Failure> {
    History::of(all_runs(runs)?.iter().filter_map(|run| Record::read(runs, run)))
}

/// The runs, newest first, at most `limit`. One that cannot be read says so.
pub fn summaries(runs: &Path, limit: usize) -> Result<Vec<RunSummary>, Failure> {
    let records = all_runs(runs)?.into_iter().take(limit).filter_map(|run| Record::read(runs, &run));
    let mut summaries: Vec<RunSummary> = records.map(Record::summary).collect();
    // Only the newest run can be under way; an older one without an end could not write it, as on a full disk.
    for earlier in summaries.iter_mut().skip(1) {
        earlier.outcome.get_or_insert(RunOutcome::Interrupted);
    }
    Ok(summaries)
}

/// Removes all runs of each operation but the newest `keep` (at least one) and the first, which tells since when the stack is
/// there. What is left of a run that never began goes as well.
///
/// The caller holds the stack's lock.
pub fn prune(runs: &Path, keep: usize) -> Result<(), Failure> {
    let mut seen: BTreeMap<Option<&str>, Vec<RunId>> = BTreeMap::new();
    let mut doomed = Vec::new();
    for run in folders(runs)? {
        if runs.join(&run.0).join(RUN_FILE).exists() {
            seen.entry(record::operation(runs, &run).map(Operation::verb)).or_default().push(run);
        } else {
            doomed.push(run);
        }
    }
    for mut of_one_kind in seen.into_values() {
        of_one_kind.pop();
        doomed.extend(of_one_kind.into_iter().skip(keep.max(1)));
    }
    doomed.iter().try_for_each(|run| remove(&runs.join(&run.0)))
}

/// Its head goes first: whatever a kill leaves of it then is no run.
fn remove(run: &Path) -> Result<(), Failure> {
    let gone = match fs::remove_file(run.join(RUN_FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::remove_dir_all(run),
    };
    gone.map_err(|error| {
        Failure::environment(format!("An old run, {}, could not be removed", run.display())).source(&error)
    })
}

#[cfg(test)]
mod tests;
