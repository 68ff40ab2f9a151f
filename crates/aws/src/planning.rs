//! Finding out what `up` would do, and what it would cost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use engine::{Outputs, Presence, Step, StepContext, lock};
use protocol::{Cost, Failure, StepId};
use terraform::Changes;

use crate::adoption::Detail;
use crate::names::RootName;
use crate::root::{self, REVIEWED};
use crate::site::Site;
use crate::{cost, function, readiness, review, variables};

/// What the plans of the roots found, gathered by their steps.
pub(crate) type Findings = Arc<Mutex<BTreeMap<RootName, Finding>>>;

/// What the plan of one root found.
pub(crate) struct Finding {
    changes: Changes,
    forecast: bool,
    /// The digest of the plan file that is kept, to be applied as it is.
    kept: Option<String>,
}

/// The step that plans one root.
pub(crate) struct Planned {
    site: Site,
    name: RootName,
    findings: Findings,
}

impl Planned {
    pub(crate) fn new(site: &Site, name: RootName, findings: &Findings) -> Self {
        Self { site: site.clone(), name, findings: findings.clone() }
    }

    fn step(name: RootName) -> StepId {
        format!("plan-{}", name.name()).as_str().into()
    }
}

#[async_trait]
impl Step for Planned {
    fn id(&self) -> StepId {
        Self::step(self.name)
    }

    fn title(&self) -> &'static str {
        self.name.title()
    }

    fn describe_apply(&self) -> String {
        "Let Terraform find out what it would make, change or remove. Nothing is touched.".into()
    }

    fn describe_destroy(&self) -> String {
        "Nothing.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        vec![readiness::ID.into(), function::ID.into()]
    }

    /// That of an earlier run's Terraform, which may have to end first.
    fn deadline(&self) -> Duration {
        Duration::from_hours(1)
    }

    fn winds_down(&self) -> bool {
        true
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        Ok(Presence::Absent)
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        let root = self.site.prepared(self.name, context).await?;
        tokio::select! {
            biased;
            // Who only plans leaves it at work.
            () = context.cancellation().cancelled() => return Err(Failure::cancelled()),
            followed = root::await_earlier(&root, context) => followed?,
        }
        let variables = variables::of(&self.site, self.name).await?;
        root.set_variables(&variables.values)?;
        let changes = self.site.plan_root(&root, context, REVIEWED, &[], Detail::Attributes).await?;
        let path = root.folder().join(REVIEWED);
        // A forecast is made of placeholders, and an empty plan need not be applied: neither must be.
        let kept = if variables.forecast || changes.is_empty() {
            std::fs::remove_file(&path).map_err(|error| {
                Failure::environment(format!("{} could not be removed", path.display())).source(&error)
            })?;
            None
        } else {
            Some(review::digest(&path)?)
        };
        let outputs = [("changes".to_owned(), changes.planned.len().to_string())];
        lock(&self.findings).insert(self.name, Finding { changes, forecast: variables.forecast, kept });
        Ok(outputs.into())
    }

    async fn destroy(&self, _: &StepContext) -> Result<(), Failure> {
        Ok(())
    }
}

/// The step that puts the plans and the cost together for the user to confirm.
pub(crate) struct Reviewed {
    site: Site,
    findings: Findings,
}

impl Reviewed {
    pub(crate) fn new(site: &Site, findings: &Findings) -> Self {
        Self { site: site.clone(), findings: findings.clone() }
    }
}

impl Reviewed {
    /// The cost at today's prices where the credentials may ask for them, otherwise at those of the table.
    async fn cost(&self, context: &StepContext) -> Result<Cost, Failure> {
        let config = &self.site.config;
        match cloud::prices(&self.site.session().await?, &cost::types(config)).await {
            Ok(asked) => Ok(cost::cost_at(config, &asked)),
            Err(failure) => {
                let cost = cost::cost(config);
                context.info(format!("{failure}; the prices are those of {}", cost.prices_of)).await;
                Ok(cost)
            }
        }
    }
}

#[async_trait]
impl Step for Reviewed {
    fn id(&self) -> StepId {
        "review".into()
    }

    fn title(&self) -> &'static str {
        "Review"
    }

    fn describe_apply(&self) -> String {
        "Put the plans together and work out the cost, to be confirmed by you.".into()
    }

    fn describe_destroy(&self) -> String {
        "Nothing.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        RootName::ALL.into_iter().map(Planned::step).collect()
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        Ok(Presence::Absent)
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        let (mut changes, mut drift, mut forecast, mut plans) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
        for (name, finding) in std::mem::take(&mut *lock(&self.findings)) {
            changes.extend(finding.changes.review(name.name()));
            drift.extend(finding.changes.review_drift(name.name()));
            if finding.forecast {
                forecast.push(name.name().to_owned());
            }
            plans.extend(finding.kept.map(|digest| (name.name().to_owned(), digest)));
        }
        let cost = self.cost(context).await?;
        let review = review::compose(changes, drift, forecast, plans, cost);
        review::save(&self.site.folder, &review)?;
        context
            .info(format!("{} resources to change, ${:.2} an hour", review.changes.len(), review.cost.hourly()))
            .await;
        Ok([("review".to_owned(), review.id)].into())
    }

    async fn destroy(&self, _: &StepContext) -> Result<(), Failure> {
        Ok(())
    }
}
