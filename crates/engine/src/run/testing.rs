//! Steps whose behaviour a test scripts.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use protocol::{Failure, ResourceAction, Severity, StepId};

use crate::step::{Outputs, Presence, Step, StepContext};

/// What a scripted step does when it is applied or destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Succeed,
    Fail,
    Panic,
    Hang,
    /// Says something in every way that there is.
    Say(&'static str),
    /// Writes so many lines into the log.
    Chatter(u32),
    /// Says what it waits for, again and again.
    Wait(&'static [&'static str]),
    /// Waits to be cancelled, puts away what it was at, and ends.
    WindDown,
}

/// The world scripted steps change: what exists, and in which order things happened.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) exists: BTreeSet<String>,
    pub(crate) history: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Scripted {
    id: &'static str,
    needs: Vec<&'static str>,
    act: Act,
    deadline: Duration,
    world: Arc<Mutex<World>>,
}

impl Scripted {
    pub(crate) fn new(id: &'static str, needs: &[&'static str]) -> Self {
        Self { id, needs: needs.to_vec(), act: Act::Succeed, deadline: Duration::from_secs(5), world: Arc::default() }
    }

    pub(crate) fn act(mut self, act: Act) -> Self {
        self.act = act;
        self
    }

    pub(crate) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    pub(crate) fn world(mut self, world: &Arc<Mutex<World>>) -> Self {
        self.world = world.clone();
        self
    }

    pub(crate) fn arc(self) -> Arc<dyn Step> {
        Arc::new(self)
    }

    async fn work(&self, context: &StepContext, change: impl FnOnce(&mut World)) -> Result<(), Failure> {
        self.world.lock().unwrap().history.push(format!("{} begins", self.id));
        tokio::time::sleep(Duration::from_millis(20)).await;
        match self.act {
            Act::Succeed => {}
            Act::Say(what) => {
                context.progress(0, None, "", format!("a progress {what}"));
                context.info(format!("a line {what}")).await;
                context.resource(ResourceAction::Created, "thing", format!("a resource {what}")).await;
                let failure = Failure::environment(format!("a diagnostic {what}"));
                context.diagnostic(Severity::Warning, failure).await;
            }
            Act::Chatter(lines) => {
                for line in 0..lines {
                    context.info(format!("line {line}")).await;
                }
            }
            Act::Wait(causes) => causes.iter().for_each(|cause| context.progress(0, None, "", *cause)),
            Act::Fail => return Err(Failure::environment(format!("{} is broken", self.id))),
            Act::Panic => panic!("scripted"),
            Act::Hang => std::future::pending().await,
            Act::WindDown => {
                context.cancellation().cancelled().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
                self.world.lock().unwrap().history.push(format!("{} has put away", self.id));
                return Err(Failure::cancelled());
            }
        }
        let mut world = self.world.lock().unwrap();
        world.history.push(format!("{} ends", self.id));
        change(&mut world);
        Ok(())
    }
}

#[async_trait]
impl Step for Scripted {
    fn id(&self) -> StepId {
        self.id.into()
    }

    fn title(&self) -> &'static str {
        self.id
    }

    fn describe_apply(&self) -> String {
        format!("make {}", self.id)
    }

    fn describe_destroy(&self) -> String {
        format!("remove {}", self.id)
    }

    fn needs(&self) -> Vec<StepId> {
        self.needs.iter().map(|id| (*id).into()).collect()
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    fn winds_down(&self) -> bool {
        self.act == Act::WindDown
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        let exists = self.world.lock().unwrap().exists.contains(self.id);
        Ok(if exists { Presence::Present("it exists".to_owned()) } else { Presence::Absent })
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        self.work(context, |world| {
            world.exists.insert(self.id.to_owned());
        })
        .await?;
        Ok(match self.act {
            Act::Say(what) => Outputs::from([("what".to_owned(), format!("an output {what}"))]),
            _ => Outputs::new(),
        })
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        self.work(context, |world| {
            world.exists.remove(self.id);
        })
        .await
    }
}
