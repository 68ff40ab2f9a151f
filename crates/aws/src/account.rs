//! The account as a step: first of all it is looked at, and last of all swept.

use std::time::Duration;

use async_trait::async_trait;
use cloud::sweep::{self, Told};
use engine::{Outputs, Presence, Step, StepContext};
use protocol::{Failure, ResourceAction, StepId};
use tokio::sync::mpsc;

use crate::site::Site;

/// How long a sweep waits for what AWS removes slowly: a function's network interfaces can take over 20 minutes.
const PATIENCE: Duration = Duration::from_mins(30);

/// The step's identifier.
pub(crate) const ID: &str = "account";

/// The step that makes sure of the account.
pub(crate) struct Account {
    site: Site,
}

impl Account {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone() }
    }
}

#[async_trait]
impl Step for Account {
    fn id(&self) -> StepId {
        ID.into()
    }

    fn title(&self) -> &'static str {
        "AWS account"
    }

    fn describe_apply(&self) -> String {
        format!(
            "Make sure that the credentials are of account {}, in {}.",
            self.site.config.account_id, self.site.config.region
        )
    }

    fn describe_destroy(&self) -> String {
        format!(
            "Sweep account {}, {}, for anything that still carries the stack's tag or name, and remove it.",
            self.site.config.account_id, self.site.config.region
        )
    }

    fn needs(&self) -> Vec<StepId> {
        Vec::new()
    }

    fn deadline(&self) -> Duration {
        PATIENCE + Duration::from_mins(5)
    }

    fn check_deadline(&self) -> Duration {
        Duration::from_mins(3)
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        let identity = self.site.session().await?.expect_account(&self.site.config.account_id).await?;
        Ok(Presence::Present(format!("signed in to {} as {}", identity.account_id, identity.arn)))
    }

    async fn apply(&self, _: &StepContext) -> Result<Outputs, Failure> {
        Ok(Outputs::new())
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        let session = self.site.session().await?;
        session.expect_account(&self.site.config.account_id).await?;
        context.progress(0, None, "", "Looking for what is left");
        let (tell, mut told) = mpsc::unbounded_channel();
        let sweeping = sweep::sweep(&session, self.site.name.as_str(), PATIENCE, move |what| {
            // Whoever listens does so until the sweep ends.
            let _ = tell.send(what);
        });
        let listening = async {
            while let Some(what) = told.recv().await {
                match what {
                    Told::Removed(left) => {
                        context.resource(ResourceAction::Removed, left.kind.title(), left.id.as_str()).await;
                    }
                    Told::Waits(left) => context.progress(0, None, "", sweep::in_words(&left)),
                }
            }
        };
        tokio::join!(sweeping, listening).0?;
        context.info("Nothing in AWS carries the stack's tag or name any more").await;
        Ok(())
    }
}
