//! The AWS target: the whole platform in the user's own account, made and removed by Terraform.
//!
//! ```text
//! account ──┬── registry ── images (side by side) ──┐
//!           └── foundation ─────────────────────────┼── services
//! function ─────────────────────────────────────────┘
//! ```
//!
//! So the critical path is the longer of images and foundation, and Airbyte, which installs itself on its host for up
//! to half an hour, does so beside everything that follows. A teardown goes the other way round, and the account, being
//! last, is then swept for whatever Terraform does not know of.

mod account;
mod adoption;
pub(crate) mod cost;
mod elf;
mod function;
mod image;
mod planning;
mod readiness;
pub(crate) mod review;
mod root;
pub(crate) mod session;
pub(crate) mod shop;
mod tunnels;
mod variables;
pub(crate) mod watch;

use std::sync::Arc;

use engine::secret::Secret;
use engine::{Direction, Plan, Step, journal};
use protocol::command::RunRequest;
use protocol::snapshot::StackState;
use protocol::{AwsConfig, Blame, Failure, Operation, Review, RunOutcome, StackName};

use crate::home::StackFolder;
use image::ImageName;
use root::RootName;
use tunnels::Tunnels;

/// One stack in AWS.
#[derive(Clone)]
pub(crate) struct Aws {
    folder: StackFolder,
    name: StackName,
    config: Arc<AwsConfig>,
    tunnels: Arc<Tunnels>,
}

impl Aws {
    pub(crate) fn new(folder: StackFolder, name: StackName, config: AwsConfig) -> Self {
        Self { folder, name, config: Arc::new(config), tunnels: Arc::default() }
    }

    /// The plan of an operation. An `up` names the review it was confirmed with.
    pub(crate) fn plan(&self, request: &RunRequest) -> Result<Plan, Failure> {
        match request.operation {
            Operation::Up => self.up(review::confirmed(&self.folder, request.review.as_deref())?),
            other => self.outline(other),
        }
    }

    /// The plan of an operation in words, before anything is confirmed.
    pub(crate) fn outline(&self, operation: Operation) -> Result<Plan, Failure> {
        match operation {
            Operation::Plan => Plan::new(Direction::Build, &self.planning()),
            Operation::Up => self.up(review::nothing_confirmed()),
            Operation::Down => Plan::new(Direction::Teardown, &self.making(&Arc::new(review::nothing_confirmed()))),
            Operation::Refresh => Err(Failure::new(Blame::User, "A stack in AWS refreshes by itself")
                .cause("its Dagster runs the pipeline on a schedule of its own")
                .hint("`retailflow status` shows how its services are.")),
        }
    }

    fn up(&self, review: Review) -> Result<Plan, Failure> {
        Plan::new(Direction::Build, &self.making(&Arc::new(review)))
    }

    /// The steps that make the stack, and in reverse remove it.
    fn making(&self, review: &Arc<Review>) -> Vec<Arc<dyn Step>> {
        let mut steps: Vec<Arc<dyn Step>> =
            vec![Arc::new(account::Account::new(self)), Arc::new(function::Function::new(self))];
        for image in ImageName::ALL {
            steps.push(Arc::new(image::Pushed::new(self, image)));
        }
        for root in RootName::ALL {
            steps.push(Arc::new(root::MadeRoot::new(self, root, review.clone())));
        }
        steps
    }

    /// The steps that find out what `up` would do.
    fn planning(&self) -> Vec<Arc<dyn Step>> {
        let findings = planning::Findings::default();
        let mut steps: Vec<Arc<dyn Step>> = vec![
            Arc::new(account::Account::new(self)),
            Arc::new(readiness::Readiness::new(self)),
            Arc::new(function::Function::new(self)),
        ];
        for root in RootName::ALL {
            steps.push(Arc::new(planning::Planned::new(self, root, &findings)));
        }
        steps.push(Arc::new(planning::Reviewed::new(self, &findings)));
        steps
    }

    /// Signs in as the stack's settings say; the secret half of a key comes from the keyring.
    async fn session(&self) -> Result<cloud::Session, Failure> {
        session::open(&self.config.place()).await
    }

    /// What no log may show.
    pub(crate) async fn secret(&self) -> Result<Option<Secret>, Failure> {
        session::secret(&self.config.place()).await
    }

    /// Where the stack stands between runs.
    pub(crate) fn state(&self) -> StackState {
        state(&self.folder)
    }

    /// The rate the stack was made with, in orders a minute.
    pub(crate) fn rate(&self) -> f64 {
        self.config.orders_per_minute
    }

    /// Why the rate cannot be set here.
    pub(crate) fn fixed_rate(&self) -> Failure {
        Failure::new(Blame::User, format!("The rate of {} is part of its plan", self.name))
            .cause("its shop is a function in AWS that is given the rate when it is made")
            .hint("Make a stack with another --rate.")
    }
}

/// Where a stack stands between runs, as its journal tells. To plan is to change nothing.
pub(crate) fn state(folder: &StackFolder) -> StackState {
    let runs = journal::summaries(&folder.runs(), usize::MAX);
    match runs.into_iter().find(|run| run.operation != Operation::Plan) {
        None => StackState::New,
        Some(run) if run.operation == Operation::Up && run.outcome == Some(RunOutcome::Succeeded) => StackState::Up,
        Some(_) => StackState::Partial,
    }
}
