//! Starting a service: in a session of its own, its output in a file, so that it outlives whoever started it.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use process_wrap::tokio::{CommandWrap, KillOnDrop};
use protocol::Failure;
use tokio::process::Command;

use super::table::Mark;

/// Variables of the user's shell that would change how a Python or PostgreSQL of ours behaves.
const FOREIGN: [&str; 13] = [
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "DAGSTER_HOME",
    "DBT_PROFILES_DIR",
    "DBT_PROJECT_DIR",
    "DBT_TARGET",
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "PGDATABASE",
];

/// A log that grew beyond this is put aside when its service starts again.
const LOG_LIMIT: u64 = 16 << 20;

/// How to start a service.
#[derive(Debug, Clone)]
pub struct ServiceSpec {
    /// Whose it is.
    pub mark: Mark,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments; never a secret, every user can read them.
    pub args: Vec<OsString>,
    /// Its environment, on top of ours.
    pub env: Vec<(OsString, OsString)>,
    /// Where it starts.
    pub folder: PathBuf,
    /// Where its output goes, appended.
    pub log: PathBuf,
    /// The user id it runs as, if not ours. Only root can ask for it.
    pub user: Option<u32>,
}

/// Starts a service and returns its process id. It goes on when this process ends or is killed.
pub fn spawn_detached(spec: &ServiceSpec) -> Result<u32, Failure> {
    let spawned = open_log(spec).and_then(|log| {
        let mut command = command(&spec.program, &spec.mark, &spec.env);
        command.args(&spec.args).current_dir(&spec.folder).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        run_as(&mut command, spec.user);
        let mut wrapped = CommandWrap::from(command);
        own_session(&mut wrapped);
        wrapped.spawn()
    });
    let child = spawned.map_err(|error| {
        Failure::environment(format!("{} could not be started", spec.mark.role()))
            .cause(format!("{}: {error}", spec.program.display()))
    })?;
    // Dropping the handle leaves the process running; the runtime reaps it if it ends before us.
    child.id().ok_or_else(|| Failure::environment(format!("{} ended as soon as it was started", spec.mark.role())))
}

pub(super) fn command(program: &PathBuf, mark: &Mark, env: &[(OsString, OsString)]) -> Command {
    let mut command = Command::new(program);
    for name in FOREIGN {
        command.env_remove(name);
    }
    let (name, value) = mark.variable();
    command.env(name, value).envs(env.iter().map(|(name, value)| (name, value)));
    command
}

pub(super) fn kill_on_drop(wrapped: &mut CommandWrap) {
    wrapped.wrap(KillOnDrop);
}

#[cfg(unix)]
pub(super) fn own_session(wrapped: &mut CommandWrap) {
    wrapped.wrap(process_wrap::tokio::ProcessSession);
}

#[cfg(windows)]
pub(super) fn own_session(wrapped: &mut CommandWrap) {
    wrapped.wrap(process_wrap::tokio::JobObject);
}

#[cfg(unix)]
pub(super) fn run_as(command: &mut Command, user: Option<u32>) {
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
}

#[cfg(windows)]
pub(super) fn run_as(_: &mut Command, _: Option<u32>) {}

fn open_log(spec: &ServiceSpec) -> io::Result<std::fs::File> {
    if let Some(folder) = spec.log.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if std::fs::metadata(&spec.log).is_ok_and(|log| log.len() > LOG_LIMIT) {
        std::fs::rename(&spec.log, spec.log.with_extension("log.1"))?;
    }
    OpenOptions::new().create(true).append(true).open(&spec.log)
}
