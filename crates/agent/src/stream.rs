//! The stream of events to one client.

use std::time::Duration;

use protocol::Event;
use protocol::command::Update;
use protocol::snapshot::Snapshot;
use tokio::sync::broadcast::{Receiver, error::RecvError, error::TryRecvError};

/// How long events are gathered before they go out together: soon enough for the eye, seldom enough for the page.
const PACE: Duration = Duration::from_millis(50);

/// Events in one update at most.
const BATCH: usize = 2000;

/// Events on their way to one client. They are held here and not in a future, which is dropped with all it holds when the
/// agent ends: whatever was told before that goes out.
pub struct Pending {
    events: Receiver<Event>,
    batch: Vec<Event>,
    /// Whether some were lost to a client that fell behind. It gets a fresh snapshot instead.
    lagged: bool,
}

impl Pending {
    /// Those that a receiver gets from now on.
    pub fn new(events: Receiver<Event>) -> Self {
        Self { events, batch: Vec::new(), lagged: false }
    }

    /// Waits for an event, and a little longer for what comes with it. Dropped at any point, it loses nothing.
    pub async fn gather(&mut self) {
        match self.events.recv().await {
            Ok(event) => self.batch.push(event),
            Err(RecvError::Lagged(_)) => self.lagged = true,
            // The emitter lives as long as its agent, which says itself when it ends.
            Err(RecvError::Closed) => return std::future::pending().await,
        }
        tokio::time::sleep(PACE).await;
    }

    /// What can go out now; `None` when all has.
    pub fn take(&mut self, attach: impl FnOnce() -> (Snapshot, Receiver<Event>)) -> Option<Update> {
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
