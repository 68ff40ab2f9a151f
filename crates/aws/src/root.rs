//! The Terraform roots as steps.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use engine::{Outputs, Presence, Step, StepContext, lock};
use kit::{resources, tools};
use protocol::{ChangeAction, Code, Failure, Level, ResourceChange, Review, StepId};
use stack::Home;
use terraform::{Cause, Changes, Root};
use tokio::time::{Instant, sleep};

use crate::adoption::Detail;
use crate::names::{ImageName, RootName};
use crate::site::Site;
use crate::{account, function, review, variables};

/// Where the plan lies that was reviewed, until it is applied.
pub(crate) const REVIEWED: &str = "reviewed.tfplan";

/// Where it lies from then on.
const BEGUN: &str = "begun.tfplan";

/// Where a plan lies that is made while the stack is.
const FRESH: &str = "fresh.tfplan";

/// Plans made anew because AWS was not as the one at hand expected, before giving up.
const PLANS: usize = 5;

/// How long a teardown is tried again, and how often. Lambda's network interfaces can hold the network for that long.
const PATIENCE: Duration = Duration::from_mins(30);
const PAUSE: Duration = Duration::from_secs(30);

/// The steps whose work it builds on.
fn needs(root: RootName) -> Vec<StepId> {
    let account = account::ID.into();
    match root {
        RootName::Registry | RootName::Foundation => vec![account],
        RootName::Services => {
            let images = ImageName::ALL.into_iter().map(ImageName::step);
            images.chain(["foundation".into(), function::ID.into()]).collect()
        }
    }
}

impl Site {
    fn root_folder(&self, root: RootName) -> PathBuf {
        self.folder.terraform().join(root.name())
    }

    /// The root, signed in. Its files may not be there yet.
    pub(crate) async fn root(&self, root: RootName) -> Result<Root, Failure> {
        let program = tools::TERRAFORM.find().await?.path;
        let environment = tools::TERRAFORM.environment().with(self.session().await?.environment());
        let cache = Home::locate()?.cache().join("terraform");
        let folder = self.root_folder(root);
        Ok(Root::new(root.name(), self.folder.id(), folder, program, environment).sharing(cache))
    }

    /// The root with its files and its provider, ready to plan.
    pub(crate) async fn prepared(&self, name: RootName, context: &StepContext) -> Result<Root, Failure> {
        let root = self.root(name).await?;
        let folder = self.root_folder(name);
        resources::extract_root(name.name(), &folder).map_err(|error| {
            Failure::environment(format!("{} could not be written", folder.display())).source(&error)
        })?;
        root.init(context, &resources::fingerprint_of_root(name.name())).await?;
        Ok(root)
    }

    /// The foundation's outputs, if it is there.
    pub(crate) async fn foundation(&self) -> Result<Option<serde_json::Value>, Failure> {
        let root = self.root(RootName::Foundation).await?;
        if root.resources().is_empty() {
            return Ok(None);
        }
        let outputs = root.outputs().await?;
        let whole = variables::FOUNDATION.iter().all(|name| outputs.contains_key(*name));
        Ok(whole.then_some(serde_json::Value::Object(outputs)))
    }
}

/// The step that brings a root into being, and removes it.
pub(crate) struct MadeRoot {
    site: Site,
    name: RootName,
    review: Arc<Review>,
    /// What the look before applying planned: it is what is then applied.
    seen: Mutex<Option<Changes>>,
}

impl MadeRoot {
    pub(crate) fn new(site: &Site, name: RootName, review: Arc<Review>) -> Self {
        Self { site: site.clone(), name, review, seen: Mutex::default() }
    }

    async fn set_variables(&self, root: &Root) -> Result<(), Failure> {
        root.set_variables(&variables::of(&self.site, self.name).await?.values)
    }

    fn reviewed_plan(&self) -> PathBuf {
        self.site.root_folder(self.name).join(REVIEWED)
    }

    /// Makes a plan, and holds it against what was confirmed.
    async fn plan(&self, root: &Root, context: &StepContext, refused: &[String]) -> Result<Changes, Failure> {
        self.set_variables(root).await?;
        let changes = self.site.plan_root(root, context, FRESH, refused, Detail::Outline).await?;
        review::hold_against(&self.review, &changes.review(self.name.name()))?;
        Ok(changes)
    }

    /// Applies the very file that was reviewed; says whether that is all there is to do.
    async fn apply_reviewed(&self, root: &Root, context: &StepContext) -> Result<bool, Failure> {
        let (path, name) = (self.reviewed_plan(), self.name.name());
        if !path.exists() {
            return Ok(false);
        }
        if self.review.plans.get(name) != Some(&review::digest(&path)?) {
            context.log(Level::Warn, "The plan file is not the one that was confirmed; it is made anew").await;
            std::fs::remove_file(&path).map_err(unusable(&path))?;
            return Ok(false);
        }
        let imports = |change: &ResourceChange| change.root == name && change.action == ChangeAction::Import;
        // To read a plan takes Terraform half a second; mostly the review says enough.
        let changes =
            if self.review.changes.iter().any(imports) { root.changes(REVIEWED).await? } else { Changes::default() };
        // Begun is used up, however it ends: what is left to do is planned anew.
        std::fs::rename(&path, path.with_file_name(BEGUN)).map_err(unusable(&path))?;
        match root.start(BEGUN).await?.follow(context).await {
            Ok(_) => self.site.finish_adopting(&changes).await.map(|()| true),
            Err(trouble) if matches!(trouble.cause, Some(Cause::StalePlan | Cause::AlreadyExists { .. })) => Ok(false),
            Err(trouble) => Err(trouble.into()),
        }
    }

