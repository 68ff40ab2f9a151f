//! How Terraform is called, and commands that are attended: looks at things that end with whoever waits for them.
//!
//! An attended command changes nothing in the cloud or in the state, so it may be killed at any time; what changes
//! something is an [`crate::Invocation`].

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::process::{Environment, Mark, ProcessTable, command};
use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use protocol::{Code, Failure};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::course::Course;
use crate::explain::{Scene, Trouble};
use crate::lines::Lines;
use crate::listener::Listener;

/// Whose Terraform it is, where it works and with what.
#[derive(Clone)]
pub(crate) struct Terraform {
    pub(crate) program: PathBuf,
    pub(crate) stack: String,
    pub(crate) folder: PathBuf,
    pub(crate) role: String,
    /// Holds what Terraform needs to sign in: it is given to no other process, and shown to nobody.
    pub(crate) environment: Environment,
    /// Overrides every deadline.
    pub(crate) patience: Option<Duration>,
}

impl Terraform {
    /// The environment of every command.
    pub(crate) fn environment(&self) -> Environment {
        let own = [("TF_IN_AUTOMATION", "1"), ("TF_INPUT", "0"), ("CHECKPOINT_DISABLE", "1")];
        // What the caller gives counts more: it may want Terraform's own log, for one.
        let own = Environment::inheriting(&[]).with(own).with([("TF_DATA_DIR", self.folder.join(".terraform"))]);
        own.with(self.environment.pairs())
    }

    /// The mark of commands that change something: at most one is at work on a root.
    pub(crate) fn mark(&self) -> Mark {
        Mark::new(&self.stack, &self.role)
    }

    pub(crate) fn scene<'a>(&'a self, verb: &'a str) -> Scene<'a> {
        Scene { verb, profile: self.environment.get("AWS_PROFILE").and_then(OsStr::to_str) }
    }

    pub(crate) fn deadline(&self, usual: Duration) -> Duration {
        self.patience.unwrap_or(usual)
    }

    /// Runs a command that speaks in messages, telling of it as it goes on.
    pub(crate) async fn talk(
        &self,
        args: &[String],
        usual: Duration,
        listener: &dyn Listener,
    ) -> Result<Course, Trouble> {
        let verb = verb(args);
        let mut attended = self.attend(verb, args)?;
        let (stdout, stderr) = attended.pipes();
        let mut course = Course::default();
        let work = async {
            let (heard, text) = tokio::join!(hear(stdout, &mut course, listener), read(stderr));
            heard.and(text)
        };
        let text = tokio::select! {
            text = tokio::time::timeout(self.deadline(usual), work) => text.map_err(|_| self.late(verb, usual))??,
            () = listener.stopping().cancelled() => return Err(Failure::cancelled().into()),
        };
        course.recall_text(&text);
        let status = attended.end().await?;
        let sound = status.success() && course.ended.errors.is_empty() && course.ended.foreign.is_none();
        if sound { Ok(course) } else { Err(self.scene(verb).trouble(&course.ended)) }
    }

    /// Runs a command that prints its answer, and gives that.
    pub(crate) async fn ask(&self, args: &[String], usual: Duration) -> Result<Vec<u8>, Trouble> {
        let verb = verb(args);
        let mut attended = self.attend(verb, args)?;
        let (stdout, stderr) = attended.pipes();
        let work = async { tokio::try_join!(read(stdout), read(stderr)) };
        let (answer, text) =
            tokio::time::timeout(self.deadline(usual), work).await.map_err(|_| self.late(verb, usual))??;
        if attended.end().await?.success() {
            return Ok(answer);
        }
        let mut course = Course::default();
        course.recall_text(&text);
        Err(self.scene(verb).trouble(&course.ended))
    }

    fn late(&self, verb: &str, usual: Duration) -> Failure {
        Failure::environment(format!("`terraform {verb}` did not end within {} s", self.deadline(usual).as_secs()))
            .code(Code::Deadline)
            .hint(
                "It was ended and has changed nothing. Look at the last lines of its log, then run the command again.",
            )
    }

