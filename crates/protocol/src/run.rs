//! A run's own words: what it is for, what its steps are to do, how they and it end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::failure::Failure;
use crate::ids::StepId;

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Operation {
    /// Find out what `up` would change and cost; nothing is made.
    Plan,
    /// Make the stack and start everything.
    Up,
    /// Load and model what is new.
    Refresh,
    /// Remove everything `up` made.
    Down,
}

impl Operation {
    /// The verb, as the CLI spells it.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Up => "up",
            Self::Refresh => "refresh",
            Self::Down => "down",
        }
    }
}

/// A step as the plan shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct StepPlan {
    /// Its identifier.
    pub id: StepId,
    /// A short title, for example “PostgreSQL”.
    pub title: String,
    /// What it will do, in plain words.
    pub summary: String,
    /// The steps it waits for.
    pub needs: Vec<StepId>,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "result", rename_all = "snake_case")]
#[ts(export)]
pub enum StepOutcome {
    /// It did its work.
    Done {
        /// Facts other steps and the user may want, for example a URL.
        outputs: BTreeMap<String, String>,
    },
    /// There was nothing to do.
    AlreadyDone {
        /// Why, in words.
        reason: String,
    },
    /// It was not tried.
    Skipped {
        /// Why, in words.
        reason: String,
    },
    /// It failed.
    Failed {
        /// What went wrong.
        failure: Failure,
    },
    /// It was stopped at the user's wish.
    Cancelled,
}

impl StepOutcome {
    /// Hands over every text in it, to be changed.
    pub fn for_each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        match self {
            Self::Done { outputs } => outputs.values_mut().for_each(change),
            Self::AlreadyDone { reason } | Self::Skipped { reason } => change(reason),
            Self::Failed { failure } => failure.for_each_text(change),
            Self::Cancelled => {}
        }
    }
}

/// What was done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ResourceAction {
    /// It was made or started.
    Created,
    /// It was there already and is used.
    Found,
    /// It was removed or stopped.
    Removed,
}

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something is not as it should be; the run goes on.
    Warning,
    /// Something failed.
    Error,
}

/// The level of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Level {
    /// Detail for finding faults.
    Debug,
    /// What is going on.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something failed.
    Error,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "result", rename_all = "snake_case")]
#[ts(export)]
pub enum RunOutcome {
    /// Every step is done.
    Succeeded,
    /// A step failed; the rest stopped. Run it again to resume.
    Failed {
        /// The first failure.
        failure: Failure,
    },
    /// The user cancelled. Run it again to resume.
    Cancelled,
    /// The process running it was killed; written by the next one that finds it.
    Interrupted,
}
