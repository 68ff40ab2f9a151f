//! What this executable is when it was started to be something else than a shell.

use std::path::PathBuf;
use std::process::ExitCode;

use protocol::Failure;
use stack::role::{ROLE_ARGUMENT, Role};
use stack::{StackFolder, privileges};

use crate::targets::target_of;

/// Call first in `main`: if the process was started in a role, plays it to its end and gives the exit code.
pub fn run_if_asked() -> Option<ExitCode> {
    privileges::set_umask();
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ROLE_ARGUMENT {
        return None;
    }
    let role = arguments.next().unwrap_or_default();
    let stack = StackFolder::new(PathBuf::from(arguments.next().unwrap_or_default()));
    let role = role.to_string_lossy().into_owned();
    let result = block_on(async move {
        if role == Role::Agent.name() {
            return agent::run(stack, target_of).await;
        }
        let config = stack.config()?;
        target_of(&stack, &config).play(&role).await
    });
    Some(match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure);
            ExitCode::FAILURE
        }
    })
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
