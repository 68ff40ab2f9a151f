//! A root's state file: its numbered copies, and what is done when it is damaged.
//!
//! Terraform rewrites its state in place after every resource, so a kill can leave half of it, or nothing. It takes an
//! empty file for a stack that was never made, and would make everything a second time; so a state is looked at before
//! every command that works with it, and one that was there and is gone counts as damaged.
//!
//! ```text
//! terraform.tfstate        Terraform's own
//! state/NNNN.tfstate       as it was before each of the last changes
//! state/latest.tfstate     as it was after the latest resource of the change at work
//! state/damaged-NNNN       put aside by a restoration
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use protocol::Failure;
use serde::Deserialize;
use serde_json::Value;

use crate::explain::{Cause, Trouble};
use crate::files::{self, numbered, read_if_there, unreadable, write_durably, write_whole};

/// Numbered copies kept.
const KEPT: usize = 20;

const EXTENSION: &str = "tfstate";

/// The state of one root.
#[derive(Debug, Clone)]
pub(crate) struct State {
    folder: PathBuf,
}

/// What is read of a state; without its version and its lineage it is none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Content {
    #[serde(rename = "version")]
    _version: u32,
    #[serde(rename = "lineage")]
    _lineage: String,
    serial: u64,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Resource {
    #[serde(default)]
    module: Option<String>,
    mode: String,
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    instances: Vec<Instance>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Instance {
    #[serde(default)]
    index_key: Option<Value>,
    #[serde(default)]
    status: Option<String>,
}

impl State {
    pub(crate) fn new(root: &Path) -> Self {
        Self { folder: root.to_owned() }
    }

    /// Terraform's own file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("terraform.tfstate")
    }

    fn copies(&self) -> PathBuf {
        self.folder.join("state")
    }

    fn latest(&self) -> PathBuf {
        self.copies().join("latest.tfstate")
    }

    /// The addresses of the managed resources it names, as far as it can be read.
    pub(crate) fn resources(&self) -> Vec<String> {
        read(&self.file()).map(|content| content.managed(|_| true)).unwrap_or_default()
    }

    /// The addresses of what was left half-made.
    pub(crate) fn tainted(&self) -> Vec<String> {
        let tainted = |instance: &Instance| instance.status.as_deref() == Some("tainted");
        read(&self.file()).map(|content| content.managed(tainted)).unwrap_or_default()
    }

    /// Fails if Terraform cannot use the state, or would take a lost one for a stack that was never made.
    pub(crate) fn check(&self) -> Result<(), Trouble> {
        let file = self.file();
        let Some(bytes) = read_if_there(&file).map_err(unreadable(&file))? else {
            return self.must_be_new("is gone");
        };
        if bytes.is_empty() {
            // What Terraform makes when it takes its first lock.
            return self.must_be_new("is empty");
        }
        parse(&bytes).map(drop).map_err(|why| self.damaged(&format!("is not a state: {why}")))
    }

    fn must_be_new(&self, how: &str) -> Result<(), Trouble> {
        match self.newest_copy() {
            Some((_, content)) if !content.resources.is_empty() => Err(self.damaged(how)),
            _ => Ok(()),
        }
    }

    fn damaged(&self, how: &str) -> Trouble {
        let failure = Failure::environment("Terraform's state is damaged")
            .cause(format!("{} {how}; a Terraform that was killed can leave that", self.file().display()));
        let failure = match self.newest_copy() {
            Some((copy, content)) => failure.hint(format!(
                "The newest good copy, {} ({} resources), can be put in its place; what was made since is found by the \
                 next plan or by the stack's tag.",
                copy.display(),
                content.managed(|_| true).len()
            )),
            None => {
                failure.hint("There is no earlier copy. `retailflow down` removes what it finds by the stack's tag.")
            }
        };
        Trouble { cause: Some(Cause::StateDamaged), failure }
    }

    /// Copies the state before a change and makes sure the copy is on the disk. Nothing to copy is success, and so is a
    /// state that was copied already.
    pub(crate) fn back_up(&self) -> Result<(), Failure> {
        let copy = || -> io::Result<()> {
            let Some(state) = read_if_there(&self.file())?.filter(|state| !state.is_empty()) else { return Ok(()) };
            self.keep_latest();
            let copies = numbered(&self.copies(), EXTENSION)?;
            if copies.last().is_some_and(|(_, path)| fs::read(path).is_ok_and(|last| last == state)) {
                return Ok(());
            }
            let number = copies.last().map_or(0, |(number, _)| *number) + 1;
            write_durably(&self.copies().join(format!("{number:04}.{EXTENSION}")), &state)?;
            let surplus = (copies.len() + 1).saturating_sub(KEPT);
            copies.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
        };
        copy().map_err(|error| {
            Failure::environment("Terraform's state could not be copied, so nothing was changed")
                .cause(format!("from {} to {}", self.file().display(), self.copies().display()))
                .source(&error)
        })
    }

    /// Copies the state as it is, if it happens to be whole. Numbered copies are the promise, this one saves more of a
    /// change that was killed: that it fails is no reason to disturb the change.
    pub(crate) fn keep_latest(&self) {
        let whole = fs::read(self.file()).ok().filter(|bytes| parse(bytes).is_ok());
        let _ = whole.map(|bytes| fs::create_dir_all(self.copies()).and_then(|()| write_whole(&self.latest(), &bytes)));
    }

    /// Puts the newest good copy in the place of a damaged state, which is put aside. Gives the copy, or `None` if
    /// nothing is damaged.
    pub(crate) fn restore(&self) -> Result<Option<PathBuf>, Failure> {
        let Err(damaged) = self.check() else { return Ok(None) };
        let Some((copy, _)) = self.newest_copy() else { return Err(damaged.failure) };
        let restore = || -> io::Result<()> {
            let bytes = fs::read(&copy)?;
            if self.file().exists() {
                let number = numbered(&self.copies(), EXTENSION)?.last().map_or(0, |(number, _)| *number);
                fs::rename(self.file(), self.copies().join(format!("damaged-{number:04}")))?;
            }
            write_durably(&self.file(), &bytes)
        };
        restore().map_err(files::unwritable(&self.file()))?;
        Ok(Some(copy))
    }

    /// The newest good copy. Serials do not tell: a state that was lost and begun anew counts from one.
    fn newest_copy(&self) -> Option<(PathBuf, Content)> {
        let numbered = numbered(&self.copies(), EXTENSION).unwrap_or_default();
        let newest_first = [self.latest()].into_iter().chain(numbered.into_iter().rev().map(|(_, path)| path));
        newest_first.into_iter().find_map(|path| Some((path.clone(), read(&path)?)))
    }
}

