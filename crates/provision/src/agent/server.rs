//! Answering clients: one request a connection; an attached client then gets events until it leaves.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::command::{AgentCommands, AgentRequest, Update};
use protocol::snapshot::{PipelineRun, Snapshot};
use protocol::{Event, Failure, Operation, RunId};
use tokio::io::AsyncBufReadExt;
use tokio::net::UnixListener;
use tokio::sync::broadcast::{Receiver, error::RecvError, error::TryRecvError};

use super::socket::{self, Connection};
use super::{Agent, lock};
use crate::client::{Reply, read_line, write_line};

/// How long events are gathered before they go out together: soon enough for the eye, seldom enough for the page.
const PACE: Duration = Duration::from_millis(50);

/// Events in one update at most.
const BATCH: usize = 2000;

impl Agent {
    /// Accepts clients until the agent ends.
    pub(super) async fn serve(self: &Arc<Self>, listener: UnixListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file handles, for instance: better a pause than a busy loop.
                tokio::time::sleep(PACE).await;
                continue;
            };
            let agent = self.clone();
            tokio::spawn(async move {
                agent.clients.fetch_add(1, Ordering::SeqCst);
                // A client that hangs up has nothing to be told.
                let _ = agent.answer(socket::accepted(stream)).await;
                agent.clients.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }

    async fn answer(self: &Arc<Self>, mut connection: Connection) -> std::io::Result<()> {
        let Some(request) = read_line::<AgentRequest>(&mut connection).await? else { return Ok(()) };
        if request == AgentRequest::Attach(()) {
            return self.stream(connection).await;
        }
        let reply = match Counter(self.clone()).dispatch(request).await {
            Ok(value) => Reply::Result(value),
            Err(failure) => Reply::Failed(self.redactor.redact_failure(failure)),
        };
        write_line(&mut connection, &reply).await
    }

    async fn stream(&self, mut connection: Connection) -> std::io::Result<()> {
        let (snapshot, mut events) = self.attach_here();
        write_line(&mut connection, &Reply::Result(serde_json::to_value(snapshot)?)).await?;
        loop {
            let update = tokio::select! {
                update = self.next_update(&mut events) => update,
                // An attached client has nothing more to say: to read is to learn that it hung up, which a quiet
                // stack would not notice by writing.
                _ = connection.fill_buf() => return Ok(()),
                () = self.end.cancelled() => break,
            };
            write_line(&mut connection, &update).await?;
        }
        while let Ok(event) = events.try_recv() {
            write_line(&mut connection, &Update::Events(vec![event])).await?;
        }
        write_line(&mut connection, &Update::Ended).await
    }

    /// What happened next. A client that fell behind gets a fresh snapshot instead of what it missed.
    async fn next_update(&self, events: &mut Receiver<Event>) -> Update {
        match events.recv().await {
            Ok(first) => {
                tokio::time::sleep(PACE).await;
                match gather(first, events) {
                    Some(batch) => Update::Events(batch),
                    None => self.fresh(events),
                }
            }
            Err(RecvError::Lagged(_)) => self.fresh(events),
            Err(RecvError::Closed) => Update::Ended,
        }
    }

    fn fresh(&self, events: &mut Receiver<Event>) -> Update {
        let (snapshot, from_now) = self.attach_here();
        *events = from_now;
        Update::Snapshot(Box::new(snapshot))
    }
}

/// The events at hand, or `None` if some were lost.
fn gather(first: Event, events: &mut Receiver<Event>) -> Option<Vec<Event>> {
    let mut batch = vec![first];
    while batch.len() < BATCH {
        match events.try_recv() {
            Ok(event) => batch.push(event),
            Err(TryRecvError::Lagged(_)) => return None,
            Err(_) => break,
        }
    }
    Some(batch)
}

/// Where an agent takes its clients' commands.
struct Counter(Arc<Agent>);

impl AgentCommands for Counter {
    async fn attach(&self, (): ()) -> Result<Snapshot, Failure> {
        Ok(self.0.attach_here().0)
    }

    async fn snapshot(&self, (): ()) -> Result<Snapshot, Failure> {
        // Whoever asks once wants to know how it is now, not how it was at the last round.
        self.0.look().await?;
        Ok(self.0.attach_here().0)
    }

    async fn start(&self, operation: Operation) -> Result<RunId, Failure> {
        self.0.begin(operation).await
    }

    async fn cancel(&self, (): ()) -> Result<(), Failure> {
        if let Some(active) = lock(&self.0.active).as_ref() {
            active.cancel.cancel();
        }
        Ok(())
    }

    async fn set_rate(&self, orders_per_minute: f64) -> Result<(), Failure> {
        self.0.sandbox.set_rate(orders_per_minute)
    }

    async fn pipeline_runs(&self, (): ()) -> Result<Vec<PipelineRun>, Failure> {
        self.0.sandbox.pipeline_runs().await
    }

    async fn leave(&self, (): ()) -> Result<(), Failure> {
        self.0.end.cancel();
        Ok(())
    }
}
