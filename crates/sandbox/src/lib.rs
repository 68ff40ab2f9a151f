//! The sandbox: the whole platform as processes of this computer.

mod dagster;
mod database;
mod environment;
mod generating;
mod open_shop;
mod rate;
mod services;
mod site;
mod steps;
mod ticks;

use std::sync::Arc;

use async_trait::async_trait;
use engine::{Direction, Plan, Step};
use protocol::command::RunRequest;
use protocol::service::{Link, ServiceStatus};
use protocol::snapshot::PipelineRun;
use protocol::{Blame, Failure, Operation, SandboxConfig, StackConfig};
use stack::StackFolder;
use stack::role::Role;
use target::{Service, Target, Ticks};

use crate::dagster::Dagster;
use crate::services::Services;
use crate::site::Site;
use crate::ticks::WrittenTicks;

/// Runs of the pipeline that are listed.
const RUNS: u32 = 20;

/// One sandbox.
pub struct Sandbox {
    site: Site,
    services: Services,
    all: Vec<Arc<dyn Service>>,
}

impl Sandbox {
    /// The sandbox in a folder, whether it was made or not.
    pub fn new(folder: StackFolder, stack: &StackConfig, config: SandboxConfig) -> Self {
        let site = Site { folder, shop: stack.shop.clone(), keep: stack.keep.clone(), config };
        let services = Services::new(&site);
        Self { all: services.all(), services, site }
    }

    fn steps(&self) -> Vec<Arc<dyn Step>> {
        let (site, services) = (&self.site, &self.services);
        vec![
            Arc::new(steps::python::Python::new(site)),
            Arc::new(steps::projects::Projects::new(site)),
            Arc::new(steps::postgres::Postgres::new(site, services)),
            Arc::new(steps::history::History::new(site)),
            Arc::new(steps::manifest::Manifest::new(site)),
            Arc::new(steps::dagster::Orchestrator::new(site, services)),
            Arc::new(steps::refresh::Refresh::first(site, services)),
            Arc::new(steps::shop::OpenShop::new(site, services)),
        ]
    }
}

#[async_trait]
impl Target for Sandbox {
    fn plan(&self, request: &RunRequest) -> Result<Plan, Failure> {
        self.outline(request.operation)
    }

    fn outline(&self, operation: Operation) -> Result<Plan, Failure> {
        match operation {
            Operation::Up => Plan::new(Direction::Build, &self.steps()),
            Operation::Down => Plan::new(Direction::Teardown, &self.steps()),
            Operation::Plan => Err(Failure::new(Blame::User, "A sandbox has no plan to confirm")
                .cause("it costs nothing and stays on this computer")
                .hint("Say `retailflow up`.")),
            Operation::Refresh => {
                let refresh = steps::refresh::Refresh::asked_for(&self.site, &self.services);
                Plan::new(Direction::Build, &[Arc::new(refresh) as Arc<dyn Step>])
            }
        }
    }

    fn services(&self) -> &[Arc<dyn Service>] {
        &self.all
    }

    fn links(&self, services: &[ServiceStatus]) -> Vec<Link> {
        let webserver = self.services.webserver.name();
        let runs = services.iter().any(|status| status.name == webserver && status.pid.is_some());
        let url = runs.then(|| self.site.webserver_url()).flatten();
        url.map(|url| Link { id: "dagster".to_owned(), title: "Dagster".to_owned(), url }).into_iter().collect()
    }

    fn rate(&self) -> f64 {
        self.site.rate()
    }

    fn set_rate(&self, orders_per_minute: f64) -> Result<(), Failure> {
        protocol::limits::validate_rate(orders_per_minute)?;
        rate::write(&self.site.folder, orders_per_minute)
    }

    fn ticks(&self) -> Box<dyn Ticks> {
        Box::new(WrittenTicks::new(&self.site.folder))
    }

    async fn pipeline_runs(&self) -> Result<Vec<PipelineRun>, Failure> {
        Dagster::of(&self.site)?.runs(RUNS).await
    }

    async fn play(&self, role: &str) -> Result<(), Failure> {
        if role == Role::Shop.name() {
            return open_shop::run(&self.site).await;
        }
        Err(Failure::bug(format!("A sandbox has no role named {role}")))
    }
}
