//! Watching over the services: their health, and starting again what ended without being asked to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::snapshot::{Health, ServiceStatus};
use protocol::{Failure, Operation};

use super::Agent;
use crate::observer::lock;
use crate::sandbox::Service;

/// The pause before a service is started again; doubled with every restart up to the most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A service that ran this long has recovered: its next restart pauses briefly again.
const RECOVERED: Duration = Duration::from_mins(2);

/// The services that are meant to run.
pub(super) type Wanted = BTreeMap<Service, Restarts>;

/// How often and when a service was started again.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Restarts {
    count: u32,
    in_a_row: u32,
    last: Option<Instant>,
}

impl Restarts {
    fn is_due(&self) -> bool {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.in_a_row.min(6)).min(LONGEST_PAUSE);
        self.last.is_none_or(|last| last.elapsed() >= pause)
    }

    fn record(&mut self) {
        let recovered = self.last.is_none_or(|last| last.elapsed() > RECOVERED);
        self.in_a_row = if recovered { 1 } else { self.in_a_row + 1 };
        self.count += 1;
        self.last = Some(Instant::now());
    }
}

impl Agent {
    /// Takes over whatever runs. A new agent never starts services by itself: after a restart of the computer, that
    /// is the user's `up` to decide.
    pub(super) async fn adopt(&self) -> Result<(), Failure> {
        self.eyes.look_around().await?;
        self.want_what_runs();
        Ok(())
    }

    /// From now on, keeps every service running; called after `up`.
    pub(super) fn want_everything(&self) {
        let mut wanted = lock(&self.wanted);
        for service in self.eyes.target.supervised() {
            wanted.entry(*service).or_default();
        }
    }

    /// From now on, keeps running what runs now.
    fn want_what_runs(&self) {
        let running: Vec<String> =
            self.eyes.services().into_iter().filter(|s| s.pid.is_some()).map(|s| s.name).collect();
        let mut wanted = lock(&self.wanted);
        let supervised = self.eyes.target.supervised().iter();
        for service in supervised.filter(|service| running.iter().any(|name| name == service.name())) {
            wanted.entry(*service).or_default();
        }
    }

    /// Looks after the services until the agent ends.
    pub(super) async fn supervise(self: &Arc<Self>) {
        loop {
            match self.look().await {
                Ok(statuses) => self.revive_missing(&statuses).await,
                Err(failure) => self.eyes.note(&failure.to_string()),
            }
            tokio::time::sleep(self.eyes.target.round()).await;
        }
    }

    /// Looks at the services and tells what changed.
    pub(super) async fn look(&self) -> Result<Vec<ServiceStatus>, Failure> {
        let mut statuses = self.eyes.ask().await?;
        for status in &mut statuses {
            self.add_history(status);
        }
        self.eyes.see(&statuses);
        Ok(statuses)
    }

    async fn revive_missing(self: &Arc<Self>, statuses: &[ServiceStatus]) {
        for status in statuses.iter().filter(|status| status.pid.is_none()) {
            let _reviving = self.reviving.lock().await;
            // `up` and `down` start and stop services themselves. One that begins now waits until this is over.
            if matches!(self.operation(), Some(Operation::Up | Operation::Down)) {
                return;
            }
            self.revive(&status.name).await;
        }
    }

    fn add_history(&self, status: &mut ServiceStatus) {
        let wanted = lock(&self.wanted);
        let Some((_, restarts)) = wanted.iter().find(|(service, _)| service.name() == status.name) else { return };
        status.restarts = restarts.count;
        if status.health == Health::Stopped {
            status.health = Health::Unhealthy;
            "ended unexpectedly, will be started again".clone_into(&mut status.detail);
        }
    }

    async fn revive(self: &Arc<Self>, name: &str) {
        let due = {
            let mut wanted = lock(&self.wanted);
            wanted.iter_mut().find(|(service, _)| service.name() == name).and_then(|(service, restarts)| {
                restarts.is_due().then(|| {
                    restarts.record();
                    *service
                })
            })
        };
        let Some(service) = due else { return };
        self.eyes.note(&format!("{} ended unexpectedly: starting it again", service.title()));
        if let Err(failure) = self.eyes.target.revive(service).await {
            self.eyes.note(&failure.to_string());
        }
    }

    /// Nothing is meant to run any more; called before a teardown.
    pub(super) fn want_nothing(&self) {
        lock(&self.wanted).clear();
    }
}
