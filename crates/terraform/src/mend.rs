//! Mending what a plan alone cannot: resources that exist already, and a state that is damaged. What was changed behind
//! Terraform's back, or made by halves, the next plan mends by itself.

use std::path::PathBuf;

use protocol::Failure;
use serde_json::json;

use crate::explain::Trouble;
use crate::files::{self, unwritable, write_durably};
use crate::record;
use crate::root::Root;

/// The import blocks. Terraform reads the file as part of the root.
const ADOPTIONS: &str = "adopt.tf.json";

/// A resource that exists and is to be taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// Its address in the root.
    pub address: String,
    /// How the provider knows it, for example a repository's name.
    pub id: String,
}

impl Root {
    /// Has the next plan take over these resources, which exist already, and no others. It is reviewed and applied as
    /// any other.
    pub fn adopt(&self, adoptions: &[Adoption]) -> Result<(), Failure> {
        if adoptions.is_empty() {
            return files::remove(&self.folder().join(ADOPTIONS));
        }
        let blocks: Vec<_> = adoptions.iter().map(|one| json!({"to": one.address, "id": one.id})).collect();
        let path = self.folder().join(ADOPTIONS);
        write_durably(&path, json!({"import": blocks}).to_string().as_bytes()).map_err(unwritable(&path))
    }

    /// The addresses of the managed resources in the state, read from its file: no command is run.
    pub fn resources(&self) -> Vec<String> {
        self.state.resources()
    }

    /// The addresses of resources whose creation failed half-way. The next plan replaces them.
    pub fn tainted(&self) -> Vec<String> {
        self.state.tainted()
    }

    /// Fails if the state is damaged, as a kill can leave it: cut off, empty, or gone although there was one.
    pub fn check_state(&self) -> Result<(), Trouble> {
        self.state.check()
    }

    /// Puts the newest good copy in the place of a damaged state, which is put aside. Gives the copy, or `None` if the
    /// state is sound.
    pub fn restore_state(&self) -> Result<Option<PathBuf>, Failure> {
        let restored = self.state.restore()?;
        if restored.is_some() {
            // What was made after the copy is not in it.
            record::unsettle(&self.runs())?;
        }
        Ok(restored)
    }
}
