//! Watching over the services: their health, and starting again what ended without being asked to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::{blocking, lock};
use protocol::service::{Health, ServiceStatus};
use protocol::{Failure, Operation};
use tokio::sync::MutexGuard;
use tokio::time::Instant;

use crate::Agent;

/// The pause before a service is started again; doubled with every restart up to the most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A service that ran this long has recovered: its next restart pauses briefly again.
const RECOVERED: Duration = Duration::from_mins(2);

/// The services that are meant to run.
pub(crate) type Wanted = BTreeMap<&'static str, Restarts>;

/// How often and when a service was started again.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Restarts {
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
    pub(crate) async fn adopt(&self) -> Result<(), Failure> {
        self.eyes.look_around().await?;
        self.want_what_runs();
        Ok(())
    }

    /// From now on, keeps every service running; called after `up`.
    pub(crate) fn want_everything(&self) {
        let mut wanted = lock(&self.wanted);
        for service in self.eyes.target.services() {
            wanted.entry(service.name()).or_default();
        }
    }

    /// From now on, keeps running what runs now.
    fn want_what_runs(&self) {
        let running: Vec<String> =
            self.eyes.services().into_iter().filter(|s| s.pid.is_some()).map(|s| s.name).collect();
        let mut wanted = lock(&self.wanted);
        for service in self.eyes.target.services() {
            if running.iter().any(|name| name == service.name()) {
                wanted.entry(service.name()).or_default();
            }
        }
    }

    /// Looks after the services until the agent ends.
    pub(crate) async fn supervise(self: &Arc<Self>) {
        let mut hindered = false;
        loop {
            if let Err(failure) = self.end_adrift_between_runs().await {
                self.eyes.note(&failure.to_string());
            }
            match self.look().await {
                Ok(statuses) => self.revive_missing(&statuses).await,
                Err(failure) => self.eyes.note(&failure.to_string()),
            }
            let bounded = self.bound_logs().await;
            // Said once: to write it down each time would be one more log that grows.
            if let (Err(failure), false) = (&bounded, hindered) {
                self.eyes.note(&failure.to_string());
            }
            hindered = bounded.is_err();
            tokio::time::sleep(self.eyes.target.round()).await;
        }
    }

    /// Looks at the services and tells what changed.
    pub(crate) async fn look(&self) -> Result<Vec<ServiceStatus>, Failure> {
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
            if self.run_starts_and_stops() {
                return;
            }
            self.revive(&status.name).await;
        }
    }

    fn add_history(&self, status: &mut ServiceStatus) {
        let wanted = lock(&self.wanted);
        let Some(restarts) = wanted.get(status.name.as_str()) else { return };
        status.restarts = restarts.count;
        if status.health == Health::Stopped {
            status.health = Health::Unhealthy;
            "ended unexpectedly, will be started again".clone_into(&mut status.detail);
        }
    }

    async fn revive(self: &Arc<Self>, name: &str) {
        let services = self.eyes.target.services();
        let Some(service) = services.iter().find(|service| service.name() == name) else { return };
        if !lock(&self.wanted).get(name).is_some_and(Restarts::is_due) {
            return;
        }
        let started = service.ensure_running().await;
        // One that runs after all was started between the look and now, by an `up` that is over already.
        if let (Ok(true) | Err(_), Some(restarts)) = (&started, lock(&self.wanted).get_mut(name)) {
            restarts.record();
        }
        match started {
            Ok(true) => {
                self.eyes.note(&format!("{} ended unexpectedly and was started again", service.title()));
                let (agent, service) = (self.clone(), service.clone());
                tokio::spawn(async move {
                    if let Err(failure) = service.recover().await {
                        agent.eyes.note(&format!("{}: the next `up` clears up after it: {failure}", service.title()));
                    }
                });
            }
            Ok(false) => {}
            Err(failure) => self.eyes.note(&format!("{} ended unexpectedly: {failure}", service.title())),
        }
    }

    /// `up` and `down` start and stop services themselves. One that begins now waits until `reviving` is given back.
    fn run_starts_and_stops(&self) -> bool {
        matches!(self.operation(), Some(Operation::Up | Operation::Down))
    }

    async fn end_adrift_between_runs(&self) -> Result<(), Failure> {
        let reviving = self.reviving.lock().await;
        if self.run_starts_and_stops() { Ok(()) } else { self.end_adrift(&reviving).await }
    }

    /// Ends services whose sockets are gone, for nobody can reach them; those that are wanted are then started again.
    pub(crate) async fn end_adrift(&self, _reviving: &MutexGuard<'_, ()>) -> Result<(), Failure> {
        if !self.adrift.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let ended = self.end_services().await;
        // What could not be ended is still adrift.
        self.adrift.fetch_or(ended.is_err(), Ordering::Relaxed);
        ended
    }

    async fn end_services(&self) -> Result<(), Failure> {
        for service in self.eyes.target.services().iter().rev() {
            let (computer, mark, stop) = (service.computer(), service.mark(), service.stop());
            if !blocking(move || computer.stop(&mark, stop)).await?.is_empty() {
                self.eyes.note(&format!("{} was ended: its sockets are gone", service.title()));
            }
        }
        Ok(())
    }

    /// Nothing is meant to run any more; called before a teardown.
    pub(crate) fn want_nothing(&self) {
        lock(&self.wanted).clear();
    }
}
