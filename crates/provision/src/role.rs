//! The roles an executable of ours can be started in. Shells re-execute themselves, so there is one file to ship.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use protocol::Failure;

use crate::home::StackFolder;

/// The first argument of a process started in a role.
const ROLE_ARGUMENT: &str = "--retailflow-role";

/// The name of the agent's role and log.
pub(crate) const AGENT: &str = "agent";

/// What a process of ours may be besides a shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Owns a stack.
    Agent,
    /// Is a stack's shop.
    Generator,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Agent => AGENT,
            Self::Generator => "generator",
        }
    }

    /// The arguments that start this executable in the role.
    pub(crate) fn arguments(self, stack: &Path) -> Vec<OsString> {
        vec![ROLE_ARGUMENT.into(), self.name().into(), stack.into()]
    }
}

/// Call first in `main`: if the process was started in a role, plays it to its end and gives the exit code.
pub fn run_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ROLE_ARGUMENT {
        return None;
    }
    let role = arguments.next().unwrap_or_default();
    let stack = StackFolder::new(PathBuf::from(arguments.next().unwrap_or_default()));
    let result = match role.to_str() {
        Some("agent") => block_on(crate::agent::run(stack)),
        Some("generator") => block_on(crate::sandbox::live::run(stack)),
        _ => Err(Failure::bug(format!("There is no role named {}", role.display()))),
    };
    Some(match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure);
            ExitCode::FAILURE
        }
    })
}

/// This executable, to be started again in a role.
///
/// On Linux it is named by the running process: an agent goes on across an upgrade that replaced its file, and the
/// path it was started from would then name nothing.
pub(crate) fn executable() -> Result<PathBuf, Failure> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe()
        .map_err(|error| Failure::environment("This program cannot find its own file").source(&error))
}

fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::environment("The program could not start its threads").source(&error))?
        .block_on(work)
}

/// Standard error of a role is its log file.
fn tell(failure: &Failure) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "ERROR {failure}");
}
