//! What is written down of a command before it starts, so that whoever comes next can go on with it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use protocol::Failure;
use serde::{Deserialize, Serialize};

use crate::files::{self, read_if_there, unreadable, unwritable, write_durably, write_whole};

/// Outputs kept, for whoever wants to know what happened.
const KEPT: usize = 20;

/// The note of the command at work on a root. It is there from before the command starts until its end was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The command, for example `apply`.
    pub(crate) verb: String,
    /// The root it works on.
    pub(crate) root: String,
    /// Where its output goes.
    pub(crate) output: PathBuf,
    /// When it was begun.
    pub(crate) began: Timestamp,
    /// Its process id, once it has one.
    pub(crate) pid: Option<u32>,
    /// How many bytes of its output were told.
    pub(crate) told: u64,
}

impl Record {
    /// Notes a command that is about to start, and makes its empty output.
    pub(crate) fn begin(runs: &Path, root: &str, verb: &str) -> Result<Self, Failure> {
        let outputs = files::numbered(runs, "jsonl").map_err(unreadable(runs))?;
        let number = outputs.last().map_or(0, |(number, _)| *number) + 1;
        for (_, surplus) in outputs.iter().rev().skip(KEPT - 1) {
            files::remove(surplus)?;
        }
        let output = runs.join(format!("{number:04}-{verb}.jsonl"));
        std::fs::write(&output, "").map_err(unwritable(&output))?;
        let (verb, root) = (verb.to_owned(), root.to_owned());
        let record = Self { verb, root, output, began: Timestamp::now(), pid: None, told: 0 };
        unsettle(runs)?;
        record.write(runs, write_durably)?;
        Ok(record)
    }

    /// The note there is, if there is one.
    pub(crate) fn load(runs: &Path) -> Result<Option<Self>, Failure> {
        let path = path(runs);
        let Some(bytes) = read_if_there(&path).map_err(unreadable(&path))? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            Failure::environment(format!("{} could not be read", path.display()))
                .source(&error)
                .hint("It names the Terraform at work. When none runs any more, remove it.")
        })
    }

    /// Notes how things stand. Of no use after a loss of power, so it need not survive one.
    pub(crate) fn save(&self, runs: &Path) -> Result<(), Failure> {
        self.write(runs, write_whole)
    }

    fn write(&self, runs: &Path, write: fn(&Path, &[u8]) -> std::io::Result<()>) -> Result<(), Failure> {
        let path = path(runs);
        let text = serde_json::to_vec(self)
            .map_err(|error| Failure::bug("A note on Terraform could not be encoded").source(&error))?;
        write(&path, &text).map_err(unwritable(&path))
    }

    /// Removes the note: its command is over and was told to the end.
    pub(crate) fn end(runs: &Path) -> Result<(), Failure> {
        files::remove(&path(runs))
    }
}

fn path(runs: &Path) -> PathBuf {
    runs.join("at-work.json")
}

/// Notes that there may be things in the cloud that the state does not name, until [`settle`].
pub(crate) fn unsettle(runs: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(runs)
        .and_then(|()| write_durably(&unsettled(runs), b""))
        .map_err(unwritable(&unsettled(runs)))
}

/// Notes that the state names everything.
pub(crate) fn settle(runs: &Path) -> Result<(), Failure> {
    files::remove(&unsettled(runs))
}

/// Whether there may be things that the state does not name.
pub(crate) fn is_settled(runs: &Path) -> bool {
    !unsettled(runs).exists()
}

fn unsettled(runs: &Path) -> PathBuf {
    runs.join("unsettled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_there_before_the_command_and_gone_after_it() {
        let runs = tempfile::tempdir().unwrap();
        let runs = runs.path();
        assert_eq!(Record::load(runs).unwrap(), None);
        let mut record = Record::begin(runs, "registry", "apply").unwrap();
        assert_eq!(Record::load(runs).unwrap().as_ref(), Some(&record));
        record.pid = Some(7);
        record.told = 9;
        record.save(runs).unwrap();
        assert_eq!(Record::load(runs).unwrap().as_ref(), Some(&record));
        Record::end(runs).unwrap();
        Record::end(runs).unwrap();
        assert_eq!(Record::load(runs).unwrap(), None);
    }

    #[test]
    fn outputs_are_numbered_and_only_the_last_ones_kept() {
        let runs = tempfile::tempdir().unwrap();
        for number in 1..=25 {
            let record = Record::begin(runs.path(), "registry", "apply").unwrap();
            assert!(record.output.ends_with(format!("{number:04}-apply.jsonl")));
        }
        assert_eq!(files::numbered(runs.path(), "jsonl").unwrap().len(), KEPT);
    }

    #[test]
    fn a_broken_note_is_not_passed_over() {
        let runs = tempfile::tempdir().unwrap();
        std::fs::write(path(runs.path()), "{\"verb\":").unwrap();
        assert!(Record::load(runs.path()).unwrap_err().hint.unwrap().contains("remove it"));
    }
}
