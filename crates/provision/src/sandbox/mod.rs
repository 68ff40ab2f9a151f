//! The sandbox target: the whole platform as processes of this computer.

mod dagster;
mod history;
pub(crate) mod live;
mod postgres;
mod projects;
mod python;
mod refresh;
pub(crate) mod service;
pub(crate) mod shop;

use std::sync::Arc;
use std::time::Duration;

use engine::process::Stop;
use engine::{Direction, Plan, Step};
use jiff::Timestamp;
use protocol::snapshot::{Link, PipelineRun, ServiceStatus};
use protocol::{Blame, Failure, Operation, SandboxConfig};

pub(crate) use dagster::webserver_url;
pub(crate) use service::Service;

use crate::dagster::Dagster;
use crate::home::StackFolder;

/// What the roles of tools (as opposed to services) begin with, see [`engine::process::Mark`].
pub(crate) const TOOL_ROLE: &str = "tool:";

/// How tools are stopped, those of a run that is given up and those that a killed agent left: they put nothing away that a rerun
/// would miss, so they are asked once and not waited for long.
pub(crate) const TOOL_STOP: Stop = Stop::terminate(Duration::from_secs(10));

/// One sandbox.
#[derive(Clone)]
pub(crate) struct Sandbox {
    folder: StackFolder,
    config: SandboxConfig,
}

impl Sandbox {
    pub(crate) fn new(folder: StackFolder, config: SandboxConfig) -> Self {
        Self { folder, config }
    }

    /// The plan of an operation.
    pub(crate) fn plan(&self, operation: Operation) -> Result<Plan, Failure> {
        match operation {
            Operation::Up => Plan::new(Direction::Build, &self.steps()),
            Operation::Down => Plan::new(Direction::Teardown, &self.steps()),
            Operation::Plan => Err(Failure::new(Blame::User, "A sandbox has no plan to confirm")
                .cause("it costs nothing and stays on this computer")
                .hint("Say `retailflow up`.")),
            Operation::Refresh => {
                Plan::new(Direction::Build, &[Arc::new(refresh::Refresh::asked_for(self)) as Arc<dyn Step>])
            }
        }
    }

    fn steps(&self) -> Vec<Arc<dyn Step>> {
        vec![
            Arc::new(python::Python::new(self)),
            Arc::new(projects::Projects::new(self)),
            Arc::new(postgres::Postgres::new(self)),
            Arc::new(history::History::new(self)),
            Arc::new(python::Manifest::new(self)),
            Arc::new(dagster::Orchestrator::new(self)),
            Arc::new(refresh::Refresh::first(self)),
            Arc::new(live::LiveShop::new(self)),
        ]
    }

    /// Every service and its health.
    pub(crate) async fn statuses(&self) -> Result<Vec<ServiceStatus>, Failure> {
        service::statuses(self).await
    }

    /// Starts a service that ended, and returns before it is ready.
    pub(crate) async fn revive(&self, service: Service) -> Result<(), Failure> {
        let began = Timestamp::now();
        if service.ensure_running(self).await? && service == Service::CodeServer {
            let sandbox = self.clone();
            // If it fails, the next `up` does it.
            tokio::spawn(async move { dagster::clear_orphans(&sandbox, began).await });
        }
        Ok(())
    }

    /// What can be opened in a browser.
    pub(crate) fn links(&self, services: &[ServiceStatus]) -> Vec<Link> {
        let runs = services.iter().any(|status| status.name == Service::Webserver.name() && status.pid.is_some());
        let url = runs.then(|| webserver_url(&self.folder)).flatten();
        url.map(|url| Link { id: "dagster".to_owned(), title: "Dagster".to_owned(), url }).into_iter().collect()
    }

    /// The rate the shop is asked to keep, in orders a minute.
    pub(crate) fn rate(&self) -> f64 {
        live::read_rate(&self.folder, &self.config)
    }

    /// Sets the shop's rate; it holds from the next tick on.
    pub(crate) fn set_rate(&self, orders_per_minute: f64) -> Result<(), Failure> {
        protocol::config::validate_rate(orders_per_minute)?;
        live::write_rate(&self.folder, orders_per_minute)
    }

    /// Follows the shop's ticks.
    pub(crate) fn ticks(&self) -> shop::TickFeed {
        shop::TickFeed::new(&self.folder)
    }

    /// The pipeline's latest runs, newest first.
    pub(crate) async fn pipeline_runs(&self) -> Result<Vec<PipelineRun>, Failure> {
        Dagster::of(&self.folder)?.runs(20).await
    }
}

/// Runs blocking work on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::bug("A background task did not end").source(&error))?
}
