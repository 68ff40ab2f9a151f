//! A stack's target: what differs between running on this computer and running in AWS, behind one set of questions.

use std::time::Duration;

use engine::Plan;
use engine::process::Found;
use engine::secret::Secret;
use protocol::command::RunRequest;
use protocol::snapshot::{Health, Invocation, Link, PipelineRun, ServiceStatus, StackState, TickSample};
use protocol::{Failure, Operation, RunOutcome, RunState, StackConfig, TargetConfig};

use crate::aws::{Aws, shop, watch};
use crate::home::StackFolder;
use crate::sandbox::shop::TickFeed;
use crate::sandbox::{Sandbox, Service, service};

/// Where one stack runs.
#[derive(Clone)]
pub(crate) enum Target {
    Sandbox(Sandbox),
    Aws(Aws),
}

impl Target {
    pub(crate) fn new(folder: StackFolder, config: &StackConfig) -> Self {
        match &config.target {
            TargetConfig::Sandbox(sandbox) => Self::Sandbox(Sandbox::new(folder, sandbox.clone())),
            TargetConfig::Aws(aws) => Self::Aws(Aws::new(folder, config.name.clone(), aws.clone())),
        }
    }

    /// The plan of an operation; fails if it is not confirmed as the target asks for.
    pub(crate) fn plan(&self, request: &RunRequest) -> Result<Plan, Failure> {
        match self {
            Self::Sandbox(sandbox) => sandbox.plan(request.operation),
            Self::Aws(aws) => aws.plan(request),
        }
    }

    /// The plan of an operation in words, before anything is confirmed.
    pub(crate) fn outline(&self, operation: Operation) -> Result<Plan, Failure> {
        match self {
            Self::Sandbox(sandbox) => sandbox.plan(operation),
            Self::Aws(aws) => aws.outline(operation),
        }
    }

    /// The secret that a run works with, if there is one: no log may show it.
    pub(crate) async fn secret(&self) -> Result<Option<Secret>, Failure> {
        match self {
            Self::Sandbox(_) => Ok(None),
            Self::Aws(aws) => aws.secret().await,
        }
    }

    /// Every service and its health.
    pub(crate) async fn statuses(&self) -> Result<Vec<ServiceStatus>, Failure> {
        match self {
            Self::Sandbox(sandbox) => sandbox.statuses().await,
            Self::Aws(aws) => aws.statuses().await,
        }
    }

    /// How often that is worth asking.
    pub(crate) fn round(&self) -> Duration {
        match self {
            Self::Sandbox(_) => Duration::from_secs(2),
            Self::Aws(_) => watch::ROUND,
        }
    }

    /// The services that are processes of this computer, which the agent starts again when they end. What runs
    /// elsewhere has its own supervisor there.
    pub(crate) fn supervised(&self) -> &'static [Service] {
        match self {
            Self::Sandbox(_) => &Service::ALL,
            Self::Aws(_) => &[],
        }
    }

    /// Starts a supervised service that ended, and returns before it is ready.
    pub(crate) async fn revive(&self, service: Service) -> Result<(), Failure> {
        match self {
            Self::Sandbox(sandbox) => sandbox.revive(service).await,
            Self::Aws(_) => Ok(()),
        }
    }

    /// Where the stack stands between runs, given its latest run and its services.
    pub(crate) fn state(&self, run: Option<&RunState>, services: &[ServiceStatus]) -> StackState {
        match self {
            Self::Sandbox(_) => state_of_services(run, services),
            Self::Aws(aws) => aws.state(),
        }
    }

    /// The services as far as the processes of this computer tell, for a list: nobody is asked.
    pub(crate) fn glance(&self, processes: &[Found]) -> Vec<ServiceStatus> {
        match self {
            Self::Sandbox(_) => service::glance(processes),
            Self::Aws(_) => Vec::new(),
        }
    }

    /// What can be opened in a browser.
    pub(crate) fn links(&self, services: &[ServiceStatus]) -> Vec<Link> {
        match self {
            Self::Sandbox(sandbox) => sandbox.links(services),
            Self::Aws(_) => Vec::new(),
        }
    }

    /// The rate the shop is asked to keep, in orders a minute.
    pub(crate) fn rate(&self) -> f64 {
        match self {
            Self::Sandbox(sandbox) => sandbox.rate(),
            Self::Aws(aws) => aws.rate(),
        }
    }

    /// Sets the shop's rate; it holds from the next tick on.
    pub(crate) fn set_rate(&self, orders_per_minute: f64) -> Result<(), Failure> {
        match self {
            Self::Sandbox(sandbox) => sandbox.set_rate(orders_per_minute),
            Self::Aws(aws) => Err(aws.fixed_rate()),
        }
    }

    /// The pipeline's latest runs, newest first.
    pub(crate) async fn pipeline_runs(&self) -> Result<Vec<PipelineRun>, Failure> {
        match self {
            Self::Sandbox(sandbox) => sandbox.pipeline_runs().await,
            Self::Aws(_) => Ok(Vec::new()),
        }
    }

    /// The latest calls of a shop that is a function, newest first.
    pub(crate) async fn invocations(&self) -> Result<Vec<Invocation>, Failure> {
        match self {
            Self::Sandbox(_) => Ok(Vec::new()),
            Self::Aws(aws) => aws.invocations().await,
        }
    }

    /// Keeps what a proof that nothing is left needs to know once the stack's folder is gone.
    pub(crate) fn keep_for_proof(&self, folder: &StackFolder) -> std::io::Result<()> {
        match self {
            Self::Sandbox(_) => Ok(()),
            Self::Aws(_) => folder.remember(),
        }
    }

    /// The shop's ticks as they are written.
    pub(crate) fn ticks(&self) -> Ticks {
        match self {
            Self::Sandbox(sandbox) => Ticks::Sandbox(sandbox.ticks()),
            Self::Aws(aws) => Ticks::Aws(Box::new(shop::Ticks::new(aws))),
        }
    }
}

/// Follows the shop's ticks.
pub(crate) enum Ticks {
    Sandbox(TickFeed),
    Aws(Box<shop::Ticks>),
}

impl Ticks {
    /// The ticks since the last call, oldest first. What is worth a line in the log is told to `note`.
    pub(crate) async fn next(&mut self, note: &(dyn Fn(&str) + Sync)) -> Result<Vec<TickSample>, Failure> {
        match self {
            Self::Sandbox(feed) => Ok(feed.next().await),
            Self::Aws(ticks) => ticks.next(note).await,
        }
    }
}

/// Where a stack stands, from its latest run and its services.
fn state_of_services(run: Option<&RunState>, services: &[ServiceStatus]) -> StackState {
    let count = |wanted: fn(&ServiceStatus) -> bool| services.iter().filter(|service| wanted(service)).count();
    let healthy = count(|service| service.health == Health::Healthy);
    let running = count(ServiceStatus::runs);
    if !services.is_empty() && healthy == services.len() {
        StackState::Up
    } else if running > 0 && run.is_some_and(|run| run.outcome == Some(RunOutcome::Succeeded)) {
        StackState::Degraded
    } else if running > 0 || run.is_some() {
        StackState::Partial
    } else {
        StackState::New
    }
}
