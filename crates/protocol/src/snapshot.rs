//! A stack as it stands at one sequence number. Whoever attaches gets this, then every event after it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::config::StackConfig;
use crate::failure::Failure;
use crate::fold::RunState;
use crate::ids::{RunId, StackName};
use crate::run::{Operation, RunOutcome};
use crate::service::{Link, ServiceStatus, StackState};
use crate::shop::TickSample;

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
    /// What it was for; absent if that cannot be read.
    pub operation: Option<Operation>,
    /// When it began, UTC.
    #[ts(type = "string")]
    pub started_at: Timestamp,
    /// When it ended, UTC; absent while it runs.
    #[ts(type = "string | null")]
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<RunOutcome>,
    /// What of its files cannot be read, if anything.
    pub damage: Option<Failure>,
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
