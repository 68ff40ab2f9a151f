//! What can be seen of a stack: its services, what its shop writes, its charts. A stack's agent looks, and so does whoever asks
//! about a stack that no agent looks after. To look changes nothing.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use engine::journal::History;
use engine::{Emitter, lock};
use protocol::service::{Health, ServiceStatus, StackState};
use protocol::shop::{TICKS, TickSample};
use protocol::snapshot::Snapshot;
use protocol::{Event, EventKind, Failure, Keep, RunState, StackConfig};
use stack::StackFolder;
use target::Target;
use tokio::sync::broadcast::Receiver;

/// How often the shop and the charts are looked at.
const ROUND: Duration = Duration::from_secs(1);

/// The eyes on one stack.
pub struct Observer {
    pub(crate) folder: StackFolder,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) emitter: Arc<Emitter>,
    config: StackConfig,
    services: Mutex<Vec<ServiceStatus>>,
    attention: Mutex<Attention>,
    throughput: Mutex<VecDeque<TickSample>>,
    /// Whether a run that may change the stack is under way.
    busy: AtomicBool,
    /// What was last told of the stack as a whole.
    told: Mutex<Told>,
}

/// What clients know without having asked.
struct Told {
    state: StackState,
    orders_per_minute: f64,
}

impl Observer {
    /// Knows of the services only once it looked.
    pub fn new(folder: StackFolder, config: StackConfig, target: Arc<dyn Target>, history: History) -> Self {
        let state = target.state(history.latest.as_ref(), &[]);
        Self {
            folder,
            emitter: Arc::new(Emitter::new(history.last_seq, history.latest)),
            config,
            services: Mutex::default(),
            attention: Mutex::default(),
            throughput: Mutex::default(),
            busy: AtomicBool::new(false),
            told: Mutex::new(Told { state, orders_per_minute: target.rate() }),
            target,
        }
    }

    /// The stack as it stands, and every event after it.
    pub fn snapshot(&self) -> (Snapshot, Receiver<Event>) {
        // Held, so that a tick is in it or follows it, and never both.
        let throughput = lock(&self.throughput);
        let (seq, run, events) = self.emitter.subscribe();
        let services = self.services();
        let snapshot = Snapshot {
            seq,
            config: self.config.clone(),
            state: self.state(run.as_ref(), &services),
            run,
            links: self.target.links(&services),
            services,
            orders_per_minute: self.target.rate(),
            throughput: throughput.iter().cloned().collect(),
        };
        (snapshot, events)
    }

    fn state(&self, run: Option<&RunState>, services: &[ServiceStatus]) -> StackState {
        if self.busy.load(Ordering::Relaxed) { StackState::Busy } else { self.target.state(run, services) }
    }

