//! A target whose steps and services do as chance has it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::process::{Environment, Mark, Processes, ServiceSpec};
use engine::{Direction, Outputs, Plan, Presence, Step, StepContext};
use protocol::command::RunRequest;
use protocol::{Failure, Operation, ResourceAction, Severity, StepId};
use target::{Service, Target, Ticks};

use super::world::World;
use crate::scripted::NoTicks;

/// Nothing of a step takes longer.
const DEADLINE: Duration = Duration::from_secs(3);

const STEPS: [(&str, &[&str]); 5] =
    [("a", &[]), ("b", &[]), ("c", &["a"]), ("served", &["a", "b"]), ("d", &["c", "served"])];

const SERVICES: [&str; 2] = ["web", "worker"];

/// The target of a simulated stack.
pub(crate) struct Simulated {
    world: Arc<World>,
    services: Vec<Arc<dyn Service>>,
}

impl Simulated {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let service = |name| Arc::new(Simple { name, world: world.clone() }) as Arc<dyn Service>;
        Self { world: world.clone(), services: SERVICES.into_iter().map(service).collect() }
    }

    /// What there is when the stack is up.
    pub(crate) fn everything() -> (Vec<&'static str>, Vec<&'static str>) {
        (STEPS.iter().map(|(id, _)| *id).collect(), SERVICES.to_vec())
    }

    fn steps(&self, operation: Operation) -> Vec<Arc<dyn Step>> {
        let of = |(id, needs): &(&'static str, &'static [&'static str])| {
            let services = if *id == "served" { self.services.clone() } else { Vec::new() };
            let (id, needs) = (*id, needs.to_vec());
            // One of them puts away what it was at when it is cancelled.
            Arc::new(Chancy { id, needs, winds_down: id == "c", services, world: self.world.clone() }) as Arc<dyn Step>
        };
        match operation {
            Operation::Up | Operation::Down => STEPS.iter().map(of).collect(),
            Operation::Plan => vec![of(&("look", &[]))],
            Operation::Refresh => vec![of(&("load", &[]))],
        }
    }
}

#[async_trait]
impl Target for Simulated {
    fn plan(&self, request: &RunRequest) -> Result<Plan, Failure> {
        self.outline(request.operation)
    }

    fn outline(&self, operation: Operation) -> Result<Plan, Failure> {
        let direction = if operation == Operation::Down { Direction::Teardown } else { Direction::Build };
        Plan::new(direction, &self.steps(operation))
    }

    fn computer(&self) -> Arc<dyn Processes> {
        self.world.clone()
    }

    fn services(&self) -> &[Arc<dyn Service>] {
        &self.services
    }

    fn rate(&self) -> f64 {
        0.0
    }

    fn set_rate(&self, _: f64) -> Result<(), Failure> {
        Ok(())
    }

    fn ticks(&self) -> Box<dyn Ticks> {
        Box::new(NoTicks)
    }
}

/// A step that works in pieces and may fail, hang, or end late.
struct Chancy {
    id: &'static str,
    needs: Vec<&'static str>,
    winds_down: bool,
    services: Vec<Arc<dyn Service>>,
    world: Arc<World>,
}

impl Chancy {
    /// Works in pieces, in each of which something may go wrong.
    async fn work(&self, context: &StepContext) -> Result<(), Failure> {
        for piece in 0..=self.world.below(3) {
            self.world.act(self.id, |_| {});
            context.info(format!("piece {piece}")).await;
            context.progress(piece, None, "pieces", "at it");
            self.world.pause(Duration::from_millis(300)).await;
            if self.world.goes_wrong(4) {
                return Err(Failure::environment(format!("{} fails", self.id)));
            }
            if self.world.goes_wrong(2) {
                std::future::pending::<()>().await;
            }
            if self.world.goes_wrong(3) {
                self.world.pause(2 * DEADLINE).await;
            }
            if self.world.goes_wrong(3) {
                context.diagnostic(Severity::Warning, Failure::environment("odd")).await;
            }
        }
        Ok(())
    }