impl Content {
    /// The addresses of the managed instances that fit.
    fn managed(&self, fits: impl Fn(&Instance) -> bool) -> Vec<String> {
        let managed = self.resources.iter().filter(|resource| resource.mode == "managed");
        managed
            .flat_map(|resource| resource.instances.iter().filter(|one| fits(one)).map(|one| resource.address(one)))
            .collect()
    }
}

impl Resource {
    fn address(&self, instance: &Instance) -> String {
        let module = self.module.as_deref().map(|module| format!("{module}.")).unwrap_or_default();
        let index = instance.index_key.as_ref().map(|key| format!("[{key}]")).unwrap_or_default();
        format!("{module}{}.{}{index}", self.kind, self.name)
    }
}

fn read(path: &Path) -> Option<Content> {
    parse(&fs::read(path).ok()?).ok()
}

fn parse(bytes: &[u8]) -> serde_json::Result<Content> {
    serde_json::from_slice(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(serial: u64, resources: usize) -> String {
        let resource = r#"{"mode":"managed","type":"aws_vpc","name":"a","instances":[{}]}"#;
        let resources = vec![resource; resources].join(",");
        format!(r#"{{"version":4,"serial":{serial},"lineage":"x","resources":[{resources}]}}"#)
    }

    fn state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path());
        (folder, state)
    }

    #[test]
    fn every_state_is_kept_once_and_only_the_last_ones() {
        let (_folder, state) = state();
        state.back_up().unwrap();
        for serial in 0..25 {
            fs::write(state.file(), content(serial, 1)).unwrap();
            state.back_up().unwrap();
            state.back_up().unwrap();
        }
        let kept = numbered(&state.copies(), EXTENSION).unwrap();
        assert_eq!(kept.len(), KEPT);
        assert_eq!(kept.last().unwrap().0, 25);
        assert_eq!(read(&kept[0].1).unwrap().serial, 5);
    }

    #[test]
    fn a_damaged_state_names_the_copy_to_take_and_can_be_restored() {
        let (_folder, state) = state();
        assert_eq!(state.check(), Ok(()), "nothing was ever made");
        fs::write(state.file(), "").unwrap();
        assert_eq!(state.check(), Ok(()), "a first lock");
        fs::write(state.file(), content(1, 1)).unwrap();
        state.back_up().unwrap();
        fs::write(state.file(), content(2, 3)).unwrap();
        state.keep_latest();
        for broken in ["", "{\"version\": 4, \"ser", "null", "\0\0\0\0", "{}"] {
            fs::write(state.file(), broken).unwrap();
            state.keep_latest();
            let trouble = state.check().unwrap_err();
            assert_eq!(trouble.cause, Some(Cause::StateDamaged), "{broken:?}");
            let hint = trouble.failure.hint.unwrap();
            assert!(hint.contains("latest.tfstate (3 resources)"), "{hint}");
        }
        let copy = state.restore().unwrap().unwrap();
        assert_eq!(copy, state.latest());
        assert_eq!(fs::read_to_string(state.file()).unwrap(), content(2, 3));
        assert_eq!(fs::read_to_string(state.copies().join("damaged-0001")).unwrap(), "{}");
        assert_eq!(state.restore(), Ok(None), "it is sound now");
    }

    #[test]
    fn a_lost_state_is_not_taken_for_a_new_stack() {
        let (_folder, state) = state();
        fs::write(state.file(), content(7, 2)).unwrap();
        state.back_up().unwrap();
        fs::remove_file(state.file()).unwrap();
        assert_eq!(state.check().unwrap_err().cause, Some(Cause::StateDamaged));
        fs::write(state.file(), content(1, 1)).unwrap();
        state.back_up().unwrap();
        fs::remove_file(state.file()).unwrap();
        let hint = state.check().unwrap_err().failure.hint.unwrap();
        assert!(hint.contains("(1 resources)"), "begun anew, it counts from one again: {hint}");
        fs::write(state.file(), content(8, 0)).unwrap();
        state.back_up().unwrap();
        fs::remove_file(state.file()).unwrap();
        assert_eq!(state.check(), Ok(()), "the newest copy says that nothing is left");
    }

    #[test]
    fn addresses_are_written_as_terraform_writes_them() {
        let (_folder, state) = state();
        let text = r#"{"version":4,"serial":1,"lineage":"x","resources":[
            {"module":"module.network","mode":"managed","type":"aws_subnet","name":"public","instances":[{"index_key":0},{"index_key":"b","status":"tainted"}]},
            {"mode":"data","type":"aws_caller_identity","name":"me","instances":[{}]}]}"#;
        fs::write(state.file(), text).unwrap();
        assert_eq!(
            state.resources(),
            ["module.network.aws_subnet.public[0]", "module.network.aws_subnet.public[\"b\"]"]
        );
        assert_eq!(state.tainted(), ["module.network.aws_subnet.public[\"b\"]"]);
    }
}