    async fn apply_fresh(&self, root: &Root, context: &StepContext) -> Result<(), Failure> {
        let mut refused: Vec<String> = Vec::new();
        for _ in 0..PLANS {
            let seen = lock(&self.seen).take();
            let changes = match seen {
                Some(changes) => changes,
                None => self.plan(root, context, &refused).await?,
            };
            if changes.is_empty() {
                return Ok(());
            }
            let Err(trouble) = root.apply(context, FRESH).await else {
                return self.site.finish_adopting(&changes).await;
            };
            match &trouble.cause {
                Some(Cause::StalePlan) => {}
                Some(Cause::AlreadyExists { addresses }) if addresses.iter().any(|one| !refused.contains(one)) => {
                    refused.extend(addresses.iter().cloned());
                }
                _ => return Err(trouble.into()),
            }
        }
        Err(Failure::environment("Somebody else changes the stack at the same time")
            .cause(format!("{PLANS} plans were out of date before they could be applied"))
            .hint("Let them finish, then run the command again."))
    }
}

fn unusable(path: &Path) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::environment(format!("{} could not be put aside", path.display())).source(&error)
}

/// Follows the Terraform of an earlier run to its end, if one is still at work or ended unheard. What it failed of is said;
/// the next plan tells what is left to do.
pub(crate) async fn await_earlier(root: &Root, context: &StepContext) -> Result<(), Failure> {
    let Some(invocation) = root.at_work()? else { return Ok(()) };
    context.log(Level::Warn, "The Terraform of an earlier run is followed to its end").await;
    match invocation.follow(context).await {
        Ok(_) => Ok(()),
        Err(trouble) if trouble.failure.code == Some(Code::Cancelled) => Err(trouble.failure),
        Err(trouble) => {
            context.log(Level::Warn, format!("It failed: {}", trouble.failure)).await;
            Ok(())
        }
    }
}

#[async_trait]
impl Step for MadeRoot {
    fn id(&self) -> StepId {
        self.name.name().into()
    }

    fn title(&self) -> &'static str {
        self.name.title()
    }

    fn describe_apply(&self) -> String {
        let promise = if self.name == RootName::Foundation { " Nothing of it is open to the internet." } else { "" };
        format!("With Terraform make {}.{promise}", self.name.makes())
    }

    fn describe_destroy(&self) -> String {
        format!("With Terraform remove {}.", self.name.makes())
    }

    fn needs(&self) -> Vec<StepId> {
        needs(self.name)
    }

    fn deadline(&self) -> Duration {
        Duration::from_hours(1)
    }

    fn check_deadline(&self) -> Duration {
        Duration::from_mins(15)
    }

    fn winds_down(&self) -> bool {
        true
    }

    async fn check(&self, context: &StepContext) -> Result<Presence, Failure> {
        let root = self.site.prepared(self.name, context).await?;
        if self.reviewed_plan().exists() || root.at_work()?.is_some() {
            return Ok(Presence::Absent);
        }
        let changes = self.plan(&root, context, &[]).await?;
        let presence = match changes.planned.len() {
            0 if changes.is_empty() => Presence::Present("everything is as planned".to_owned()),
            _ if root.resources().is_empty() => Presence::Absent,
            0 => Presence::Drifted("its outputs differ from the plan".to_owned()),
            count => Presence::Drifted(format!("{count} resources differ from the plan")),
        };
        *lock(&self.seen) = Some(changes);
        Ok(presence)
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        let root = self.site.prepared(self.name, context).await?;
        await_earlier(&root, context).await?;
        if !self.apply_reviewed(&root, context).await? {
            self.apply_fresh(&root, context).await?;
        }
        Ok(Outputs::new())
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        if !self.site.root_folder(self.name).exists() {
            return Ok(());
        }
        let root = self.site.prepared(self.name, context).await?;
        await_earlier(&root, context).await?;
        if let Err(damaged) = root.restore_state() {
            let line = format!("{damaged}; what it named is found by the stack's tag instead");
            context.log(Level::Warn, line).await;
        }
        if root.resources().is_empty() {
            return Ok(());
        }
        root.adopt(&[])?;
        self.set_variables(&root).await?;
        let until = Instant::now() + PATIENCE;
        loop {
            let Err(trouble) = root.destroy(context).await else { return Ok(()) };
            let again = matches!(trouble.cause, Some(Cause::Transient | Cause::StalePlan));
            if !again || Instant::now() > until {
                return Err(trouble.into());
            }
            context.log(Level::Warn, format!("{}; tried again in {} s", trouble.failure, PAUSE.as_secs())).await;
            context.progress(0, None, "", format!("Waiting: {}", trouble.failure.summary));
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = context.cancellation().cancelled() => return Err(Failure::cancelled()),
            }
        }
    }
}
