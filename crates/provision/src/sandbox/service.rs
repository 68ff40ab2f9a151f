//! The sandbox's services: what each is started with, when it is ready, how it is stopped.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::StepContext;
use engine::logs::last_lines;
use engine::process::{Found, Mark, ProcessTable, ServiceSpec, Stop, spawn_detached};
use protocol::snapshot::{Health, ServiceStatus};
use protocol::{Failure, ResourceAction};
use tokio::time::{Instant, sleep};

use super::{Sandbox, blocking, dagster, live, postgres};

/// How often a service that is coming up is looked at.
const POLL: Duration = Duration::from_millis(100);

/// How long one that runs may take until it is ready.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// Lines of its log that the failure of one that does not come up quotes.
const QUOTED: usize = 5;

/// The sandbox's long-running processes, in the order they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Postgres,
    Generator,
    CodeServer,
    Webserver,
    Daemon,
}

impl Service {
    pub(crate) const ALL: [Self; 5] =
        [Self::Postgres, Self::Generator, Self::CodeServer, Self::Webserver, Self::Daemon];

    /// Its identifier, role and log name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Generator => "generator",
            Self::CodeServer => "dagster-code",
            Self::Webserver => "dagster-webserver",
            Self::Daemon => "dagster-daemon",
        }
    }

    /// Its name for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Generator => "Shop",
            Self::CodeServer => "Dagster code server",
            Self::Webserver => "Dagster webserver",
            Self::Daemon => "Dagster daemon",
        }
    }

    fn spec(self, sandbox: &Sandbox) -> Result<ServiceSpec, Failure> {
        match self {
            Self::Postgres => postgres::spec(sandbox),
            Self::Generator => live::spec(sandbox),
            Self::CodeServer => Ok(dagster::code_server(sandbox)),
            Self::Webserver => dagster::webserver(sandbox),
            Self::Daemon => Ok(dagster::daemon(sandbox)),
        }
    }

    /// What it says of itself if it is ready, or what it waits for.
    async fn probe(self, sandbox: &Sandbox) -> Result<String, String> {
        match self {
            Self::Postgres => postgres::probe(sandbox).await,
            Self::CodeServer => dagster::probe_code_server(sandbox).await,
            Self::Webserver => dagster::probe_webserver(sandbox).await,
            // They serve nobody: to run is to be ready.
            Self::Generator | Self::Daemon => Ok("running".to_owned()),
        }
    }

    fn stop(self) -> Stop {
        match self {
            // “Fast shutdown”, which does not wait for clients; it writes what it holds to disk.
            Self::Postgres => Stop::interrupt(Duration::from_secs(20)),
            _ => Stop::terminate(Duration::from_secs(10)),
        }
    }

    pub(super) fn mark(self, sandbox: &Sandbox) -> Mark {
        Mark::new(sandbox.folder.path(), self.name())
    }

    /// The process, if it runs.
    pub(super) async fn process(self, sandbox: &Sandbox) -> Result<Option<Found>, Failure> {
        let mark = self.mark(sandbox);
        blocking(move || Ok(ProcessTable::open()?.in_role(&mark).into_iter().find(|found| found.root))).await
    }

    /// Starts it unless it runs; says whether it was started. What an earlier one left behind in its role (a worker
    /// that outlived its server) is ended first, so that there is never a second copy.
    pub(super) async fn ensure_running(self, sandbox: &Sandbox) -> Result<bool, Failure> {
        if self.process(sandbox).await?.is_some() {
            return Ok(false);
        }
        let mark = self.mark(sandbox);
        blocking(move || ProcessTable::open()?.kill(&mark)).await?;
        spawn_detached(&self.spec(sandbox)?)?;
        Ok(true)
    }

    /// Starts it and waits until it is ready. One that ends while it comes up is started again until the deadline.
    pub(super) async fn bring_up(
        self,
        sandbox: &Sandbox,
        context: &StepContext,
        limit: Duration,
    ) -> Result<(), Failure> {
        let deadline = Instant::now() + limit;
        let mut action = ResourceAction::Found;
        loop {
            if self.ensure_running(sandbox).await? {
                action = ResourceAction::Created;
                context.info(format!("{} started", self.title())).await;
            }
            let waits_for = match self.probe(sandbox).await {
                Ok(detail) => {
                    context.info(format!("{} is ready: {detail}", self.title())).await;
                    context.resource(action, "process", self.title()).await;
                    return Ok(());
                }
                Err(waits_for) => waits_for,
            };
            if Instant::now() > deadline {
                return Err(self.not_ready(sandbox, limit, &waits_for));
            }
            context.progress(0, None, "", format!("{}: {waits_for}", self.title()));
            sleep(POLL).await;
        }
    }

    fn not_ready(self, sandbox: &Sandbox, limit: Duration, waits_for: &str) -> Failure {
        let log = sandbox.folder.service_log(self.name());
        let failure = Failure::environment(format!("{} was not ready within {} s", self.title(), limit.as_secs()))
            .cause(waits_for);
        let failure = last_lines(&log, 0, QUOTED).into_iter().fold(failure, Failure::cause);
        failure.hint(format!("Its log is {}. Running `up` again resumes.", log.display()))
    }

    /// Stops it; one that does not run is success.
    pub(super) async fn take_down(self, sandbox: &Sandbox, context: &StepContext) -> Result<(), Failure> {
        let (mark, stop) = (self.mark(sandbox), self.stop());
        let stopped = blocking(move || ProcessTable::open()?.stop(&mark, stop)).await?;
        if let Some(found) = stopped.iter().find(|found| found.root).or(stopped.first()) {
            context.info(format!("{} stopped (process {})", self.title(), found.pid)).await;
            context.resource(ResourceAction::Removed, "process", self.title()).await;
        }
        Ok(())
    }
}

