//! Answering clients: one request a connection; an attached client then gets events until it leaves.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::lock;
use protocol::command::{AgentCommands, AgentRequest, RunRequest, Update};
use protocol::shop::Invocation;
use protocol::snapshot::{PipelineRun, Snapshot};
use protocol::{Failure, RunId};
use stack::wire::{self, Connection, Door, Hello, Reply, read_line, write_line};
use tokio::io::AsyncBufReadExt;

use crate::Agent;
use crate::stream::Pending;

/// How long to wait before the next client is accepted where one could not be: out of file handles, for instance.
const BREATH: Duration = Duration::from_millis(50);

/// How often, while no client comes, the socket is looked after.
const ROUND: Duration = Duration::from_secs(1);

impl Agent {
    /// Accepts clients until the agent ends.
    pub(crate) async fn serve(self: &Arc<Self>, mut door: Door) {
        loop {
            match tokio::time::timeout(ROUND, door.accept()).await {
                Ok(Ok(connection)) => {
                    let agent = self.clone();
                    self.clients.spawn(async move {
                        // A client that hangs up has nothing to be told.
                        let _ = agent.answer(connection).await;
                    });
                }
                Ok(Err(_)) => tokio::time::sleep(BREATH).await,
                Err(_) if door.is_there() => {}
                Err(_) => match self.open_anew() {
                    Ok(another) => door = another,
                    Err(failure) => return self.leave_for(&failure),
                },
            }
        }
    }

    /// Something removed the socket. What removes one removes its neighbours: the services bind anew as well.
    fn open_anew(&self) -> Result<Door, Failure> {
        self.eyes.folder.make_runtime()?;
        // Before anybody can ask for a run.
        self.adrift.store(true, Ordering::Relaxed);
        self.eyes.note("The stack's sockets were removed; its agent listens anew, and its services are started again");
        wire::listen(&self.eyes.folder.agent_socket())
    }

    /// Nobody can ask this agent any more. Its successor may choose another place.
    fn leave_for(&self, failure: &Failure) {
        self.eyes.note(&format!("{failure}; nobody can reach this agent any more, so it leaves"));
        self.end.cancel();
    }

    async fn answer(self: &Arc<Self>, mut connection: Connection) -> std::io::Result<()> {
        // Before it is asked: a client of another version may ask what this one cannot read.
        write_line(&mut connection, &Reply::Hello(Hello::own())).await?;
        let Some(request) = read_line::<AgentRequest>(&mut connection).await? else { return Ok(()) };
        // An agent that is to leave begins nothing and answers nobody: whoever asks finds its successor.
        if self.end.is_cancelled() {
            return Ok(());
        }
        if request == AgentRequest::Attach(()) {
            return self.stream(connection).await;
        }
        let reply = match Commands(self.clone()).dispatch(request).await {
            Ok(value) => Reply::Result(value),
            Err(_) if self.end.is_cancelled() => return Ok(()),
            Err(failure) => Reply::Failed(self.eyes.emitter.redactor().redact_failure(failure)),
        };
        write_line(&mut connection, &reply).await
    }

    async fn stream(&self, mut connection: Connection) -> std::io::Result<()> {
        let (snapshot, events) = self.snapshot();
        write_line(&mut connection, &Reply::Result(serde_json::to_value(snapshot)?)).await?;
        let mut pending = Pending::new(events);
        let mut ends = false;
        while !ends {
            tokio::select! {
                biased;
                () = pending.gather() => {}
                // An attached client has nothing more to say: to read is to learn that it hung up, which a quiet
                // stack would not notice by writing.
                _ = connection.fill_buf() => return Ok(()),
                () = self.end.cancelled() => ends = true,
            }
            while let Some(update) = pending.take(|| self.snapshot()) {
                write_line(&mut connection, &update).await?;
            }
        }
        write_line(&mut connection, &Update::Ended).await
    }
}

/// The commands of clients.
struct Commands(Arc<Agent>);

impl AgentCommands for Commands {
    async fn attach(&self, (): ()) -> Result<Snapshot, Failure> {
        Ok(self.0.snapshot().0)
    }

    async fn snapshot(&self, (): ()) -> Result<Snapshot, Failure> {
        // Whoever asks once wants to know how it is now, not how it was at the last round.
        self.0.look().await?;
        Ok(self.0.snapshot().0)
    }

    async fn start(&self, request: RunRequest) -> Result<RunId, Failure> {
        self.0.begin(request).await
    }

    async fn cancel(&self, (): ()) -> Result<(), Failure> {
        if let Some(active) = lock(&self.0.active).as_ref() {
            active.cancel.cancel();
        }
        Ok(())
    }

    async fn set_rate(&self, orders_per_minute: f64) -> Result<(), Failure> {
        self.0.eyes.target.set_rate(orders_per_minute)
    }

    async fn pipeline_runs(&self, (): ()) -> Result<Vec<PipelineRun>, Failure> {
        self.0.eyes.target.pipeline_runs().await
    }

    async fn invocations(&self, (): ()) -> Result<Vec<Invocation>, Failure> {
        self.0.eyes.target.invocations().await
    }
}
