//! A stack as it stands at one sequence number. Whoever attaches gets this, then every event after it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::config::StackConfig;
use crate::event::{Operation, RunOutcome};
use crate::failure::Failure;
use crate::fold::RunState;
use crate::ids::{RunId, StackName};

/// Everything a dashboard needs at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Snapshot {
    /// Events up to and including this number are in it.
    pub seq: u64,
    /// The stack's settings.
    pub config: StackConfig,
    /// Where the stack stands.
    pub state: StackState,
    /// The latest run, finished or not.
    pub run: Option<RunState>,
    /// The services and their health.
    pub services: Vec<ServiceStatus>,
    /// What can be opened in a browser.
    pub links: Vec<Link>,
    /// The rate the shop is asked to keep, in orders a minute; 0 is paused.
    pub orders_per_minute: f64,
    /// The latest ticks, oldest first (at most 300).
    pub throughput: Vec<TickSample>,
}

/// Where a stack stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum StackState {
    /// Made, never brought up.
    New,
    /// A run that may change it is under way.
    Busy,
    /// Up and healthy.
    Up,
    /// Up, but a service is not well.
    Degraded,
    /// Parts of it exist: `up` resumes, `down` removes.
    Partial,
}

/// Every stack of this computer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct StackList {
    /// Those whose settings can be read, by name.
    pub stacks: Vec<StackSummary>,
    /// Those whose settings cannot, by name.
    pub unreadable: Vec<UnreadableStack>,
}

/// A stack whose folder exists and whose settings cannot be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct UnreadableStack {
    /// Its name.
    pub name: StackName,
    /// Why, and what to do.
    pub failure: Failure,
}

impl StackList {
    /// The stack of that name, if there is one; `Err` if it cannot be read.
    pub fn find(&self, name: &StackName) -> Result<Option<&StackSummary>, Failure> {
        match self.unreadable.iter().find(|stack| stack.name == *name) {
            Some(stack) => Err(stack.failure.clone()),
            None => Ok(self.stacks.iter().find(|stack| stack.config.name == *name)),
        }
    }
}

/// A stack in the list on the Welcome screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct StackSummary {
    /// Its settings.
    pub config: StackConfig,
    /// Where it stands.
    pub state: StackState,
    /// Its latest run.
    pub last_run: Option<RunSummary>,
    /// The folder it lives in.
    pub folder: String,
}

/// One line of the run history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// What it was for.
    pub operation: Operation,
    /// When it began, UTC.
    #[ts(type = "string")]
    pub started_at: Timestamp,
    /// When it ended, UTC; absent while it runs.
    #[ts(type = "string | null")]
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<RunOutcome>,
}

/// A run of the pipeline in Dagster, whoever started it (app, schedule or Dagster's own page).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct PipelineRun {
    /// Dagster's identifier.
    pub id: String,
    /// The job's name.
    pub job: String,
    /// Dagster's status, for example `SUCCESS`.
    pub status: String,
    /// `app`, `schedule` or `manual`.
    pub trigger: String,
    /// When it began, UTC.
    #[ts(type = "string | null")]
    pub started_at: Option<Timestamp>,
    /// When it ended, UTC.
    #[ts(type = "string | null")]
    pub finished_at: Option<Timestamp>,
    /// Its page in Dagster.
    pub url: String,
}

/// A supervised process and its health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ServiceStatus {
    /// Identifier, for example `postgres`; its log is `service/<name>`.
    pub name: String,
    /// For people, for example “PostgreSQL”.
    pub title: String,
    /// Its health.
    pub health: Health,
    /// What it is doing or what is wrong.
    pub detail: String,
    /// Its process id while it runs on this computer.
    pub pid: Option<u32>,
    /// How often it was started again since the agent began.
    pub restarts: u32,
}

impl ServiceStatus {
    /// Whether it runs, as far as can be told: a process of this computer, or a service elsewhere.
    pub fn runs(&self) -> bool {
        self.pid.is_some() || matches!(self.health, Health::Healthy | Health::Starting)
    }
}

/// The health of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Health {
    /// Not running, and not meant to.
    Stopped,
    /// Running, not ready yet.
    Starting,
    /// Ready.
    Healthy,
    /// Running or meant to run, and not well.
    Unhealthy,
}

/// Something that can be opened in a browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Link {
    /// Identifier, for example `dagster`.
    pub id: String,
    /// For people.
    pub title: String,
    /// Where it leads.
    pub url: String,
}

/// What one tick of the shop wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct TickSample {
    /// The tick's number.
    pub tick: i64,
    /// When it was written, UTC.
    #[ts(type = "string")]
    pub at: Timestamp,
    /// New orders.
    pub orders: i64,
    /// Rows written, of all tables.
    pub rows: i64,
    /// Orders whose status changed.
    pub status_changes: i64,
    /// Time to make the rows, in milliseconds.
    pub generate_ms: f64,
    /// Time to write them, in milliseconds.
    pub write_ms: f64,
}

/// A call of the shop's function in AWS, as Lambda reported it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Invocation {
    /// Lambda's identifier of the request; a call that is tried again keeps it.
    pub request: String,
    /// When it ended, UTC.
    #[ts(type = "string")]
    pub at: Timestamp,
    /// Why it failed, in Lambda's words, for example `timeout`; absent if it did not.
    pub error: Option<String>,
    /// How long it worked, in milliseconds.
    pub duration_ms: f64,
    /// How long it is paid for, in milliseconds.
    pub billed_ms: f64,
    /// The most memory it used, in megabytes.
    pub memory_mb: u32,
    /// How long it took to start before it could work, in milliseconds; absent if it ran already.
    pub start_ms: Option<f64>,
}

/// What `down` leaves behind, looked at after everything ended: nothing, if every item is `gone`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Proof {
    /// The stack that was removed.
    pub stack: StackName,
    /// What was looked at.
    pub items: Vec<ProofItem>,
}

impl Proof {
    /// Whether nothing is left.
    pub fn holds(&self) -> bool {
        self.items.iter().all(|item| item.gone)
    }
}

/// One thing that must be gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ProofItem {
    /// What was looked for, for example “processes of this stack”.
    pub what: String,
    /// Whether it is gone.
    pub gone: bool,
    /// What was looked at, or what is left.
    pub detail: String,
}
