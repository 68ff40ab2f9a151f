//! Starting a service: in a session of its own, its output in a file, so that it outlives whoever started it.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use protocol::Failure;
use tokio::process::Command;

use super::environment::Environment;
use super::signals::reset_signals;
use super::table::Mark;
use logs::last_lines;

/// How to start a service.
#[derive(Debug, Clone)]
pub struct ServiceSpec {
    /// Whose it is.
    pub mark: Mark,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments; never a secret, every user can read them.
    pub args: Vec<OsString>,
    /// Its environment, to which its mark is added.
    pub env: Environment,
    /// Where it starts.
    pub folder: PathBuf,
    /// Where its output goes, appended.
    pub log: PathBuf,
    /// The user id it runs as, if not ours. Only root can ask for it.
    pub user: Option<u32>,
}

/// A service that was just started. To drop this leaves it running; the runtime reaps it if it ends before us.
#[derive(Debug)]
pub struct Started {
    child: Box<dyn ChildWrapper>,
    pid: u32,
    log: PathBuf,
    /// Where its own words begin in the log, in bytes.
    from: u64,
}

impl Started {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The last lines that it wrote, at most `count`.
    pub fn last_words(&self, count: usize) -> Vec<String> {
        last_lines(&self.log, self.from, count)
    }
}

/// Starts a service. It goes on when this process ends or is killed. Of the folders that lead to its log, only the last one is
/// made: whoever starts something in a place that is just being removed does not make that place anew.
pub fn spawn_detached(spec: &ServiceSpec) -> Result<Started, Failure> {
    let failed =
        |cause: String| Failure::environment(format!("{} could not be started", spec.mark.role())).cause(cause);
    let (log, from) = open_log(spec).map_err(|error| failed(format!("{}: {error}", spec.log.display())))?;
    let spawned = log.try_clone().and_then(|errors| {
        let mut command = command(&spec.program, &spec.mark, &spec.env);
        command.args(&spec.args).current_dir(&spec.folder).stdin(Stdio::null()).stdout(log).stderr(errors);
        run_as(&mut command, spec.user);
        let mut wrapped = CommandWrap::from(command);
        own_session(&mut wrapped);
        wrapped.spawn()
    });
    let child = spawned.map_err(|error| failed(format!("{}: {error}", spec.program.display())))?;
    match child.id() {
        Some(pid) => Ok(Started { child, pid, log: spec.log.clone(), from }),
        None => Err(failed("it ended as soon as it was started".to_owned())),
    }
}

/// A command that carries a mark, and sees of our environment what it is to see.
pub fn command(program: &Path, mark: &Mark, env: &Environment) -> Command {
    reset_signals();
    let mut command = Command::new(program);
    let (name, value) = mark.variable();
    command.env_clear().envs(env.pairs()).env(name, value);
    command
}

pub(super) fn kill_on_drop(wrapped: &mut CommandWrap) {
    wrapped.wrap(KillOnDrop);
}

pub(super) fn own_session(wrapped: &mut CommandWrap) {
    wrapped.wrap(process_wrap::tokio::ProcessSession);
}

pub(super) fn run_as(command: &mut Command, user: Option<u32>) {
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
}

/// The log, and how long it is already.
fn open_log(spec: &ServiceSpec) -> io::Result<(File, u64)> {
    match spec.log.parent().map_or(Ok(()), std::fs::create_dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let log = OpenOptions::new().create(true).append(true).open(&spec.log)?;
    let length = log.metadata()?.len();
    Ok((log, length))
}
