//! Answering clients: one request a connection; an attached client then gets events until it leaves.

use std::sync::Arc;
use std::time::Duration;

use protocol::command::{AgentCommands, AgentRequest, RunRequest, Update};
use protocol::snapshot::{Invocation, PipelineRun, Snapshot};
use protocol::{Event, Failure, RunId};
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
            self.clients.spawn(async move {
                // A client that hangs up has nothing to be told.
                let _ = agent.answer(socket::accepted(stream)).await;
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
        let (snapshot, events) = self.attach_here();
        write_line(&mut connection, &Reply::Result(serde_json::to_value(snapshot)?)).await?;
        let mut pending = Pending::new(events);
        let mut ends = false;
        while !ends {
            tokio::select! {
                () = pending.gather() => {}
                // An attached client has nothing more to say: to read is to learn that it hung up, which a quiet
                // stack would not notice by writing.
                _ = connection.fill_buf() => return Ok(()),
                () = self.end.cancelled() => ends = true,
            }
            while let Some(update) = pending.take(|| self.attach_here()) {
                write_line(&mut connection, &update).await?;
            }
        }
        write_line(&mut connection, &Update::Ended).await
    }
}

/// Events on their way to one client. They are held here and not in a future, which is dropped with all it holds when the
/// agent ends: whatever was told before that goes out.
struct Pending {
    events: Receiver<Event>,
    batch: Vec<Event>,
    /// Whether some were lost to a client that fell behind. It gets a fresh snapshot instead.
    lagged: bool,
}

impl Pending {
    fn new(events: Receiver<Event>) -> Self {
        Self { events, batch: Vec::new(), lagged: false }
    }

    /// Waits for an event, and a little longer for what comes with it. Dropped at any point, it loses nothing.
    async fn gather(&mut self) {
        match self.events.recv().await {
            Ok(event) => self.batch.push(event),
            Err(RecvError::Lagged(_)) => self.lagged = true,
            // The emitter lives as long as its agent, which says itself when it ends.
            Err(RecvError::Closed) => return std::future::pending().await,
        }
        tokio::time::sleep(PACE).await;
    }

    /// What can go out now; `None` when all has.
    fn take(&mut self, attach: impl FnOnce() -> (Snapshot, Receiver<Event>)) -> Option<Update> {
        while self.batch.len() < BATCH && !self.lagged {
            match self.events.try_recv() {
                Ok(event) => self.batch.push(event),
                Err(TryRecvError::Lagged(_)) => self.lagged = true,
                Err(_) => break,
            }
        }
        if self.lagged {
            let (snapshot, events) = attach();
            *self = Self::new(events);
            return Some(Update::Snapshot(Box::new(snapshot)));
        }
        (!self.batch.is_empty()).then(|| Update::Events(std::mem::take(&mut self.batch)))
    }
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
        self.0.target.set_rate(orders_per_minute)
    }

    async fn pipeline_runs(&self, (): ()) -> Result<Vec<PipelineRun>, Failure> {
        self.0.target.pipeline_runs().await
    }

    async fn invocations(&self, (): ()) -> Result<Vec<Invocation>, Failure> {
        self.0.target.invocations().await
    }

    async fn leave(&self, (): ()) -> Result<(), Failure> {
        self.0.end.cancel();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use protocol::EventKind;
    use tokio::sync::broadcast;

    use super::*;

    fn event(seq: u64) -> Event {
        let kind = EventKind::ChartsPublished { published_at: jiff::Timestamp::UNIX_EPOCH };
        Event { seq, at: jiff::Timestamp::UNIX_EPOCH, run: None, kind }
    }

    fn numbers(update: Option<Update>) -> Vec<u64> {
        match update {
            Some(Update::Events(events)) => events.iter().map(|event| event.seq).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn no_snapshot() -> (Snapshot, Receiver<Event>) {
        panic!("nothing was lost")
    }

    #[tokio::test]
    async fn what_is_being_gathered_when_the_agent_ends_goes_out_with_all_that_follows() {
        let (sender, events) = broadcast::channel(8);
        let mut pending = Pending::new(events);
        sender.send(event(1)).unwrap();
        tokio::select! {
            biased;
            () = pending.gather() => panic!("it should still wait for what comes with it"),
            () = tokio::task::yield_now() => {}
        }
        sender.send(event(2)).unwrap();
        assert_eq!(numbers(pending.take(no_snapshot)), [1, 2]);
        assert_eq!(pending.take(no_snapshot), None);
    }

    #[tokio::test]
    async fn more_than_one_update_holds_goes_out_in_several() {
        let all = u64::try_from(BATCH).unwrap() + 1;
        let (sender, events) = broadcast::channel(2 * BATCH);
        let mut pending = Pending::new(events);
        for seq in 1..=all {
            sender.send(event(seq)).unwrap();
        }
        assert_eq!(numbers(pending.take(no_snapshot)).len(), BATCH);
        assert_eq!(numbers(pending.take(no_snapshot)), [all]);
        assert_eq!(pending.take(no_snapshot), None);
    }
}
