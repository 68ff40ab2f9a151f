//! The seam: what an agent and a desk ask of a stack, wherever it runs. Traits and plain data, no target of its own.

mod service;
mod state;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::Plan;
use engine::process::{Processes, ThisComputer};
use protocol::command::RunRequest;
use protocol::service::{Link, ServiceStatus, StackState};
use protocol::shop::{Invocation, TickSample};
use protocol::snapshot::{PipelineRun, ProofItem};
use protocol::{Cost, Failure, Operation, Review, RunState};
use secrets::Secret;

pub use service::{Service, glance, statuses};
pub use state::state_of_services;

/// Where one stack runs, and how.
///
/// To make one touches nothing. What is asked for a list or a snapshot returns at once; whatever asks the network or a process
/// is async.
#[async_trait]
pub trait Target: Send + Sync {
    /// The plan of an operation; fails if it is not confirmed as the target asks for.
    fn plan(&self, request: &RunRequest) -> Result<Plan, Failure>;

    /// The plan of an operation in words, before anything is confirmed.
    fn outline(&self, operation: Operation) -> Result<Plan, Failure>;

    /// The secret that a run works with, if there is one: nobody is told of it.
    async fn secret(&self) -> Result<Option<Secret>, Failure> {
        Ok(None)
    }

    /// The computer that tools and services are processes of.
    fn computer(&self) -> Arc<dyn Processes> {
        Arc::new(ThisComputer)
    }

    /// The services that are processes of this computer, in the order they are shown; the agent starts them again when they end.
    /// What runs elsewhere has its own supervisor there.
    fn services(&self) -> &[Arc<dyn Service>] {
        &[]
    }

    /// Every service and its health.
    async fn statuses(&self) -> Result<Vec<ServiceStatus>, Failure> {
        statuses(self.services()).await
    }

    /// How often that is worth asking.
    fn round(&self) -> Duration {
        Duration::from_secs(2)
    }

    /// Where the stack stands between runs, given its latest run and its services.
    fn state(&self, run: Option<&RunState>, services: &[ServiceStatus]) -> StackState {
        state_of_services(run, services)
    }

    /// What can be opened in a browser.
    fn links(&self, _services: &[ServiceStatus]) -> Vec<Link> {
        Vec::new()
    }

    /// The rate the shop is asked to keep, in orders a minute.
    fn rate(&self) -> f64;

    /// Sets the shop's rate; it holds from the next tick on.
    fn set_rate(&self, orders_per_minute: f64) -> Result<(), Failure>;

    /// Follows the shop's ticks from now on.
    fn ticks(&self) -> Box<dyn Ticks>;

    /// The pipeline's latest runs, newest first.
    async fn pipeline_runs(&self) -> Result<Vec<PipelineRun>, Failure> {
        Ok(Vec::new())
    }

    /// The latest calls of a shop that is a function, newest first.
    async fn invocations(&self) -> Result<Vec<Invocation>, Failure> {
        Ok(Vec::new())
    }

    /// What the stack costs; `None` if it costs nothing.
    fn cost(&self) -> Option<Cost> {
        None
    }

    /// What the latest run of [`Operation::Plan`] found, if there was one.
    fn review(&self) -> Result<Option<Review>, Failure> {
        Ok(None)
    }

    /// Keeps what [`Target::prove`] needs once the stack's folder is gone. Called last of all before it goes.
    fn keep_for_proof(&self) -> std::io::Result<()> {
        Ok(())
    }

    /// Looks for anything of the stack beyond this computer.
    async fn prove(&self) -> Result<Vec<ProofItem>, Failure> {
        Ok(Vec::new())
    }

    /// Plays the role of one of the target's own services, in a process that was started for it, until it is asked to end.
    async fn play(&self, role: &str) -> Result<(), Failure> {
        Err(Failure::bug(format!("There is no role named {role}")))
    }
}

/// Takes a line for the log.
pub type Note<'a> = dyn Fn(&str) + Sync + 'a;

/// Follows a shop's ticks.
#[async_trait]
pub trait Ticks: Send {
    /// The ticks since the last call, oldest first. What is worth a line in the log is told to `note`.
    async fn next(&mut self, note: &Note<'_>) -> Result<Vec<TickSample>, Failure>;
}