    /// A run that may change the stack begins or ends.
    pub(crate) fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }

    /// Tells how the stack stands and what its shop is asked for, as far as that is news.
    pub(crate) fn tell_news(&self) {
        let (_, run, _) = self.emitter.subscribe();
        let state = self.state(run.as_ref(), &self.services());
        let orders_per_minute = self.target.rate();
        // Held until it is told, so that the last word is the latest.
        let mut told = lock(&self.told);
        if told.state != state {
            told.state = state;
            self.emitter.announce(EventKind::State { state });
        }
        if told.orders_per_minute.to_bits() != orders_per_minute.to_bits() {
            told.orders_per_minute = orders_per_minute;
            self.emitter.announce(EventKind::Rate { orders_per_minute });
        }
    }

    /// How much of its past the stack keeps.
    pub(crate) fn keep(&self) -> &Keep {
        &self.config.keep
    }

    /// The services as they were last seen.
    pub(crate) fn services(&self) -> Vec<ServiceStatus> {
        lock(&self.services).clone()
    }

    /// Looks at the services before anybody is told of them. What is far away and slow to answer is left for later.
    pub async fn look_around(&self) -> Result<(), Failure> {
        if !self.target.services().is_empty() {
            *lock(&self.services) = self.ask().await?;
        }
        Ok(())
    }

    /// Asks how the services are now.
    pub async fn ask(&self) -> Result<Vec<ServiceStatus>, Failure> {
        let mut statuses = self.target.statuses().await?;
        let mut attention = lock(&self.attention);
        for status in &mut statuses {
            attention.judge(status);
            self.emitter.redactor().redact_in_place(&mut status.detail);
        }
        Ok(statuses)
    }

    /// Tells of the services if something about them changed.
    pub fn see(&self, statuses: &[ServiceStatus]) {
        let changed = *lock(&self.services) != statuses;
        if changed {
            statuses.clone_into(&mut lock(&self.services));
            let links = self.target.links(statuses);
            self.emitter.announce(EventKind::Services { services: statuses.to_vec(), links });
        }
        self.tell_news();
    }

    /// Looks at the services now and then, for ever.
    pub async fn watch_services(&self) {
        loop {
            match self.ask().await {
                Ok(statuses) => self.see(&statuses),
                Err(failure) => self.note(&failure.to_string()),
            }
            tokio::time::sleep(self.target.round()).await;
        }
    }

    /// Follows the shop and the charts, for ever.
    pub async fn watch_shop(&self) {
        let mut feed = self.target.ticks();
        let mut published = self.charts_written();
        loop {
            match feed.next(&|line| self.note(line)).await {
                Ok(samples) => samples.into_iter().for_each(|sample| self.take_tick(sample)),
                Err(failure) => self.note(&format!("The shop's ticks could not be read: {failure}")),
            }
            let now = self.charts_written();
            if now > published {
                published = now;
                self.emitter.announce(EventKind::ChartsPublished { published_at: jiff::Timestamp::now() });
            }
            self.tell_news();
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Writes a line to standard error, which is an agent's log.
    pub(crate) fn note(&self, line: &str) {
        let line = self.emitter.redactor().redact(line);
        let _ = writeln!(std::io::stderr(), "{} {line}", jiff::Timestamp::now());
    }

    fn take_tick(&self, sample: TickSample) {
        let mut throughput = lock(&self.throughput);
        if throughput.len() == TICKS {
            throughput.pop_front();
        }
        throughput.push_back(sample.clone());
        self.emitter.announce(EventKind::Throughput { sample });
    }

    fn charts_written(&self) -> Option<SystemTime> {
        std::fs::metadata(self.folder.charts_file()).and_then(|file| file.modified()).ok()
    }
}

/// Remembers which processes were ready once: one that was and no longer answers is not starting.
#[derive(Default)]
struct Attention(BTreeMap<String, u32>);

impl Attention {
    fn judge(&mut self, status: &mut ServiceStatus) {
        match (status.pid, status.health) {
            (Some(pid), Health::Healthy) => drop(self.0.insert(status.name.clone(), pid)),
            (Some(pid), Health::Starting) if self.0.get(&status.name) == Some(&pid) => {
                status.health = Health::Unhealthy;
                status.detail.insert_str(0, "stopped answering: ");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_was_ready_and_stops_answering_is_not_starting() {
        let mut attention = Attention::default();
        let mut judged = |pid, health| {
            let mut status = ServiceStatus {
                name: "postgres".into(),
                title: "PostgreSQL".into(),
                health,
                detail: "it does not answer".into(),
                pid,
                restarts: 0,
            };
            attention.judge(&mut status);
            (status.health, status.detail)
        };
        assert_eq!(judged(Some(7), Health::Starting).0, Health::Starting);
        assert_eq!(judged(Some(7), Health::Healthy).0, Health::Healthy);
        assert_eq!(
            judged(Some(7), Health::Starting),
            (Health::Unhealthy, "stopped answering: it does not answer".to_owned())
        );
        assert_eq!(judged(Some(7), Health::Healthy).0, Health::Healthy, "it may recover");
        assert_eq!(judged(None, Health::Stopped).0, Health::Stopped);
        assert_eq!(judged(Some(8), Health::Starting).0, Health::Starting, "another process begins anew");
    }
}
