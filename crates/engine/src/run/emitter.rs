//! The single place where events get their number and time, and go out to whoever listens.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use protocol::{Event, EventKind, Failure, RunId, RunState};
use tokio::sync::broadcast;

use secrets::Redactor;

/// Events a listener may lag behind before it is told so and must take a fresh snapshot.
const BACKLOG: usize = 4096;

/// Numbers, stamps and broadcasts events, and keeps the fold of the current run.
///
/// A listener that falls behind loses events and learns of it; it then starts over from a snapshot, which holds
/// everything durable. So a slow client costs the run nothing and never ends up with a wrong picture.
pub struct Emitter {
    /// Held from an event's number until it is sent, its journalling included: so listeners see numbers rise, and a
    /// snapshot holds exactly the events up to its own.
    told: Mutex<Told>,
    channel: broadcast::Sender<Event>,
    redactor: Redactor,
}

/// What has been told so far.
struct Told {
    last: u64,
    run: Option<RunState>,
}

impl Emitter {
    /// An emitter that goes on after `last_seq`, with the latest run as the journal tells it.
    pub fn new(last_seq: u64, latest: Option<RunState>) -> Self {
        Self {
            told: Mutex::new(Told { last: last_seq, run: latest }),
            channel: broadcast::channel(BACKLOG).0,
            redactor: Redactor::default(),
        }
    }

    /// What is told is told without the secrets that this knows.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Tells of something that happens outside of runs and is not journalled.
    pub fn announce(&self, kind: EventKind) {
        debug_assert!(!kind.is_durable(), "durable events belong to a run and its journal");
        // Nothing can fail where nothing is written.
        let _ = self.tell(None, kind, |_| Ok(()));
    }

    /// Takes every secret out of an event, numbers it, lets it be written down, and sends it. What cannot be written is not sent.
    pub(crate) fn tell(
        &self,
        run: Option<&RunId>,
        kind: EventKind,
        write: impl FnOnce(&Event) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let kind = self.redactor.redact_event(kind);
        let mut told = self.lock();
        let event = Event { seq: told.last + 1, at: Timestamp::now(), run: run.cloned(), kind };
        write(&event)?;
        told.last = event.seq;
        if let Some(begun) = RunState::begin(&event) {
            told.run = Some(begun);
        } else if let Some(state) = &mut told.run {
            state.apply(&event);
        }
        // Nobody listening is fine.
        let _ = self.channel.send(event);
        Ok(())
    }

    /// The last sequence number told, the current run's state up to it, and every event after it.
    pub fn subscribe(&self) -> (u64, Option<RunState>, broadcast::Receiver<Event>) {
        let told = self.lock();
        (told.last, told.run.clone(), self.channel.subscribe())
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn published() -> EventKind {
        EventKind::ChartsPublished { published_at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn numbers_rise_without_gaps_whoever_tells_and_whenever_one_attaches() {
        const TELLERS: u64 = 4;
        const EACH: u64 = 500;
        let emitter = Arc::new(Emitter::new(7, None));
        let (first, _, mut events) = emitter.subscribe();
        std::thread::scope(|scope| {
            for _ in 0..TELLERS {
                scope.spawn(|| (0..EACH).for_each(|_| emitter.announce(published())));
            }
            let (attached, _, mut later) = emitter.subscribe();
            // One at least follows, however late this thread came.
            emitter.announce(published());
            assert_eq!(later.blocking_recv().unwrap().seq, attached + 1);
        });
        let seen: Vec<u64> = std::iter::from_fn(|| events.try_recv().ok()).map(|event| event.seq).collect();
        assert_eq!(seen, (first + 1..=first + TELLERS * EACH + 1).collect::<Vec<_>>());
    }

    #[test]
    fn what_cannot_be_journalled_is_neither_numbered_nor_sent() {
        let emitter = Emitter::new(0, None);
        let (_, _, mut events) = emitter.subscribe();
        emitter.tell(None, published(), |_| Err(Failure::environment("the disk is full"))).unwrap_err();
        assert!(events.try_recv().is_err());
        assert_eq!(emitter.subscribe().0, 0);
    }

    #[test]
    fn one_who_lags_learns_of_it_and_starts_over() {
        let emitter = Emitter::new(0, None);
        let (_, _, mut slow) = emitter.subscribe();
        (0..=BACKLOG).for_each(|_| emitter.announce(published()));
        assert!(matches!(slow.try_recv(), Err(broadcast::error::TryRecvError::Lagged(_))));
        let (seq, _, mut fresh) = emitter.subscribe();
        emitter.announce(published());
        assert_eq!(fresh.try_recv().unwrap().seq, seq + 1);
    }
}
