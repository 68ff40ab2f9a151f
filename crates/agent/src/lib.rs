//! The agent: the process that owns a stack. It runs plans, watches over the services, and tells whoever attaches.
//!
//! Shells come and go; killing one stops nothing. Killing the agent stops only what it was doing at that moment:
//! services go on, and the next agent finds them by their marks and the journal by its lock.

mod bounds;
mod conduct;
mod observer;
mod serve;
mod stream;
mod supervise;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::journal::{self, Disk, RealDisk};
use engine::process::{Mark, Processes, ThisComputer};
use engine::{StackLock, lock};
use protocol::snapshot::Snapshot;
use protocol::{Code, Event, Failure, Operation, RunOutcome, StackConfig};
use stack::client::AgentClient;
use stack::{StackFolder, files, role, wire};
use target::Target;
use tokio::sync::broadcast::Receiver;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use observer::Observer;
pub use stream::Pending;

/// How long an agent with nothing to look after waits for a client before it leaves.
const IDLE: Duration = Duration::from_secs(5);

/// How often it looks whether it is idle.
const IDLE_ROUND: Duration = Duration::from_millis(500);

/// How long clients may take to read the last of what they are told.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long to wait for an agent that is just leaving to give up its lock.
const LOCK_DEADLINE: Duration = Duration::from_secs(5);

/// A stack's agent.
struct Agent {
    eyes: Observer,
    disk: Arc<dyn Disk>,
    active: Mutex<Option<Active>>,
    /// The services that are meant to run; empty until `up` ends, or what was found running when the agent began.
    wanted: Mutex<supervise::Wanted>,
    /// The connections at hand, one task each.
    clients: TaskTracker,
    /// Held by whoever starts a service again, so that `up` and `down` begin when that is over.
    reviving: tokio::sync::Mutex<()>,
    /// Whether the services that run are bound to sockets that are gone.
    adrift: AtomicBool,
    /// Cancelled when the agent is to leave.
    end: CancellationToken,
}

/// The run under way.
struct Active {
    operation: Operation,
    cancel: CancellationToken,
}

/// Plays the agent of the stack in a folder, whose target `open` makes, until nothing is left to look after.
pub async fn run(
    folder: StackFolder,
    open: impl FnOnce(&StackFolder, &StackConfig) -> Arc<dyn Target>,
) -> Result<(), Failure> {
    run_on(Arc::new(RealDisk), folder, open).await
}

/// The same, with journals on a disk of its own.
pub async fn run_on(
    disk: Arc<dyn Disk>,
    folder: StackFolder,
    open: impl FnOnce(&StackFolder, &StackConfig) -> Arc<dyn Target>,
) -> Result<(), Failure> {
    folder.config()?;
    let Some(lock) = take_lock(&folder).await? else { return Ok(()) };
    // Only now nobody else changes it.
    let folder = folder.now();
    let config = folder.config()?;
    let folder = folder.take_over(&config)?;
    // An agent leaves its socket when it is killed, and removes it when no service runs.
    let adrift = !folder.agent_socket().exists();
    let target = open(&folder, &config);
    let door = wire::listen(&folder.agent_socket())?;
    let history = journal::recover(&folder.runs())?;
    let agent = Arc::new(Agent {
        eyes: Observer::new(folder, config, target, history),
        disk,
        active: Mutex::default(),
        wanted: Mutex::default(),
        clients: TaskTracker::new(),
        reviving: tokio::sync::Mutex::default(),
        adrift: AtomicBool::new(adrift),
        end: CancellationToken::new(),
    });
    agent.adopt().await?;
    let end = agent.end.clone();
    let work = async {
        tokio::join!(
            agent.serve(door),
            agent.supervise(),
            agent.eyes.watch_shop(),
            agent.leave_when_idle(),
            agent.leave_with_the_stack(&lock)
        );
    };
    tokio::select! {
        biased;
        () = end.cancelled() => {}
        () = work => {}
    }
    // Clients are told of everything before the socket goes.
    agent.clients.close();
    let _ = tokio::time::timeout(LAST_WORDS, agent.clients.wait()).await;
    agent.clean_up(lock)
}