    /// Works until it is done or cancelled; then it puts away what it was at.
    async fn work_or_wind_down(&self, context: &StepContext) -> Result<(), Failure> {
        let _at_work = self.world.at_work(self.id);
        if !self.winds_down {
            return self.work(context).await;
        }
        tokio::select! {
            biased;
            () = context.cancellation().cancelled() => {
                self.world.pause(DEADLINE / 2).await;
                self.world.act(self.id, |_| {});
                Err(Failure::cancelled())
            }
            worked = self.work(context) => worked,
        }
    }
}

#[async_trait]
impl Step for Chancy {
    fn id(&self) -> StepId {
        self.id.into()
    }

    fn title(&self) -> &'static str {
        self.id
    }

    fn describe_apply(&self) -> String {
        "Make it.".into()
    }

    fn describe_destroy(&self) -> String {
        "Remove it.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        self.needs.iter().map(|id| (*id).into()).collect()
    }

    fn deadline(&self) -> Duration {
        DEADLINE
    }

    fn winds_down(&self) -> bool {
        self.winds_down
    }

    fn check_deadline(&self) -> Duration {
        DEADLINE
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        self.world.pause(Duration::from_millis(50)).await;
        if self.world.goes_wrong(2) {
            return Err(Failure::environment(format!("{} cannot be looked at", self.id)));
        }
        let all_run = {
            let state = self.world.state();
            self.services.iter().all(|service| state.processes.iter().any(|found| found.mark == service.mark()))
        };
        let made = self.world.state().made.contains(self.id) && all_run;
        Ok(if made { Presence::Present("it is there".into()) } else { Presence::Absent })
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        self.work_or_wind_down(context).await?;
        for service in &self.services {
            service.bring_up(context, DEADLINE).await?;
        }
        if !["look", "load"].contains(&self.id) {
            self.world.act(self.id, |state| _ = state.made.insert(self.id));
            context.resource(ResourceAction::Created, "thing", self.id).await;
        }
        Ok(Outputs::new())
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        self.work_or_wind_down(context).await?;
        for service in &self.services {
            service.take_down(context).await?;
        }
        self.world.act(self.id, |state| _ = state.made.remove(self.id));
        context.resource(ResourceAction::Removed, "thing", self.id).await;
        Ok(())
    }
}

/// A service that takes its time to be ready.
struct Simple {
    name: &'static str,
    world: Arc<World>,
}

#[async_trait]
impl Service for Simple {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.name
    }

    fn mark(&self) -> Mark {
        Mark::new(self.world.folder.id(), self.name)
    }

    fn computer(&self) -> Arc<dyn Processes> {
        self.world.clone()
    }

    fn spec(&self) -> Result<ServiceSpec, Failure> {
        Ok(ServiceSpec {
            mark: self.mark(),
            program: "/nowhere".into(),
            args: Vec::new(),
            env: Environment::inheriting(&[]),
            folder: self.world.folder.path().to_owned(),
            log: self.world.folder.service_log(self.name),
            user: None,
        })
    }

    async fn prepare(&self) -> Result<(), Failure> {
        let longest = if self.world.goes_wrong(15) { Duration::from_secs(3) } else { Duration::from_millis(200) };
        self.world.pause(longest).await;
        if self.world.goes_wrong(3) {
            return Err(Failure::environment(format!("{} cannot be started", self.name)));
        }
        Ok(())
    }

    async fn probe(&self) -> Result<String, Failure> {
        self.world.pause(Duration::from_millis(30)).await;
        if self.world.goes_wrong(20) { Err(Failure::environment("It warms up")) } else { Ok("ready".into()) }
    }

    async fn recover(&self) -> Result<(), Failure> {
        self.world.pause(Duration::from_millis(500)).await;
        Ok(())
    }
}
