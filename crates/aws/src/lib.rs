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
mod cost;
mod elf;
mod function;
mod image;
mod names;
mod planning;
mod readiness;
mod review;
mod root;
pub mod session;
mod shop;
mod site;
mod tunnels;
mod variables;
mod watch;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{Direction, Plan, Step};
use protocol::command::RunRequest;
use protocol::service::{ServiceStatus, StackState};
use protocol::shop::Invocation;
use protocol::snapshot::ProofItem;
use protocol::{AwsConfig, Blame, Cost, Failure, Operation, Review, RunState, StackConfig};
use secrets::Secret;
use stack::StackFolder;
use target::{Target, Ticks};

use crate::names::{ImageName, RootName};
use crate::shop::ShopTicks;
use crate::site::Site;

/// One stack in AWS.
pub struct Aws {
    site: Site,
}

impl Aws {
    /// The stack in a folder, whether it was made or not.
    pub fn new(folder: StackFolder, stack: &StackConfig, config: AwsConfig) -> Self {
        let (name, shop) = (stack.name.clone(), stack.shop.clone());
        Self { site: Site { folder, name, shop, config: Arc::new(config), tunnels: Arc::default() } }
    }

    fn up(&self, review: Review) -> Result<Plan, Failure> {
        Plan::new(Direction::Build, &self.making(&Arc::new(review)))
    }

    /// The steps that make the stack, and in reverse remove it.
    fn making(&self, review: &Arc<Review>) -> Vec<Arc<dyn Step>> {
        let mut steps: Vec<Arc<dyn Step>> =
            vec![Arc::new(account::Account::new(&self.site)), Arc::new(function::Function::new(&self.site))];
        for image in ImageName::ALL {
            steps.push(Arc::new(image::Pushed::new(&self.site, image)));
        }
        for root in RootName::ALL {
            steps.push(Arc::new(root::MadeRoot::new(&self.site, root, review.clone())));
        }
        steps
    }

    /// The steps that find out what `up` would do.
    fn planning(&self) -> Vec<Arc<dyn Step>> {
        let findings = planning::Findings::default();
        let mut steps: Vec<Arc<dyn Step>> = vec![
            Arc::new(account::Account::new(&self.site)),
            Arc::new(readiness::Readiness::new(&self.site)),
            Arc::new(function::Function::new(&self.site)),
        ];
        for root in RootName::ALL {
            steps.push(Arc::new(planning::Planned::new(&self.site, root, &findings)));
        }
        steps.push(Arc::new(planning::Reviewed::new(&self.site, &findings)));
        steps
    }
}

#[async_trait]
impl Target for Aws {
    /// An `up` names the review it was confirmed with.
    fn plan(&self, request: &RunRequest) -> Result<Plan, Failure> {
        match request.operation {
            Operation::Up => self.up(review::confirmed(&self.site.folder, request.review.as_deref())?),
            other => self.outline(other),
        }
    }

    fn outline(&self, operation: Operation) -> Result<Plan, Failure> {
        match operation {
            Operation::Plan => Plan::new(Direction::Build, &self.planning()),
            Operation::Up => self.up(review::nothing_confirmed()),
            Operation::Down => Plan::new(Direction::Teardown, &self.making(&Arc::new(review::nothing_confirmed()))),
            Operation::Refresh => Err(Failure::new(Blame::User, "A stack in AWS refreshes by itself")
                .cause("its Dagster runs the pipeline on a schedule of its own")
                .hint("`retailflow status` shows how its services are.")),
        }
    }

    async fn secret(&self) -> Result<Option<Secret>, Failure> {
        session::secret(&self.site.config.place()).await
    }

    async fn statuses(&self) -> Result<Vec<ServiceStatus>, Failure> {
        self.site.statuses().await
    }

    fn round(&self) -> Duration {
        watch::ROUND
    }

    fn state(&self, _: Option<&RunState>, _: &[ServiceStatus]) -> StackState {
        self.site.state()
    }

    fn rate(&self) -> f64 {
        self.site.shop.orders_per_minute
    }

    fn set_rate(&self, _: f64) -> Result<(), Failure> {
        Err(Failure::new(Blame::User, format!("The rate of {} is part of its plan", self.site.name))
            .cause("its shop is a function in AWS that is given the rate when it is made")
            .hint("Make a stack with another --rate."))
    }

    fn ticks(&self) -> Box<dyn Ticks> {
        Box::new(ShopTicks::new(&self.site))
    }

    async fn invocations(&self) -> Result<Vec<Invocation>, Failure> {
        self.site.invocations().await
    }

    fn cost(&self) -> Option<Cost> {
        Some(cost::cost(&self.site.config))
    }

    fn review(&self) -> Result<Option<Review>, Failure> {
        review::load(&self.site.folder)
    }

    fn keep_for_proof(&self) -> io::Result<()> {
        self.site.folder.remember()
    }

    async fn prove(&self) -> Result<Vec<ProofItem>, Failure> {
        let session = self.site.session().await?;
        session.expect_account(&self.site.config.account_id).await?;
        cloud::sweep::prove(&session, self.site.name.as_str()).await
    }
}
