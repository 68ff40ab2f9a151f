//! Where things are on disk.
//!
//! ```text
//! <home>/stacks/<name>/      stack.toml  identity  lock  runs/  logs/
//!                            sandbox: python/  project/  postgres/  warehouse/  dagster/  shop.toml
//!                            aws: terraform/<root>/  images/  review.json
//! <home>/stacks/.removing.…  what is left of stacks whose removal was cut off
//! <home>/identities/<name>   a copy of the stack's identity, which outlives its folder: by it what is left is looked for
//! <home>/removed/            the settings of removed stacks in AWS, to prove from that nothing is left
//! <home>/cache/              what any stack may use again: Terraform's providers, image layers
//! <runtime>/rf-<id>/         agent.sock  code.sock  pg/       (sockets: their paths must be short)
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use protocol::{Failure, StackName};

use crate::folder::StackFolder;
use crate::privileges::runs_as_root;

/// Overrides the data directory; tests and people with several disks use it.
const HOME_VARIABLE: &str = "RETAILFLOW_HOME";

/// The data directory and what lies in it.
#[derive(Debug, Clone)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// The platform's data directory, or what `RETAILFLOW_HOME` says.
    pub fn locate() -> Result<Self, Failure> {
        if let Some(root) = std::env::var_os(HOME_VARIABLE).filter(|value| !value.is_empty()) {
            let root = std::path::absolute(PathBuf::from(root))
                .map_err(|error| Failure::environment("The data directory cannot be named").source(&error))?;
            return Ok(Self { root });
        }
        if runs_as_root() {
            // A home folder of root is closed to the unprivileged user PostgreSQL runs as.
            return Ok(Self { root: PathBuf::from("/var/lib/retailflow") });
        }
        directories::ProjectDirs::from("", "", "retailflow")
            .map(|dirs| Self { root: dirs.data_local_dir().to_owned() })
            .ok_or_else(|| {
                Failure::environment("This user has no home directory")
                    .hint(format!("Set {HOME_VARIABLE} to a folder RetailFlow may use."))
            })
    }

    /// The data directory at a path.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder of the data directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What any stack may use again: Terraform's providers, the layers of images.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// A stack's folder as it is now, whether it exists or not.
    pub fn stack(&self, name: &StackName) -> StackFolder {
        StackFolder::new(self.stacks().join(name.as_str()))
    }

    /// The names of the existing stacks, in order.
    pub fn names(&self) -> Vec<StackName> {
        let Ok(entries) = fs::read_dir(self.stacks()) else { return Vec::new() };
        let mut names: Vec<StackName> =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        names.retain(|name| self.stack(name).config_file().exists());
        names.sort_unstable();
        names
    }

    fn stacks(&self) -> PathBuf {
        self.root.join("stacks")
    }
}
