//! The operating system's process table, seen through the marks our processes carry.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use protocol::Failure;
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, Signal, System, UpdateKind};

/// The variable that carries a mark.
const VARIABLE: &str = "RETAILFLOW_PROCESS";

/// What the roles of tools begin with.
const TOOL: &str = "tool:";

/// How long the system may take to clear away killed processes.
const KILL_DEADLINE: Duration = Duration::from_secs(10);

const POLL: Duration = Duration::from_millis(25);

/// Whose process it is and what it does: `<stack's identity>#<role>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    stack: String,
    role: String,
}

impl Mark {
    /// The mark of a process in a role, for example `postgres`, of the stack with an identity.
    pub fn new(stack: &str, role: &str) -> Self {
        Self { stack: stack.to_owned(), role: role.to_owned() }
    }

    /// The mark of a stack's tool: what a step runs to its end, as opposed to a service.
    pub fn tool(stack: &str, name: &str) -> Self {
        Self::new(stack, &format!("{TOOL}{name}"))
    }

    /// Whether it is a tool's.
    pub fn is_tool(&self) -> bool {
        self.role.starts_with(TOOL)
    }

    /// The stack's identity.
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// The role.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// The environment variable to give to the process.
    pub fn variable(&self) -> (&'static str, String) {
        (VARIABLE, self.to_string())
    }

    fn of(process: &Process) -> Option<Self> {
        let value = process.environ().iter().find_map(|pair| value_of(pair))?;
        let (stack, role) = value.rsplit_once('#')?;
        Some(Self { stack: stack.to_owned(), role: role.to_owned() })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.stack, self.role)
    }
}

fn value_of(pair: &OsString) -> Option<&str> {
    pair.to_str()?.strip_prefix(VARIABLE)?.strip_prefix('=')
}

/// A living process of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its process id.
    pub pid: u32,
    /// Its mark.
    pub mark: Mark,
    /// Whether it was started in this role itself, rather than being a descendant of one that was.
    pub root: bool,
    /// Seconds since 1970 at which it started.
    pub started: u64,
}

impl Found {
    /// How long it runs already.
    pub fn age(&self) -> Duration {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        now.saturating_sub(Duration::from_secs(self.started))
    }
}

/// The signal a service is asked to stop with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM, what most programs expect.
    Terminate,
    /// SIGINT: PostgreSQL's “fast shutdown”, which does not wait for clients.
    Interrupt,
}

impl StopSignal {
    fn signal(self) -> Signal {
        match self {
            Self::Terminate => Signal::Term,
            Self::Interrupt => Signal::Interrupt,
        }
    }
}

/// How something is asked to end, and how long it may take before it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// What it is asked with.
    pub signal: StopSignal,
    /// How long it may take.
    pub grace: Duration,
}

impl Stop {
    /// How most tools are: what they have not put away, a rerun makes again, so they are asked once and not waited for long.
    pub const TOOL: Self = Self::terminate(Duration::from_secs(10));

    /// Asked with SIGTERM.
    pub const fn terminate(grace: Duration) -> Self {
        Self { signal: StopSignal::Terminate, grace }
    }

    /// Asked with SIGINT.
    pub const fn interrupt(grace: Duration) -> Self {
        Self { signal: StopSignal::Interrupt, grace }
    }
}

/// A view of the process table, read when asked.
pub struct ProcessTable {
    system: System,
}

impl ProcessTable {
    /// Opens the table; fails where the system does not let it be read.
    pub fn open() -> Result<Self, Failure> {
        let system = System::new()
            .map_err(|error| Failure::environment("The list of running processes could not be read").source(&error))?;
        Ok(Self { system })
    }

    /// Reads the table and gives the processes of the stack with an identity, whatever their role.
    pub fn of_stack(&mut self, stack: &str) -> Vec<Found> {
        self.refresh();
        let mut found: Vec<Found> =
            self.system.processes().values().filter_map(|process| self.found(process, stack)).collect();
        found.sort_unstable_by_key(|found| (found.started, found.pid));
        found
    }

