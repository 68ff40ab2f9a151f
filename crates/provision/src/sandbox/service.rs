//! The sandbox's services: what each is started with, when it is ready, how it is stopped.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::StepContext;
use engine::process::{Found, Mark, ProcessTable, ServiceSpec, StopSignal, spawn_detached};
use protocol::snapshot::{Health, ServiceStatus};
use protocol::{Failure, ResourceAction};
use tokio::time::{Instant, sleep};

use super::{Sandbox, blocking, dagster, live, postgres};

/// How often a service that is coming up is looked at.
const POLL: Duration = Duration::from_millis(100);

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

    fn stop_signal(self) -> StopSignal {
        if self == Self::Postgres { StopSignal::Interrupt } else { StopSignal::Terminate }
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
        let failure = last_lines(&log).into_iter().fold(failure, Failure::cause);
        failure.hint(format!("Its log is {}. Running `up` again resumes.", log.display()))
    }

    /// Stops it; one that does not run is success.
    pub(super) async fn take_down(
        self,
        sandbox: &Sandbox,
        context: &StepContext,
        grace: Duration,
    ) -> Result<(), Failure> {
        let (mark, signal) = (self.mark(sandbox), self.stop_signal());
        let stopped = blocking(move || ProcessTable::open()?.stop(&mark, signal, grace)).await?;
        if let Some(found) = stopped.iter().find(|found| found.root).or(stopped.first()) {
            context.info(format!("{} stopped (process {})", self.title(), found.pid)).await;
            context.resource(ResourceAction::Removed, "process", self.title()).await;
        }
        Ok(())
    }
}

/// The last lines of a service's log, to quote in a failure.
fn last_lines(log: &std::path::Path) -> Vec<String> {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text[text.len().saturating_sub(8192)..]).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].iter().map(|line| (*line).to_owned()).collect()
}

/// Every service and its health, probed side by side.
pub(super) async fn statuses(sandbox: &Sandbox) -> Result<Vec<ServiceStatus>, Failure> {
    let stack = sandbox.folder.path().to_owned();
    let found = blocking(move || Ok(ProcessTable::open()?.of_stack(&stack))).await?;
    let roots: BTreeMap<String, u32> =
        found.into_iter().filter(|found| found.root).map(|found| (found.mark.role().to_owned(), found.pid)).collect();
    let all = Service::ALL.into_iter().map(|service| status(service, sandbox, roots.get(service.name()).copied()));
    Ok(futures::future::join_all(all).await)
}

async fn status(service: Service, sandbox: &Sandbox, pid: Option<u32>) -> ServiceStatus {
    let (health, detail) = match pid {
        None => (Health::Stopped, "not running".to_owned()),
        Some(_) => match service.probe(sandbox).await {
            Ok(detail) => (Health::Healthy, detail),
            Err(waits_for) => (Health::Starting, waits_for),
        },
    };
    ServiceStatus {
        name: service.name().to_owned(),
        title: service.title().to_owned(),
        health,
        detail,
        pid,
        restarts: 0,
    }
}
