//! The agent: the process that owns a stack. It runs plans, watches over the services, and tells whoever attaches.
//!
//! Shells come and go; killing one stops nothing. Killing the agent stops only what it was doing at that moment:
//! services go on, and the next agent finds them by their marks and the journal by its lock.

mod conduct;
mod server;
pub(crate) mod socket;
pub(crate) mod supervise;
mod telemetry;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::{Emitter, Redactor, StackLock, journal};
use protocol::snapshot::{ServiceStatus, Snapshot, StackState, TickSample};
use protocol::{Code, Failure, Operation, RunOutcome, StackConfig};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::home::{self, StackFolder};
use crate::target::Target;

/// How long an agent with nothing to look after waits for a client before it leaves.
const IDLE: Duration = Duration::from_secs(5);

/// How long clients may take to read the last of what they are told.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Ticks kept for the throughput chart.
pub(crate) const TICKS_KEPT: usize = 300;

/// How long to wait for an agent that is just leaving to give up its lock.
const LOCK_DEADLINE: Duration = Duration::from_secs(5);

/// A stack's agent.
pub(crate) struct Agent {
    folder: StackFolder,
    config: StackConfig,
    target: Target,
    emitter: Arc<Emitter>,
    redactor: Redactor,
    active: Mutex<Option<Active>>,
    services: Mutex<Vec<ServiceStatus>>,
    /// The services that are meant to run; empty until `up` ends, or what was found running when the agent began.
    wanted: Mutex<supervise::Wanted>,
    throughput: Mutex<VecDeque<TickSample>>,
    /// The connections at hand, one task each.
    clients: TaskTracker,
    /// Held by whoever starts a service again, so that `up` and `down` begin when that is over.
    reviving: tokio::sync::Mutex<()>,
    /// Cancelled when the agent is to leave.
    end: CancellationToken,
}

/// The run under way.
struct Active {
    operation: Operation,
    cancel: CancellationToken,
}

/// Plays the agent of a stack until nothing is left to look after.
pub(crate) async fn run(folder: StackFolder) -> Result<(), Failure> {
    let config = folder.config()?;
    let Some(lock) = take_lock(&folder).await? else { return Ok(()) };
    if !folder.config_file().exists() {
        // The stack was removed while this agent started.
        drop(lock);
        folder.remove_traces();
        return Ok(());
    }
    prepare_runtime(&folder)?;
    let listener = socket::listen(&folder.agent_socket())?;
    let history = journal::recover(&folder.runs())?;
    let agent = Arc::new(Agent {
        target: Target::new(folder.clone(), &config),
        folder,
        config,
        emitter: Arc::new(Emitter::new(history.last_seq, history.latest)),
        redactor: Redactor::default(),
        active: Mutex::default(),
        services: Mutex::default(),
        wanted: Mutex::default(),
        throughput: Mutex::default(),
        clients: TaskTracker::new(),
        reviving: tokio::sync::Mutex::default(),
        end: CancellationToken::new(),
    });
    agent.adopt().await?;
    let end = agent.end.clone();
    let work = async {
        tokio::join!(agent.serve(listener), agent.supervise(), agent.observe(), agent.leave_when_idle());
    };
    tokio::select! {
        () = work => {}
        () = end.cancelled() => {}
    }
    // Clients are told of everything before the socket goes.
    agent.clients.close();
    let _ = tokio::time::timeout(LAST_WORDS, agent.clients.wait()).await;
    agent.clean_up(lock)
}

/// `None` if another agent looks after the stack.
async fn take_lock(folder: &StackFolder) -> Result<Option<StackLock>, Failure> {
    let deadline = tokio::time::Instant::now() + LOCK_DEADLINE;
    loop {
        match StackLock::acquire(&folder.lock_file()) {
            Ok(lock) => return Ok(Some(lock)),
            Err(failure) if failure.code != Some(Code::Busy) => return Err(failure),
            Err(_) if socket::connect(&folder.agent_socket()).await.is_ok() => return Ok(None),
            Err(failure) if tokio::time::Instant::now() > deadline => return Err(failure),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn prepare_runtime(folder: &StackFolder) -> Result<(), Failure> {
    home::make_folder(&folder.runtime()).map_err(|error| {
        Failure::environment(format!(
            "The folder of the stack's sockets {} could not be made",
            folder.runtime().display()
        ))
        .source(&error)
    })
}

impl Agent {
    /// The stack as it stands, and every event after it.
    fn attach_here(&self) -> (Snapshot, tokio::sync::broadcast::Receiver<protocol::Event>) {
        let (seq, run, events) = self.emitter.subscribe();
        let services = lock(&self.services).clone();
        let snapshot = Snapshot {
            seq,
            config: self.config.clone(),
            state: if self.is_busy() { StackState::Busy } else { self.target.state(run.as_ref(), &services) },
            run,
            links: self.target.links(&services),
            services,
            orders_per_minute: self.target.rate(),
            throughput: lock(&self.throughput).iter().cloned().collect(),
        };
        (snapshot, events)
    }

    fn is_busy(&self) -> bool {
        lock(&self.active).is_some()
    }

    fn operation(&self) -> Option<Operation> {
        lock(&self.active).as_ref().map(|active| active.operation)
    }

    fn has_nothing_to_look_after(&self) -> bool {
        self.clients.is_empty() && !self.is_busy() && lock(&self.services).iter().all(|service| service.pid.is_none())
    }

    async fn leave_when_idle(&self) {
        let mut idle = Duration::ZERO;
        while idle < IDLE {
            tokio::time::sleep(Duration::from_millis(500)).await;
            idle = if self.has_nothing_to_look_after() { idle + Duration::from_millis(500) } else { Duration::ZERO };
        }
        self.end.cancel();
    }

    /// The last act. A stack that was removed loses its folder here, after the run that removed it was journalled
    /// and told.
    fn clean_up(&self, stack_lock: StackLock) -> Result<(), Failure> {
        let removed = self.was_removed();
        let runtime = self.folder.runtime();
        let result =
            if removed { self.target.keep_for_proof(&self.folder).and_then(|()| self.folder.remove()) } else { Ok(()) };
        let result = result.and_then(|()| {
            if removed { home::remove_folder(&runtime) } else { socket::remove(&self.folder.agent_socket()) }
        });
        drop(stack_lock);
        result.map_err(|error| {
            Failure::environment("The last files of the stack could not be removed")
                .source(&error)
                .hint("Run `retailflow down` again.")
        })
    }

    fn was_removed(&self) -> bool {
        let (_, run, _) = self.emitter.subscribe();
        run.is_some_and(|run| run.operation == Operation::Down && run.outcome == Some(RunOutcome::Succeeded))
    }
}

/// Locks a mutex whose data stays whole even if a holder panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