    /// Reads the table and gives the processes of a program that work in a folder, marked or not: a server's children may have
    /// written over the environment that their mark is in.
    pub fn at_work_in(&mut self, folder: &Path, program: &str) -> Vec<u32> {
        // The system names folders without links.
        let Ok(folder) = folder.canonicalize() else { return Vec::new() };
        self.system.refresh_processes_specifics(
            ProcessesToUpdate::All,
            true,
            refresh_kind().with_cwd(UpdateKind::Always),
        );
        let there =
            |process: &&Process| alive(process) && process.name() == program && process.cwd() == Some(folder.as_path());
        self.system.processes().values().filter(there).map(|process| process.pid().as_u32()).collect()
    }

    /// Reads the table and gives the processes in one role.
    pub fn in_role(&mut self, mark: &Mark) -> Vec<Found> {
        let mut found = self.of_stack(&mark.stack);
        found.retain(|found| found.mark == *mark);
        found
    }

    /// Whether a process seen before still lives. Cheap: it looks at one process only.
    pub fn lives(&mut self, seen: &Found) -> bool {
        let pid = Pid::from_u32(seen.pid);
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, refresh_kind());
        self.system.process(pid).is_some_and(|process| alive(process) && process.start_time() == seen.started)
    }

    /// Sends one process a signal, once; one that ended meanwhile is left alone.
    pub fn tell(&mut self, seen: &Found, signal: StopSignal) -> Result<(), Failure> {
        if self.lives(seen) {
            self.signal(std::iter::once(seen), signal.signal());
        }
        Ok(())
    }

    /// Asks every root in a role to stop, and after its grace kills whatever still carries the mark.
    ///
    /// Blocks for up to that grace plus ten seconds. Fails if something cannot be killed.
    pub fn stop(&mut self, mark: &Mark, stop: Stop) -> Result<Vec<Found>, Failure> {
        let stopped = self.in_role(mark);
        self.signal(stopped.iter().filter(|found| found.root), stop.signal.signal());
        if self.gone_within(mark, stop.grace) {
            return Ok(stopped);
        }
        self.kill(mark)?;
        Ok(stopped)
    }

    /// Kills whatever carries the mark. Processes that fork while being killed are caught by looking again.
    pub fn kill(&mut self, mark: &Mark) -> Result<(), Failure> {
        let deadline = Instant::now() + KILL_DEADLINE;
        loop {
            let left = self.in_role(mark);
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let pids: BTreeSet<String> = left.iter().map(|found| found.pid.to_string()).collect();
                let pids = pids.into_iter().collect::<Vec<_>>().join(", ");
                return Err(Failure::environment(format!("Processes of {} could not be ended", mark.role))
                    .cause(format!("still running: {pids}"))
                    .hint("End them in the system's process monitor, then run the command again."));
            }
            self.signal(left.iter(), Signal::Kill);
            std::thread::sleep(POLL);
        }
    }

    fn gone_within(&mut self, mark: &Mark, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            if self.in_role(mark).is_empty() {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(POLL);
        }
    }

    fn signal<'a>(&self, to: impl Iterator<Item = &'a Found>, signal: Signal) {
        for found in to {
            if let Some(process) = self.system.process(Pid::from_u32(found.pid)) {
                // `None` where a platform lacks the signal: then it is killed at once.
                process.kill_with(signal).unwrap_or_else(|| process.kill());
            }
        }
    }

    fn refresh(&mut self) {
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, refresh_kind());
    }

    fn found(&self, process: &Process, stack: &str) -> Option<Found> {
        let mark = Mark::of(process).filter(|mark| mark.stack == stack && alive(process))?;
        let parent = process.parent().and_then(|pid| self.system.process(pid)).and_then(Mark::of);
        let root = parent.as_ref() != Some(&mark);
        Some(Found { pid: process.pid().as_u32(), mark, root, started: process.start_time() })
    }
}

/// The environment is read anew each time: a process has its parent's until it calls `exec`.
fn refresh_kind() -> ProcessRefreshKind {
    ProcessRefreshKind::nothing().with_environ(UpdateKind::Always).without_tasks()
}

fn alive(process: &Process) -> bool {
    !matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead)
}
