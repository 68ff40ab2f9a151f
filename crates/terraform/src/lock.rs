//! Who holds a root's state: Terraform locks the file itself, and leaves a note beside it of who did.
//!
//! The lock goes with the process that holds it, the note stays after a kill. So a note alone means nothing, and the
//! system is asked who holds the file.

use std::path::Path;

use engine::process::ProcessTable;
use protocol::Failure;
use serde::Deserialize;

use crate::files::read_if_there;

/// Who holds a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lock {
    /// Nobody.
    Free,
    /// Nobody any more; a Terraform that was killed left its note, which does not stand in the way.
    Left(Note),
    /// A living process.
    Held {
        /// Which.
        pid: u32,
        /// Whether it is one of this stack's own.
        ours: bool,
        /// What it noted, if it can be read.
        note: Option<Note>,
    },
}

/// What Terraform notes beside a state it locks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Note {
    /// What it does, for example `OperationTypeApply`.
    pub operation: String,
    /// User and computer.
    pub who: String,
    /// Since when, as Terraform writes times.
    pub created: String,
}

impl Lock {
    /// Looks at the state in a root's folder, of the stack with an identity.
    pub(crate) fn look(state: &Path, stack: &str) -> Result<Self, Failure> {
        let note = state.with_file_name(".terraform.tfstate.lock.info");
        let note = read_if_there(&note).ok().flatten().and_then(|note| serde_json::from_slice(&note).ok());
        Ok(match holder(state) {
            Some(pid) => {
                let ours = ProcessTable::open()?.of_stack(stack).iter().any(|found| found.pid == pid);
                Self::Held { pid, ours, note }
            }
            None => note.map_or(Self::Free, Self::Left),
        })
    }

    /// What a person should know of it.
    pub fn words(&self) -> String {
        match self {
            Self::Free => "nobody holds the state any more: run the command again".to_owned(),
            Self::Left(note) => format!(
                "{} left its lock when it was killed; nobody holds the state any more: run the command again",
                note.words()
            ),
            Self::Held { pid, ours, note } => {
                let whose = if *ours { "of this stack" } else { "that RetailFlow did not start" };
                let what = note.as_ref().map(|note| format!(": {}", note.words())).unwrap_or_default();
                format!("it is held by process {pid}, {whose}{what}")
            }
        }
    }
}

impl Note {
    fn words(&self) -> String {
        let operation = self.operation.trim_start_matches("OperationType").to_lowercase();
        format!("`terraform {operation}` by {} since {}", self.who, self.created)
    }
}

/// The process that holds a lock on the file.
fn holder(file: &Path) -> Option<u32> {
    use rustix::process::{Flock, FlockType, fcntl_getlk};
    let file = std::fs::OpenOptions::new().read(true).write(true).open(file).ok()?;
    let held = fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)).ok()??;
    u32::try_from(held.pid?.as_raw_nonzero().get()).ok()
}
