//! The journal of a run: what was attempted, written before it was attempted.
//!
//! `runs/<id>/run.json` names the run and the version of its events; `runs/<id>/journal.jsonl` holds its durable
//! events, one a line, each synced to disk before anyone acts on it. A line torn by a kill is cut off by the next
//! process that opens the stack, which then marks the run interrupted. A line that cannot be read is told of, and what a newer
//! version wrote is left to it.

mod history;
mod record;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use protocol::event::EVENT_VERSION;
use protocol::{Event, Failure, Operation, RunId};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

pub use history::{History, peek, peek_latest, prune, recover, summaries};
use record::Record;

const RUN_FILE: &str = "run.json";
const JOURNAL_FILE: &str = "journal.jsonl";
const HEAD_DRAFT: &str = "run.json.draft";

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
        let head = RunHead { version: EVENT_VERSION, run: next_id(runs)?, operation, started_at: Timestamp::now() };
        Self::create(disk, runs, &head).map_err(|error| unwritable(runs, &error))
    }

    fn create(disk: Arc<dyn Disk>, runs: &Path, head: &RunHead) -> io::Result<Self> {
        let folder = runs.join(&head.run.0);
        fs::create_dir_all(&folder)?;
        let file = File::create_new(folder.join(JOURNAL_FILE))?;
        // The head comes last and whole: without one, nothing was begun.
        let draft = folder.join(HEAD_DRAFT);
        let mut head_file = File::create_new(&draft)?;
        serde_json::to_writer(&mut head_file, head)?;
        head_file.sync_all()?;
        fs::rename(draft, folder.join(RUN_FILE))?;
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
    File::open(folder)?.sync_all()
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::environment(format!("The journal in {} could not be written", path.display()))
        .source(error)
        .hint("Nothing is done that the journal does not hold. Make room on the disk or mend its permissions, then run the command again.")
}

/// An identifier that sorts after every run there is, even if the clock was set back since the latest.
fn next_id(runs: &Path) -> Result<RunId, Failure> {
    let latest = all_runs(runs)?.first().and_then(|run| Ulid::from_string(&run.0).ok());
    let least = latest.and_then(|latest| latest.increment().ok()).unwrap_or_default();
    Ok(RunId(least.max(Ulid::generate()).to_string()))
}

/// The events of a run's journal, in order, as far as they can be read.
pub fn read(runs: &Path, run: &RunId) -> Vec<Event> {
    Record::read(runs, run).map(|record| record.events).unwrap_or_default()
}

/// The runs, newest first: ULIDs sort by time. Before the first one there is not even their folder.
pub fn all_runs(runs: &Path) -> Result<Vec<RunId>, Failure> {
    let mut ids = folders(runs)?;
    ids.retain(|run| runs.join(&run.0).join(RUN_FILE).exists());
    Ok(ids)
}

fn folders(runs: &Path) -> Result<Vec<RunId>, Failure> {
    let read = || match fs::read_dir(runs) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.file_name().into_string())).collect::<io::Result<_>>(),
    };
    let names: Vec<_> = read().map_err(|error| {
        Failure::environment(format!("The runs in {} could not be read", runs.display()))
            .source(&error)
            .hint("Make the folder readable, then run the command again. Nothing was begun.")
    })?;
    let names = names.into_iter().flatten().filter(|name| Ulid::from_string(name).is_ok());
    let mut ids: Vec<RunId> = names.map(RunId).collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    Ok(ids)
}
