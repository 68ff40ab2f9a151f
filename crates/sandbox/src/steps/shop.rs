//! The shop, opened and closed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{Outputs, Presence, Step, StepContext};
use protocol::{Failure, StepId};
use target::Service;

use crate::services::Services;
use crate::site::Site;

const START_DEADLINE: Duration = Duration::from_secs(15);

/// The step that opens the shop for business.
pub(crate) struct OpenShop {
    site: Site,
    shop: Arc<dyn Service>,
}

impl OpenShop {
    pub(crate) fn new(site: &Site, services: &Services) -> Self {
        Self { site: site.clone(), shop: services.shop.clone() }
    }
}

#[async_trait]
impl Step for OpenShop {
    fn id(&self) -> StepId {
        "shop".into()
    }

    fn title(&self) -> &'static str {
        "Shop"
    }

    fn describe_apply(&self) -> String {
        format!(
            "Open the shop: about {:.0} orders a minute, written every two seconds, each tick exactly once.",
            self.site.rate()
        )
    }

    fn describe_destroy(&self) -> String {
        "Close the shop.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        vec!["history".into()]
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        let process = self.shop.process().await?;
        Ok(process.map_or(Presence::Absent, |found| Presence::Present(format!("it runs as process {}", found.pid))))
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        self.shop.bring_up(context, START_DEADLINE).await?;
        Ok(Outputs::new())
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        self.shop.take_down(context).await?;
        let _ = std::fs::remove_file(self.site.folder.shop_file());
        Ok(())
    }
}
