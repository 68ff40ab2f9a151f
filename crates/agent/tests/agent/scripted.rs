//! A target whose steps and services do as a test tells them, and a stack that has it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use engine::journal::Disk;
use engine::process::{Environment, Found, Mark, PLACE, ProcessTable, ServiceSpec, StopSignal};
use engine::{Direction, Outputs, Plan, Presence, Step, StepContext};
use protocol::command::{AgentRequest, RunRequest, Update};
use protocol::service::{ServiceStatus, StackState};
use protocol::shop::TickSample;
use protocol::snapshot::Snapshot;
use protocol::{
    Failure, Keep, Operation, ResourceAction, RunId, SandboxConfig, ShopConfig, StackConfig, StepId, TargetConfig,
};
use stack::client::AgentClient;
use stack::{Home, StackFolder};
use target::{Note, Service, Target, Ticks, glance, statuses};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Nothing of a test takes as long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A place where something stands still until the test lets it go on.
pub(crate) struct Hold {
    reached: watch::Sender<bool>,
    open: watch::Sender<bool>,
}

impl Hold {
    /// One that holds.
    pub(crate) fn closed() -> Arc<Self> {
        Arc::new(Self { reached: watch::Sender::new(false), open: watch::Sender::new(false) })
    }

    /// One that lets everybody through.
    pub(crate) fn open() -> Arc<Self> {
        let hold = Self::closed();
        hold.let_go();
        hold
    }

    /// Lets what stands here go on, and whoever comes later.
    pub(crate) fn let_go(&self) {
        self.open.send_replace(true);
    }

    /// Holds again, and forgets who was here.
    pub(crate) fn close(&self) {
        self.open.send_replace(false);
        self.reached.send_replace(false);
    }

    /// Waits until something stands here.
    pub(crate) async fn reached(&self) {
        within("something to come to the hold", self.reached.subscribe().wait_for(|reached| *reached)).await.unwrap();
    }

    async fn pass(&self) {
        self.reached.send_replace(true);
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
    }
}

/// Waits for something, and says what for if it does not come.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// A disk that takes its time, and remembers what it was given.
#[derive(Default)]
pub(crate) struct SlowDisk {
    pub(crate) delay: Duration,
    pub(crate) lines: Mutex<Vec<String>>,
}

impl Disk for SlowDisk {
    fn append(&self, journal: &mut File, line: &[u8]) -> io::Result<()> {
        std::thread::sleep(self.delay);
        engine::journal::RealDisk.append(journal, line)?;
        self.lines.lock().unwrap().push(String::from_utf8_lossy(line).trim_end().to_owned());
        Ok(())
    }
}

/// What a stack is made of.
#[derive(Default)]
pub(crate) struct Scripted {
    pub(crate) steps: Vec<Arc<dyn Step>>,
    pub(crate) services: Vec<Arc<dyn Service>>,
    pub(crate) looks: Arc<Looks>,
}

/// Looks at the services.
#[derive(Default)]
pub(crate) struct Looks {
    /// How often somebody looked.
    pub(crate) made: AtomicU32,
    /// The next one comes too early to see what runs.
    pub(crate) early: AtomicBool,
}

#[async_trait]
impl Target for Scripted {
    fn plan(&self, request: &RunRequest) -> Result<Plan, Failure> {
        self.outline(request.operation)
    }

    fn outline(&self, operation: Operation) -> Result<Plan, Failure> {
        let direction = if operation == Operation::Down { Direction::Teardown } else { Direction::Build };
        Plan::new(direction, &self.steps)
    }

    fn services(&self) -> &[Arc<dyn Service>] {
        &self.services
    }

    async fn statuses(&self) -> Result<Vec<ServiceStatus>, Failure> {
        self.looks.made.fetch_add(1, Ordering::Relaxed);
        if self.looks.early.swap(false, Ordering::Relaxed) {
            Ok(glance(&self.services, &[]))
        } else {
            statuses(&self.services).await
        }
    }

    fn round(&self) -> Duration {
        Duration::from_millis(20)
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

pub(crate) struct NoTicks;

#[async_trait]
impl Ticks for NoTicks {
    async fn next(&mut self, _: &Note<'_>) -> Result<Vec<TickSample>, Failure> {
        Ok(Vec::new())
    }
}

/// A step that stands at its hold, says something and ends.
pub(crate) struct Talker {
    pub(crate) id: &'static str,
    pub(crate) hold: Arc<Hold>,
}

impl Talker {
    pub(crate) fn step(id: &'static str, hold: &Arc<Hold>) -> Arc<dyn Step> {
        Arc::new(Self { id, hold: hold.clone() })
    }

    async fn talk(&self, context: &StepContext) {
        self.hold.pass().await;
        context.info(format!("{} speaks", self.id)).await;
        context.resource(ResourceAction::Removed, "thing", self.id).await;
    }
}

#[async_trait]
impl Step for Talker {
    fn id(&self) -> StepId {
        self.id.into()
    }

    fn title(&self) -> &'static str {
        self.id
    }

    fn describe_apply(&self) -> String {
        "Speak.".into()
    }

    fn describe_destroy(&self) -> String {
        "Speak.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        Vec::new()
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        Ok(Presence::Absent)
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        self.talk(context).await;
        Ok(Outputs::new())
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        self.talk(context).await;
        Ok(())
    }
}

/// A service that is a real process and does nothing, and stands at its hold before it is started.
pub(crate) struct Sleeper {
    folder: StackFolder,
    pub(crate) hold: Arc<Hold>,
}

impl Sleeper {
    pub(crate) fn new(folder: &StackFolder, hold: &Arc<Hold>) -> Arc<Self> {
        Arc::new(Self { folder: folder.clone(), hold: hold.clone() })
    }