/// `None` if another agent looks after the stack, or the stack was removed meanwhile.
async fn take_lock(folder: &StackFolder) -> Result<Option<StackLock>, Failure> {
    let deadline = tokio::time::Instant::now() + LOCK_DEADLINE;
    loop {
        match StackLock::acquire(&folder.lock_file()) {
            Ok(lock) => return Ok(Some(lock)),
            Err(failure) if failure.code == Some(Code::NoSuchStack) => return Ok(None),
            Err(failure) if failure.code != Some(Code::Busy) => return Err(failure),
            Err(_) if AgentClient::new(folder.clone()).listens().await => return Ok(None),
            Err(failure) if tokio::time::Instant::now() > deadline => return Err(naming_holder(failure, folder)),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Says which process holds the lock and does not answer, as far as that can be seen.
fn naming_holder(failure: Failure, folder: &StackFolder) -> Failure {
    let mark = Mark::new(folder.now().id(), role::AGENT);
    let agents = ThisComputer.in_role(&mark).unwrap_or_default();
    match agents.iter().find(|found| found.pid != std::process::id()) {
        Some(found) => failure
            .cause(format!("process {} is its agent, and does not answer", found.pid))
            .hint(format!("End process {}: the stack's services go on. Then run the command again.", found.pid)),
        None => failure.cause(format!("who holds {} cannot be seen", folder.lock_file().display())),
    }
}

impl Agent {
    /// The stack as it stands, and every event after it.
    fn snapshot(&self) -> (Snapshot, Receiver<Event>) {
        self.eyes.snapshot()
    }

    fn is_busy(&self) -> bool {
        lock(&self.active).is_some()
    }

    fn operation(&self) -> Option<Operation> {
        lock(&self.active).as_ref().map(|active| active.operation)
    }

    fn has_nothing_to_look_after(&self) -> bool {
        self.clients.is_empty() && self.eyes.services().iter().all(|service| service.pid.is_none())
    }

    async fn leave_when_idle(&self) {
        let mut idle = Duration::ZERO;
        loop {
            tokio::time::sleep(IDLE_ROUND).await;
            idle = if self.has_nothing_to_look_after() && !self.is_busy() { idle + IDLE_ROUND } else { Duration::ZERO };
            if idle >= IDLE && self.leave_unless_needed() {
                return;
            }
        }
    }

    /// Leaves when the stack's folder was moved or removed by hand: whoever looks after it where it is now waits for the lock.
    async fn leave_with_the_stack(&self, stack_lock: &StackLock) {
        while stack_lock.is_in_place() {
            tokio::time::sleep(IDLE_ROUND).await;
        }
        self.eyes.note(&format!("The stack is no longer in {}; its agent leaves", self.eyes.folder.path().display()));
        self.end.cancel();
    }

    /// Nothing is begun once this was decided: to begin asks for the same lock.
    fn leave_unless_needed(&self) -> bool {
        let active = lock(&self.active);
        let leaves = active.is_none() && self.has_nothing_to_look_after();
        if leaves {
            self.end.cancel();
        }
        leaves
    }

    /// The last act. A stack that was removed loses its folder here, after the run that removed it was journalled
    /// and told: first its sockets, then, at one blow, its name, and then all that was in it.
    fn clean_up(&self, stack_lock: StackLock) -> Result<(), Failure> {
        let folder = &self.eyes.folder;
        let remove = || {
            self.eyes.target.keep_for_proof()?;
            files::remove_folder(&folder.runtime())?;
            folder.remove()
        };
        let leave = || {
            wire::remove(&folder.agent_socket())?;
            // Nobody needs it while it is empty.
            let _ = std::fs::remove_dir(folder.runtime());
            Ok(())
        };
        let result = if self.was_removed() { remove() } else { leave() };
        drop(stack_lock);
        result.map_err(|error| {
            Failure::environment("The last files of the stack could not be removed")
                .source(&error)
                .hint("Run `retailflow down` again.")
        })
    }

    fn was_removed(&self) -> bool {
        let (_, run, _) = self.eyes.emitter.subscribe();
        run.is_some_and(|run| run.operation == Operation::Down && run.outcome == Some(RunOutcome::Succeeded))
    }
}