/// Every service and its health, probed side by side.
pub(super) async fn statuses(sandbox: &Sandbox) -> Result<Vec<ServiceStatus>, Failure> {
    let stack = sandbox.folder.path().to_owned();
    let found = blocking(move || Ok(ProcessTable::open()?.of_stack(&stack))).await?;
    let roots: BTreeMap<String, Found> =
        found.into_iter().filter(|found| found.root).map(|found| (found.mark.role().to_owned(), found)).collect();
    let all = Service::ALL.into_iter().map(|service| status(service, sandbox, roots.get(service.name())));
    Ok(futures::future::join_all(all).await)
}

async fn status(service: Service, sandbox: &Sandbox, found: Option<&Found>) -> ServiceStatus {
    let (health, detail) = match found {
        None => (Health::Stopped, "not running".to_owned()),
        Some(found) => match service.probe(sandbox).await {
            Ok(detail) => (Health::Healthy, detail),
            Err(waits_for) if found.age() < READY_WITHIN => (Health::Starting, waits_for),
            Err(waits_for) => (Health::Unhealthy, format!("not ready since it started: {waits_for}")),
        },
    };
    service_status(service, health, detail, found.map(|found| found.pid))
}

/// What the process table alone tells: whoever runs is taken for healthy.
pub(crate) fn glance(found: &[Found]) -> Vec<ServiceStatus> {
    let at = |service: Service| found.iter().find(|found| found.root && found.mark.role() == service.name());
    let all = Service::ALL.into_iter().map(|service| match at(service) {
        Some(found) => service_status(service, Health::Healthy, String::new(), Some(found.pid)),
        None => service_status(service, Health::Stopped, String::new(), None),
    });
    all.collect()
}

fn service_status(service: Service, health: Health, detail: String, pid: Option<u32>) -> ServiceStatus {
    ServiceStatus {
        name: service.name().to_owned(),
        title: service.title().to_owned(),
        health,
        detail,
        pid,
        restarts: 0,
    }
}