    fn attend(&self, verb: &str, args: &[String]) -> Result<Attended, Failure> {
        let mark = Mark::new(&self.stack, &attended_role(&self.role, verb));
        let mut command = command(&self.program, &mark, &self.environment());
        command.args(args).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut wrapped = CommandWrap::from(command);
        own_session(&mut wrapped);
        wrapped.wrap(KillOnDrop);
        let child = wrapped.spawn().map_err(|error| cannot_start(&self.program, &error))?;
        Ok(Attended { child, mark, over: false })
    }

    /// Ends commands whose attendant was killed: they hold the state for nobody.
    pub(crate) fn end_unattended(&self) -> Result<(), Failure> {
        let mut table = ProcessTable::open()?;
        let found = table.of_stack(&self.stack).into_iter().map(|found| found.mark);
        let unattended = |mark: &Mark| attendant(&self.role, mark.role()).is_some_and(|pid| !exists(pid));
        let left: Vec<Mark> = found.filter(unattended).collect();
        left.iter().try_for_each(|mark| table.kill(mark))
    }
}

pub(crate) const CANNOT_START: &str = "Terraform could not be started";

pub(crate) const INSTALL: &str = "`retailflow doctor --target aws --fix` installs it.";

pub(crate) fn cannot_start(program: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(CANNOT_START).cause(format!("{}: {error}", program.display())).hint(INSTALL)
}

/// Whether there is a process of that number.
pub(crate) fn exists(pid: u32) -> bool {
    process(pid).is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Interrupts one process, and none of those it started. One that has ended is left alone.
pub(crate) fn interrupt(pid: u32) -> Result<(), Failure> {
    use rustix::process::{Signal, kill_process};
    match process(pid).map_or(Ok(()), |pid| kill_process(pid, Signal::INT)) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(Failure::environment("Terraform could not be asked to stop").cause(error)),
    }
}

fn process(pid: u32) -> Option<rustix::process::Pid> {
    i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw)
}

/// A role of its own for each attended command, naming the process that attends it.
fn attended_role(role: &str, verb: &str) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("{role}/{verb}.{}.{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The process that attends a command in such a role.
fn attendant(role: &str, attended: &str) -> Option<u32> {
    attended.strip_prefix(role)?.strip_prefix('/')?.split('.').nth(1)?.parse().ok()
}

fn verb(args: &[String]) -> &str {
    args.first().map_or("", String::as_str)
}

pub(crate) fn own_session(wrapped: &mut CommandWrap) {
    wrapped.wrap(process_wrap::tokio::ProcessSession);
}

/// A command that goes, with its providers, when nobody waits for it any more.
struct Attended {
    child: Box<dyn ChildWrapper>,
    mark: Mark,
    over: bool,
}

type Pipes = (Option<tokio::process::ChildStdout>, Option<tokio::process::ChildStderr>);

impl Attended {
    fn pipes(&mut self) -> Pipes {
        (self.child.stdout().take(), self.child.stderr().take())
    }

    async fn end(&mut self) -> Result<ExitStatus, Failure> {
        let status = self.child.wait().await;
        self.over = true;
        status.map_err(|error| Failure::environment("Terraform was lost").source(&error))
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        // Terraform at once, then by their mark its providers.
        let _ = self.child.start_kill();
        let _ = ProcessTable::open().and_then(|mut table| table.kill(&self.mark));
    }
}

async fn hear(
    pipe: Option<impl AsyncRead + Unpin>,
    course: &mut Course,
    listener: &dyn Listener,
) -> Result<Vec<u8>, Failure> {
    let Some(mut pipe) = pipe else { return Ok(Vec::new()) };
    let (mut lines, mut chunk) = (Lines::default(), vec![0; 16 << 10]);
    loop {
        let read = pipe.read(&mut chunk).await.map_err(unheard)?;
        let heard = if read == 0 { lines.rest().into_iter().collect() } else { lines.push(&chunk[..read]) };
        for line in heard {
            course.hear(&line.text, listener).await;
        }
        if read == 0 {
            return Ok(Vec::new());
        }
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).await.map_err(unheard)?;
    }
    Ok(bytes)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn unheard(error: std::io::Error) -> Failure {
    Failure::environment("Terraform's output could not be read").source(&error)
}
