//! The journal of a run: what was attempted, written before it was attempted.
//!
//! `runs/<id>/run.json` names the run and the version of its events; `runs/<id>/journal.jsonl` holds its durable
//! events, one a line, each synced to disk before anyone acts on it. A line torn by a kill is cut off by the next
//! process that opens the stack, which then marks the run interrupted.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use protocol::event::EVENT_VERSION;
use protocol::snapshot::RunSummary;
use protocol::{Code, Event, EventKind, Failure, Operation, RunId, RunOutcome, RunState};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

const RUN_FILE: &str = "run.json";
const JOURNAL_FILE: &str = "journal.jsonl";

/// The head of a run, known without reading its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RunHead {
    version: u32,
    run: RunId,
    operation: Operation,
    started_at: Timestamp,
}

/// How a line gets onto the disk. Another one than [`RealDisk`] is for tests: disks can be slow, and full.
pub trait Disk: Send + Sync {
    /// Appends a line, its end included, to a journal; it is on the disk when this returns.
    fn append(&self, journal: &mut File, line: &[u8]) -> io::Result<()>;
}

/// The disk of this computer.
#[derive(Debug, Clone, Copy)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn append(&self, journal: &mut File, line: &[u8]) -> io::Result<()> {
        // One write, so that a kill tears at most the last line.
        journal.write_all(line)?;
        journal.sync_data()
    }
}

/// The journal of the run under way.
pub struct Journal {
    run: RunId,
    folder: PathBuf,
    file: File,
    disk: Arc<dyn Disk>,
}

impl Journal {
    /// Begins a new run under `runs`. Its folder and head are on disk when this returns.
    pub fn begin(runs: &Path, operation: Operation) -> Result<Self, Failure> {
        Self::begin_on(Arc::new(RealDisk), runs, operation)
    }

    /// The same, with a disk of its own.
    pub fn begin_on(disk: Arc<dyn Disk>, runs: &Path, operation: Operation) -> Result<Self, Failure> {
        let head = RunHead { version: EVENT_VERSION, run: next_id(runs), operation, started_at: Timestamp::now() };
        Self::create(disk, runs, &head).map_err(|error| unwritable(runs, &error))
    }

    fn create(disk: Arc<dyn Disk>, runs: &Path, head: &RunHead) -> io::Result<Self> {
        let folder = runs.join(&head.run.0);
        fs::create_dir_all(&folder)?;
        let mut head_file = File::create_new(folder.join(RUN_FILE))?;
        serde_json::to_writer(&mut head_file, head)?;
        head_file.sync_all()?;
        let file = File::create_new(folder.join(JOURNAL_FILE))?;
        sync_folder(&folder)?;
        sync_folder(runs)?;
        Ok(Self { run: head.run.clone(), folder, file, disk })
    }

    /// The run it belongs to.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The same journal on a handle that cannot be written to, as on a full or broken disk.
    #[cfg(test)]
    pub(crate) fn with_read_only_file(mut self) -> Self {
        self.file = File::open(self.folder.join(JOURNAL_FILE)).unwrap();
        self
    }

    /// Appends an event; it is on disk when this returns.
    pub fn append(&mut self, event: &Event) -> Result<(), Failure> {
        append_line(&*self.disk, &mut self.file, event).map_err(|error| unwritable(&self.folder, &error))
    }
}

fn append_line(disk: &dyn Disk, file: &mut File, event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    disk.append(file, &line)
}

/// Makes a new or renamed entry of a folder survive a crash of the machine.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::environment(format!("The journal in {} could not be written", path.display()))
        .source(error)
        .hint("Nothing is done that the journal does not hold. Make room on the disk or mend its permissions, then run the command again.")
}

/// An identifier that sorts after every run there is, even if the clock was set back since the latest.
fn next_id(runs: &Path) -> RunId {
    let latest = run_ids(runs).first().and_then(|run| Ulid::from_string(&run.0).ok());
    let least = latest.and_then(|latest| latest.increment().ok()).unwrap_or_default();
    RunId(least.max(Ulid::generate()).to_string())
}

