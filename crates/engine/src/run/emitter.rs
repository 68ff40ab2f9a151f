//! The single place where events get their number and time, and go out to whoever listens.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use protocol::{Event, EventKind, RunId, RunState};
use tokio::sync::broadcast;

/// Events a listener may lag behind before it is told so and must take a fresh snapshot.
const BACKLOG: usize = 4096;

/// Numbers, stamps and broadcasts events, and keeps the fold of the current run.
///
/// A listener that falls behind loses events and learns of it; it then starts over from a snapshot, which holds
/// everything durable. So a slow client costs the run nothing and never ends up with a wrong picture.
pub struct Emitter {
    next: AtomicU64,
    /// Held while an event is numbered and sent, so that a snapshot and its sequence number belong together.
    state: Mutex<Option<RunState>>,
    channel: broadcast::Sender<Event>,
}

impl Emitter {
    /// An emitter that goes on after `last_seq`, with the latest run as the journal tells it.
    pub fn new(last_seq: u64, latest: Option<RunState>) -> Self {
        Self { next: AtomicU64::new(last_seq + 1), state: Mutex::new(latest), channel: broadcast::channel(BACKLOG).0 }
    }

    /// Numbers and stamps an event without sending it, so that it can be journalled first.
    pub(crate) fn stamp(&self, run: Option<&RunId>, kind: EventKind) -> Event {
        Event { seq: self.next.fetch_add(1, Ordering::SeqCst), at: Timestamp::now(), run: run.cloned(), kind }
    }

    /// Sends a stamped event.
    pub(crate) fn send(&self, event: Event) {
        let mut state = self.lock();
        if let Some(begun) = RunState::begin(&event) {
            *state = Some(begun);
        } else if let Some(state) = state.as_mut() {
            state.apply(&event);
        }
        // Nobody listening is fine.
        let _ = self.channel.send(event);
    }

    /// Tells of something that happens outside of runs and is not journalled.
    pub fn announce(&self, kind: EventKind) {
        debug_assert!(!kind.is_durable(), "durable events belong to a run and its journal");
        self.send(self.stamp(None, kind));
    }

    /// The current run's state, the last sequence number in it, and every event after.
    pub fn subscribe(&self) -> (u64, Option<RunState>, broadcast::Receiver<Event>) {
        let state = self.lock();
        let receiver = self.channel.subscribe();
        (self.next.load(Ordering::SeqCst) - 1, state.clone(), receiver)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<RunState>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