    /// Its living processes.
    pub(crate) fn living(&self) -> Vec<Found> {
        ProcessTable::open().unwrap().in_role(&self.mark())
    }

    /// Ends the process that runs, and not one that is started in its place meanwhile.
    pub(crate) fn end(&self) {
        let [found] = &self.living()[..] else { panic!("{:?}", self.living()) };
        ProcessTable::open().unwrap().tell(found, StopSignal::Terminate).unwrap();
    }
}

#[async_trait]
impl Service for Sleeper {
    fn name(&self) -> &'static str {
        "sleeper"
    }

    fn title(&self) -> &'static str {
        "Sleeper"
    }

    fn mark(&self) -> Mark {
        Mark::new(self.folder.id(), self.name())
    }

    fn spec(&self) -> Result<ServiceSpec, Failure> {
        Ok(ServiceSpec {
            mark: self.mark(),
            program: "/bin/sleep".into(),
            args: vec!["600".into()],
            env: Environment::inheriting(&[PLACE]),
            folder: self.folder.path().to_owned(),
            log: self.folder.service_log(self.name()),
            user: None,
        })
    }

    async fn prepare(&self) -> Result<(), Failure> {
        self.hold.pass().await;
        Ok(())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = ProcessTable::open().unwrap().kill(&self.mark());
    }
}

/// The step that starts and stops a service.
pub(crate) struct Serves(pub(crate) Arc<dyn Service>);

#[async_trait]
impl Step for Serves {
    fn id(&self) -> StepId {
        "serves".into()
    }

    fn title(&self) -> &'static str {
        "Serves"
    }

    fn describe_apply(&self) -> String {
        "Start it.".into()
    }

    fn describe_destroy(&self) -> String {
        "Stop it.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        Vec::new()
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        Ok(Presence::Absent)
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        self.0.bring_up(context, PATIENCE).await?;
        Ok(Outputs::new())
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        self.0.take_down(context).await
    }
}

/// A stack of a test's own.
pub(crate) struct Stack {
    home: tempfile::TempDir,
    pub(crate) folder: StackFolder,
    keep: Keep,
}

impl Stack {
    pub(crate) fn new() -> Self {
        Self::that_keeps(Keep::default())
    }

    /// One that keeps so much of its past.
    pub(crate) fn that_keeps(keep: Keep) -> Self {
        Self::below(tempfile::tempdir().unwrap(), keep)
    }

    /// One on a disk that is none, where there is such a one: thousands of them are quick then.
    pub(crate) fn in_memory(keep: Keep) -> Self {
        let home = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::below(home.unwrap(), keep)
    }

    fn below(home: tempfile::TempDir, keep: Keep) -> Self {
        let folder = Home::at(home.path().to_owned()).stack(&"demo".parse().unwrap());
        let mut stack = Self { home, folder, keep };
        stack.create();
        stack.folder = stack.folder.now();
        stack
    }

    /// Makes its folder, with its settings.
    pub(crate) fn create(&self) {
        let (target, keep) = (TargetConfig::Sandbox(SandboxConfig::default()), self.keep.clone());
        let config = StackConfig { name: "demo".parse().unwrap(), shop: ShopConfig::default(), target, keep };
        self.folder.create(&config).unwrap();
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts an agent in this process, and waits until it can be asked.
    pub(crate) async fn agent(&self, target: Scripted) -> JoinHandle<Result<(), Failure>> {
        self.agent_on(Arc::new(SlowDisk::default()), target).await
    }

    /// The same, with a disk of its own.
    pub(crate) async fn agent_on(&self, disk: Arc<SlowDisk>, target: Scripted) -> JoinHandle<Result<(), Failure>> {
        let target: Arc<dyn Target> = Arc::new(target);
        let agent = tokio::spawn(retailflow_agent::run_on(disk, self.folder.clone(), move |_, _| target));
        within("the agent", async {
            while self.client().attach_if_there().await.unwrap().is_none() {
                assert!(!agent.is_finished(), "the agent ended");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        agent
    }

    pub(crate) fn client(&self) -> AgentClient {
        AgentClient::new(self.folder.clone())
    }

    pub(crate) async fn start(&self, operation: Operation) -> Result<RunId, Failure> {
        self.client().start(RunRequest::plain(operation)).await
    }

    pub(crate) async fn snapshot(&self) -> Snapshot {
        self.client().ask(&AgentRequest::Snapshot(())).await.unwrap().expect("an agent")
    }

    /// Waits until no run is under way.
    pub(crate) async fn until_idle(&self) {
        let idle = async {
            loop {
                let snapshot = self.snapshot().await;
                if snapshot.state != StackState::Busy && snapshot.run.is_some_and(|run| run.is_finished()) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        within("the end of the run", idle).await;
    }

    /// Attaches a client.
    pub(crate) async fn attach(&self) -> mpsc::Receiver<Update> {
        let attached = self.client().attach_if_there().await.unwrap().expect("an agent");
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move { attached.pass_on(&sender).await });
        receiver
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.folder.now().runtime());
    }
}