/// What the journals under `runs` tell: the state to go on from.
#[derive(Debug, Default)]
pub struct History {
    /// The latest run, if any.
    pub latest: Option<RunState>,
    /// The highest sequence number ever journalled.
    pub last_seq: u64,
}

impl History {
    /// What the newest journals tell, newest first. A run killed before its first event tells nothing: then the one
    /// before it stands.
    fn of(journals: impl Iterator<Item = Vec<Event>>) -> Self {
        let mut history = Self::default();
        for events in journals {
            history.last_seq = events.last().map_or(0, |event| event.seq).max(history.last_seq);
            history.latest = RunState::replay(&events);
            if history.latest.is_some() {
                break;
            }
        }
        history
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

/// Mends what a kill left (a torn line, a run without an end) and reads the latest run.
///
/// The caller holds the stack's lock, so no journal is being written.
pub fn recover(runs: &Path) -> Result<History, Failure> {
    let ids = run_ids(runs);
    let Some((newest, earlier)) = ids.split_first() else { return Ok(History::default()) };
    let folder = runs.join(&newest.0);
    let events = cut_torn_line(&folder).map_err(|error| unwritable(&folder, &error))?;
    let ended = end_of(&events).is_some();
    let mut history = History::of(iter::once(events).chain(earlier.iter().map(|run| read(runs, run))));
    if !ended {
        let end = history.interrupt(newest);
        // The kill may have come before the journal was made.
        let journal = OpenOptions::new().create(true).append(true).open(folder.join(JOURNAL_FILE));
        journal
            .and_then(|mut journal| append_line(&RealDisk, &mut journal, &end))
            .map_err(|error| unwritable(&folder, &error))?;
    }
    Ok(history)
}

/// Truncates a journal to its last whole line and reads it.
fn cut_torn_line(folder: &Path) -> io::Result<Vec<Event>> {
    let path = folder.join(JOURNAL_FILE);
    let Ok(mut file) = OpenOptions::new().read(true).write(true).open(path) else { return Ok(Vec::new()) };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() {
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        file.sync_all()?;
    }
    Ok(parse(&bytes[..whole]))
}

/// The events of a run's journal, in order; a line that cannot be read is passed over.
pub fn read(runs: &Path, run: &RunId) -> Vec<Event> {
    fs::read(runs.join(&run.0).join(JOURNAL_FILE)).map(|bytes| parse(&bytes)).unwrap_or_default()
}

fn parse(bytes: &[u8]) -> Vec<Event> {
    BufReader::new(bytes).split(b'\n').filter_map(|line| serde_json::from_slice(&line.ok()?).ok()).collect()
}

/// What [`recover`] would find, without mending anything: for a stack that nobody looks after.
pub fn peek(runs: &Path) -> History {
    let mut history = History::of(run_ids(runs).iter().map(|run| read(runs, run)));
    if let Some(run) = history.latest.as_ref().filter(|latest| !latest.is_finished()).map(|latest| latest.run.clone()) {
        history.interrupt(&run);
    }
    history
}

/// The latest run's state as it is journalled; for whoever does not hold the lock.
pub fn peek_latest(runs: &Path) -> Option<RunState> {
    History::of(run_ids(runs).iter().map(|run| read(runs, run))).latest
}

/// The runs, newest first, at most `limit`.
pub fn summaries(runs: &Path, limit: usize) -> Vec<RunSummary> {
    let mut summaries: Vec<RunSummary> =
        run_ids(runs).into_iter().take(limit).filter_map(|run| summary(runs, run)).collect();
    // Only the newest run can be under way; an older one without an end could not write it, as on a full disk.
    for earlier in summaries.iter_mut().skip(1) {
        earlier.outcome.get_or_insert(RunOutcome::Interrupted);
    }
    summaries
}

fn summary(runs: &Path, run: RunId) -> Option<RunSummary> {
    let head: RunHead = serde_json::from_slice(&fs::read(runs.join(&run.0).join(RUN_FILE)).ok()?).ok()?;
    let (finished_at, outcome) = end_of(&read(runs, &run)).unzip();
    Some(RunSummary { run, operation: head.operation, started_at: head.started_at, finished_at, outcome })
}

/// When and how a run ended.
fn end_of(events: &[Event]) -> Option<(Timestamp, RunOutcome)> {
    events.iter().rev().find_map(|event| match &event.kind {
        EventKind::RunFinished { outcome } => Some((event.at, outcome.clone())),
        _ => None,
    })
}

/// The run folders, newest first: ULIDs sort by time.
fn run_ids(runs: &Path) -> Vec<RunId> {
    let Ok(entries) = fs::read_dir(runs) else { return Vec::new() };
    let mut ids: Vec<RunId> = entries
        .flatten()
        .filter(|entry| entry.path().join(RUN_FILE).exists())
        .filter_map(|entry| entry.file_name().into_string().ok().map(RunId))
        .collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids
}

/// The lock of a stack: held by its agent for as long as it lives, released by the operating system if it is killed.
#[derive(Debug)]
pub struct StackLock {
    _file: File,
}

impl StackLock {
    /// Takes the lock. Fails with [`Code::Busy`] if another process holds it, and with [`Code::NoSuchStack`] if its folder is
    /// not there, or no longer: whoever removes a stack holds the lock meanwhile.
    pub fn acquire(path: &Path) -> Result<Self, Failure> {
        let broken = |error: &io::Error| {
            let failure = Failure::environment(format!("The lock {} could not be taken", path.display())).source(error);
            if error.kind() == io::ErrorKind::NotFound { failure.code(Code::NoSuchStack) } else { failure }
        };
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(|error| broken(&error))?;
        match file.try_lock() {
            Ok(()) => is_at(&file, path).map(|()| Self { _file: file }).map_err(|error| broken(&error)),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::environment("Another process looks after this stack").code(Code::Busy))
            }
            Err(TryLockError::Error(error)) => Err(broken(&error)),
        }
    }
}

