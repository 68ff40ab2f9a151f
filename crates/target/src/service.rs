//! A service that is a process of this computer: how it is started, asked and stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::process::{Found, Mark, Processes, ServiceSpec, Stop, ThisComputer};
use engine::{StepContext, blocking};
use futures::future::join_all;
use logs::last_lines;
use protocol::service::{Health, ServiceStatus};
use protocol::{Failure, ResourceAction};
use tokio::time::{Instant, sleep};

/// How often one that is coming up is looked at.
const POLL: Duration = Duration::from_millis(100);

/// How long one that runs may take until it is ready.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// Lines of its log that the failure of one that does not come up quotes.
const QUOTED: usize = 5;

/// A service of a stack.
#[async_trait]
pub trait Service: Send + Sync {
    /// Its identifier, also its role and the name of its log.
    fn name(&self) -> &'static str;

    /// Its name for people.
    fn title(&self) -> &'static str;

    /// Whose it is, and in which role.
    fn mark(&self) -> Mark;

    /// The computer that it is a process of.
    fn computer(&self) -> Arc<dyn Processes> {
        Arc::new(ThisComputer)
    }

    /// What it is started with. Describes, and touches nothing.
    fn spec(&self) -> Result<ServiceSpec, Failure>;

    /// Makes ready what it needs before it is started: folders, a port, the absence of an earlier one's socket.
    async fn prepare(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// What it says of itself if it is ready, or what it waits for.
    async fn probe(&self) -> Result<String, Failure> {
        // It serves nobody: to run is to be ready.
        Ok("running".to_owned())
    }

    /// How it is stopped.
    fn stop(&self) -> Stop {
        Stop::terminate(Duration::from_secs(10))
    }

    /// Clears up after one that ended, once it was started again.
    async fn recover(&self) -> Result<(), Failure> {
        Ok(())
    }
}

impl dyn Service {
    /// The process, if it runs.
    pub async fn process(&self) -> Result<Option<Found>, Failure> {
        let (computer, mark) = (self.computer(), self.mark());
        blocking(move || Ok(computer.in_role(&mark)?.into_iter().find(|found| found.root))).await
    }

    /// Starts it unless it runs; says whether it was started. What an earlier one left behind in its role (a worker
    /// that outlived its server) is ended first, so that there is never a second copy.
    pub async fn ensure_running(&self) -> Result<bool, Failure> {
        if self.process().await?.is_some() {
            return Ok(false);
        }
        let (computer, mark) = (self.computer(), self.mark());
        blocking(move || computer.kill(&mark)).await?;
        self.prepare().await?;
        // Only now: to prepare may be to choose a port.
        self.computer().start(&self.spec()?)?;
        Ok(true)
    }

    /// Starts it and waits until it is ready. One that ends while it comes up is started again until the deadline.
    pub async fn bring_up(&self, context: &StepContext, limit: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + limit;
        let mut action = ResourceAction::Found;
        loop {
            if self.ensure_running().await? {
                action = ResourceAction::Created;
                context.info(format!("{} started", self.title())).await;
            }
            let waits_for = match self.probe().await {
                Ok(detail) => {
                    context.info(format!("{} is ready: {detail}", self.title())).await;
                    context.resource(action, "process", self.title()).await;
                    return Ok(());
                }
                Err(waits_for) => waits_for,
            };
            if Instant::now() > deadline {
                return Err(self.not_ready(limit, waits_for));
            }
            context.progress(0, None, "", waits_for.summary);
            sleep(POLL).await;
        }
    }

    fn not_ready(&self, limit: Duration, waits_for: Failure) -> Failure {
        let failure = Failure::environment(format!("{} was not ready within {} s", self.title(), limit.as_secs()));
        let failure = std::iter::once(waits_for.summary).chain(waits_for.causes).fold(failure, Failure::cause);
        match self.spec() {
            Err(_) => failure,
            Ok(spec) => last_lines(&spec.log, 0, QUOTED)
                .into_iter()
                .fold(failure, Failure::cause)
                .hint(format!("Its log is {}. Running `up` again resumes.", spec.log.display())),
        }
    }

    /// Stops it; one that does not run is success.
    pub async fn take_down(&self, context: &StepContext) -> Result<(), Failure> {
        let (computer, mark, stop) = (self.computer(), self.mark(), self.stop());
        let stopped = blocking(move || computer.stop(&mark, stop)).await?;
        if let Some(found) = stopped.iter().find(|found| found.root).or(stopped.first()) {
            context.info(format!("{} stopped (process {})", self.title(), found.pid)).await;
            context.resource(ResourceAction::Removed, "process", self.title()).await;
        }
        Ok(())
    }

    async fn status(&self, found: Option<&Found>) -> ServiceStatus {
        let (health, detail) = match found {
            None => (Health::Stopped, "not running".to_owned()),
            Some(found) => match self.probe().await {
                Ok(detail) => (Health::Healthy, detail),
                Err(waits_for) if found.age() < READY_WITHIN => (Health::Starting, waits_for.to_string()),
                Err(waits_for) => (Health::Unhealthy, format!("not ready since it started: {waits_for}")),
            },
        };
        self.described(health, detail, found.map(|found| found.pid))
    }

    fn described(&self, health: Health, detail: String, pid: Option<u32>) -> ServiceStatus {
        let (name, title) = (self.name().to_owned(), self.title().to_owned());
        ServiceStatus { name, title, health, detail, pid, restarts: 0 }
    }
}

/// Every service and its health, probed side by side.
pub async fn statuses(services: &[Arc<dyn Service>]) -> Result<Vec<ServiceStatus>, Failure> {
    let Some((computer, mark)) = services.first().map(|service| (service.computer(), service.mark())) else {
        return Ok(Vec::new());
    };
    let found = blocking(move || computer.of_stack(mark.stack())).await?;
    let roots = roots(&found);
    Ok(join_all(services.iter().map(|service| service.status(roots.get(service.name()).copied()))).await)
}

/// What the process table alone tells of them: whoever runs is taken for healthy.
pub fn glance(services: &[Arc<dyn Service>], processes: &[Found]) -> Vec<ServiceStatus> {
    let roots = roots(processes);
    let seen = services.iter().map(|service| match roots.get(service.name()) {
        Some(found) => service.described(Health::Healthy, String::new(), Some(found.pid)),
        None => service.described(Health::Stopped, String::new(), None),
    });
    seen.collect()
}

fn roots(found: &[Found]) -> BTreeMap<&str, &Found> {
    found.iter().filter(|found| found.root).map(|found| (found.mark.role(), found)).collect()
}
