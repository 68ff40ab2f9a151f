//! The roles that an executable of ours can be started in: shells execute themselves again, so there is one file to ship.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use protocol::Failure;

/// The first argument of a process started in a role.
pub const ROLE_ARGUMENT: &str = "--retailflow-role";

/// The name of the agent's role and log.
pub const AGENT: &str = "agent";

/// What a process of ours may be besides a shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Owns a stack.
    Agent,
    /// Is a stack's shop.
    Shop,
}

impl Role {
    /// Its name, also that of its log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => AGENT,
            // What it was called from the first: a shop that runs is found by this.
            Self::Shop => "generator",
        }
    }

    /// The arguments that start this executable in the role.
    pub fn arguments(self, stack: &Path) -> Vec<OsString> {
        vec![ROLE_ARGUMENT.into(), self.name().into(), stack.into()]
    }
}

/// This executable, to be started again in a role.
///
/// On Linux it is named by the running process: an agent goes on across an upgrade that replaced its file, and the
/// path it was started from would then name nothing.
pub fn executable() -> Result<PathBuf, Failure> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe()
        .map_err(|error| Failure::environment("This program cannot find its own file").source(&error))
}