/// Whether an open file is still the one that a path names.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let (open, named) = (file.metadata()?, fs::metadata(path)?);
    let same = (open.dev(), open.ino()) == (named.dev(), named.ino());
    if same { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, run: &RunId, kind: EventKind) -> Event {
        Event { seq, at: Timestamp::now(), run: Some(run.clone()), kind }
    }

    fn started() -> EventKind {
        EventKind::RunStarted { operation: Operation::Up, steps: Vec::new() }
    }

    #[test]
    fn a_killed_run_is_mended_and_marked_interrupted() {
        let runs = tempfile::tempdir().unwrap();
        let mut journal = Journal::begin(runs.path(), Operation::Up).unwrap();
        let run = journal.run().clone();
        journal.append(&event(1, &run, started())).unwrap();
        journal.append(&event(5, &run, EventKind::StepStarted { step: "a".into() })).unwrap();
        journal.file.write_all(b"{\"seq\":6,\"at\":\"20").unwrap();
        drop(journal);

        let seen = peek(runs.path());
        assert_eq!((seen.last_seq, seen.latest.unwrap().outcome), (6, Some(RunOutcome::Interrupted)));
        assert_eq!(read(runs.path(), &run).len(), 2, "to look is to change nothing");
        let history = recover(runs.path()).unwrap();
        assert_eq!(history.last_seq, 6);
        assert_eq!(history.latest.unwrap().outcome, Some(RunOutcome::Interrupted));
        let again = recover(runs.path()).unwrap();
        assert_eq!(again.last_seq, 6, "mending twice changes nothing");
        assert_eq!(read(runs.path(), &run).len(), 3);
    }

    #[test]
    fn a_run_killed_before_its_first_event_hides_no_earlier_one() {
        let runs = tempfile::tempdir().unwrap();
        let mut journal = Journal::begin(runs.path(), Operation::Up).unwrap();
        let run = journal.run().clone();
        journal.append(&event(8, &run, started())).unwrap();
        journal.append(&event(9, &run, EventKind::RunFinished { outcome: RunOutcome::Succeeded })).unwrap();
        let silent = Journal::begin(runs.path(), Operation::Refresh).unwrap();
        fs::remove_file(silent.folder.join(JOURNAL_FILE)).unwrap();

        assert_eq!(peek_latest(runs.path()).unwrap().run, run);
        for _ in 0..2 {
            let history = recover(runs.path()).unwrap();
            assert_eq!(history.latest.unwrap().outcome, Some(RunOutcome::Succeeded));
            assert_eq!(history.last_seq, 10, "numbers go on after the earlier run's");
        }
        let outcomes: Vec<_> = summaries(runs.path(), 10).into_iter().map(|summary| summary.outcome).collect();
        assert_eq!(outcomes, [Some(RunOutcome::Interrupted), Some(RunOutcome::Succeeded)]);
    }

    #[test]
    fn a_clock_set_back_does_not_reorder_runs() {
        let runs = tempfile::tempdir().unwrap();
        let tomorrow = Ulid::from_datetime(std::time::SystemTime::now() + std::time::Duration::from_hours(24));
        let head = |run: String| RunHead {
            version: EVENT_VERSION,
            run: RunId(run),
            operation: Operation::Up,
            started_at: Timestamp::now(),
        };
        Journal::create(Arc::new(RealDisk), runs.path(), &head(tomorrow.to_string())).unwrap();
        let later = Journal::begin(runs.path(), Operation::Down).unwrap().run().clone();
        assert_eq!(summaries(runs.path(), 1)[0].run, later);
    }

    #[test]
    fn only_the_newest_run_can_be_under_way() {
        let runs = tempfile::tempdir().unwrap();
        Journal::begin(runs.path(), Operation::Up).unwrap();
        Journal::begin(runs.path(), Operation::Up).unwrap();
        let outcomes: Vec<_> = summaries(runs.path(), 10).into_iter().map(|summary| summary.outcome).collect();
        assert_eq!(outcomes, [None, Some(RunOutcome::Interrupted)]);
    }

    #[test]
    fn runs_are_listed_newest_first() {
        let runs = tempfile::tempdir().unwrap();
        let first = Journal::begin(runs.path(), Operation::Up).unwrap().run().clone();
        let second = Journal::begin(runs.path(), Operation::Down).unwrap().run().clone();
        let listed: Vec<RunId> = summaries(runs.path(), 10).into_iter().map(|summary| summary.run).collect();
        assert_eq!(listed, [second, first]);
    }

    #[test]
    fn the_lock_is_exclusive_until_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = StackLock::acquire(&path).unwrap();
        assert_eq!(StackLock::acquire(&path).unwrap_err().code, Some(Code::Busy));
        drop(lock);
        StackLock::acquire(&path).unwrap();
    }

    #[test]
    fn the_lock_of_a_folder_that_is_gone_cannot_be_had() {
        let home = tempfile::tempdir().unwrap();
        let (stack, aside) = (home.path().join("stack"), home.path().join("aside"));
        fs::create_dir(&stack).unwrap();
        let lock = StackLock::acquire(&stack.join("lock")).unwrap();
        // Who waits for the lock while its holder takes the folder away has opened the file already.
        let waiting = File::open(stack.join("lock")).unwrap();
        fs::rename(&stack, &aside).unwrap();
        drop(lock);
        assert_eq!(is_at(&waiting, &stack.join("lock")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(StackLock::acquire(&stack.join("lock")).unwrap_err().code, Some(Code::NoSuchStack));
        fs::create_dir(&stack).unwrap();
        File::create(stack.join("lock")).unwrap();
        assert!(is_at(&waiting, &stack.join("lock")).is_err(), "another stack's lock is another lock");
    }
}
