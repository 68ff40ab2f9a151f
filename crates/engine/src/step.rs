//! The contract of a step, and what the engine offers to one at work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use async_trait::async_trait;
use protocol::{Failure, Level, ResourceAction, Severity, StepId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::hold::{Holds, Point};

/// Facts a step leaves to others, for example a URL. Never a secret: they are journalled.
pub type Outputs = BTreeMap<String, String>;

/// What [`Step::check`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// All of it exists as it should; says so in words.
    Present(String),
    /// None or only part of it exists.
    Absent,
    /// It exists, but not as it should; says how in words.
    Drifted(String),
}

/// A unit of work that can be made, looked at and removed.
///
/// Idempotent by contract: `apply` after a kill at any point of an earlier `apply` reaches the same end, and so does
/// `destroy`. The future of a step that is given up, cancelled or late, is dropped at its next `await`, unless it [winds
/// down](Self::winds_down), so whatever it started must either go with it (a transaction) or be found again by `check`. Only a
/// [tool](crate::process::run_tool) of its is first stopped, in the tool's own way.
#[async_trait]
pub trait Step: Send + Sync {
    /// Unique within the plan.
    fn id(&self) -> StepId;
    /// A short title, for example “PostgreSQL”.
    fn title(&self) -> &'static str;
    /// What `apply` does, in plain words.
    fn describe_apply(&self) -> String;
    /// What `destroy` does, in plain words.
    fn describe_destroy(&self) -> String;
    /// The steps whose work this one builds on.
    fn needs(&self) -> Vec<StepId>;
    /// How long `apply` or `destroy` may take before it counts as failed.
    fn deadline(&self) -> Duration {
        Duration::from_mins(2)
    }

    /// Whether a cancelled `apply` or `destroy` ends by itself, having put away what it was at, and then says
    /// [`Failure::cancelled`]. One that does not is dropped.
    fn winds_down(&self) -> bool {
        false
    }

    /// How long `check` may take before the step counts as failed. It only looks, so it is quick or something hangs.
    fn check_deadline(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Looks at what exists. It outranks the journal and changes nothing.
    async fn check(&self, context: &StepContext) -> Result<Presence, Failure>;
    /// Makes what is missing.
    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure>;
    /// Removes whatever of it exists; nothing to remove is success.
    async fn destroy(&self, context: &StepContext) -> Result<(), Failure>;
}

/// What a step at work tells the dispatcher. Private to the engine: users see [`protocol::EventKind`].
#[derive(Debug)]
pub(crate) enum Report {
    Log { level: Level, line: String },
    Progress { done: u64, total: Option<u64>, unit: String, message: String },
    Resource { action: ResourceAction, resource: String, name: String },
    Diagnostic { severity: Severity, failure: Failure },
    Finished(Finish),
}

/// How an executor ended its step.
#[derive(Debug)]
pub(crate) enum Finish {
    Done(Outputs),
    AlreadyDone(String),
    Failed(Failure),
    Cancelled,
}

/// A step's line to the engine while it works.
#[derive(Clone)]
pub struct StepContext {
    step: StepId,
    reports: mpsc::Sender<(StepId, Report)>,
    cancel: CancellationToken,
    given_up: CancellationToken,
    tools: TaskTracker,
    holds: Holds,
    /// Whether it has come to the point of its mid-work.
    at_work: Arc<AtomicBool>,
}

impl StepContext {
    pub(crate) fn new(step: StepId, reports: mpsc::Sender<(StepId, Report)>, cancel: CancellationToken) -> Self {
        Self {
            step,
            reports,
            cancel,
            given_up: CancellationToken::new(),
            tools: TaskTracker::new(),
            holds: Holds::asked_for(),
            at_work: Arc::default(),
        }
    }

    /// Stands still at a point, if a test asks for that. The one of mid-work is passed once.
    pub(crate) async fn hold(&self, point: Point) {
        if point != Point::Work || !self.at_work.swap(true, Relaxed) {
            self.holds.pass(&self.step, point).await;
        }
    }

    /// Gives up what the step is at. Its tools are stopped in their own way; then the work is dropped, unless it ended.
    pub(crate) async fn give_up(&self, work: impl Future) {
        self.given_up.cancel();
        self.tools.close();
        tokio::select! {
            biased;
            _ = work => {}
            () = self.tools.wait() => {}
        }
    }

    /// Cancelled when the step is given up: its tools are to be stopped, and no other is to be started.
    pub(crate) fn given_up(&self) -> &CancellationToken {
        &self.given_up
    }

    /// Kept for as long as a tool is at work.
    pub(crate) fn tool_at_work(&self) -> TaskTrackerToken {
        self.tools.token()
    }

    /// The step at work.
    pub fn step(&self) -> &StepId {
        &self.step
    }

    /// Cancelled when the user asks the run to stop; for work that runs on its own thread.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Writes a line to the run's log.
    pub async fn log(&self, level: Level, line: impl Into<String>) {
        self.hold(Point::Work).await;
        self.send(Report::Log { level, line: line.into() }).await;
    }

    /// Writes a line of level `info` to the run's log.
    pub async fn info(&self, line: impl Into<String>) {
        self.log(Level::Info, line).await;
    }

    /// Says how far the step has come. Under pressure it may be dropped.
    pub fn progress(&self, done: u64, total: Option<u64>, unit: &str, message: impl Into<String>) {
        let report = Report::Progress { done, total, unit: unit.to_owned(), message: message.into() };
        // A full channel means newer progress is on its way.
        let _ = self.reports.try_send((self.step.clone(), report));
    }

    /// Records something made, found or removed.
    pub async fn resource(&self, action: ResourceAction, resource: &str, name: impl Into<String>) {
        self.hold(Point::Work).await;
        self.send(Report::Resource { action, resource: resource.to_owned(), name: name.into() }).await;
    }

    /// Records something worth a user's attention that does not stop the run.
    pub async fn diagnostic(&self, severity: Severity, failure: Failure) {
        self.send(Report::Diagnostic { severity, failure }).await;
    }

    pub(crate) async fn send(&self, report: Report) {
        // The dispatcher outlives its executors; if it is gone, nobody is left to tell.
        let _ = self.reports.send((self.step.clone(), report)).await;
    }
}
