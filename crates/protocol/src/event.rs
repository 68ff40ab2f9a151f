//! What happens, told once: the same events make the journal, the `--json` output and the page.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::failure::Failure;
use crate::ids::{RunId, StepId};
use crate::run::{Operation, ResourceAction, RunOutcome, Severity, StepOutcome, StepPlan};
use crate::service::{Link, ServiceStatus, StackState};
use crate::shop::TickSample;

/// The version of this vocabulary, written into every `run.json`. Additions keep it; a change of meaning raises it.
pub const EVENT_VERSION: u32 = 1;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Event {
    /// Strictly increasing within a stack; durable and ephemeral events share the count, so a journal has gaps.
    pub seq: u64,
    /// When, in UTC.
    #[ts(type = "string")]
    pub at: Timestamp,
    /// The run it belongs to; absent for what happens between runs (throughput, service health).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub run: Option<RunId>,
    /// What happened.
    pub kind: EventKind,
}

/// The kinds of event. See [`EventKind::is_durable`] for which of them the journal keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[ts(export)]
pub enum EventKind {
    /// A run began, with the whole plan.
    RunStarted {
        /// What the run is for.
        operation: Operation,
        /// Its steps in a valid order.
        steps: Vec<StepPlan>,
    },
    /// A step is about to act; fsynced before it does.
    StepStarted {
        /// Which step.
        step: StepId,
    },
    /// A step ended.
    StepFinished {
        /// Which step.
        step: StepId,
        /// How it ended.
        outcome: StepOutcome,
    },
    /// Something was made, found or removed.
    Resource {
        /// The step that did it.
        step: StepId,
        /// What was done to it.
        action: ResourceAction,
        /// What sort of thing, for example `process`.
        resource: String,
        /// Which one.
        name: String,
    },
    /// Something worth a user's attention that did not stop the run.
    Diagnostic {
        /// The step it concerns, if one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        step: Option<StepId>,
        /// How much it matters.
        severity: Severity,
        /// What happened and what to do.
        failure: Failure,
    },
    /// The user asked the run to stop.
    CancelRequested,
    /// The run ended.
    RunFinished {
        /// How it ended.
        outcome: RunOutcome,
    },
    /// How far a step has come. Ephemeral.
    Progress {
        /// Which step.
        step: StepId,
        /// Units done.
        done: u64,
        /// Units in all, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        total: Option<u64>,
        /// What is counted, for example `rows`.
        unit: String,
        /// What is being done right now, in words.
        message: String,
    },
    /// A log grew; its file holds the lines. Ephemeral, and told some times a second at most.
    LogGrew {
        /// Which one, see [`crate::logs::LogSource`].
        source: String,
        /// How many lines it has now.
        lines: u64,
    },
    /// The shop wrote a tick. Ephemeral.
    Throughput {
        /// What it wrote and how fast.
        sample: TickSample,
    },
    /// The health of the stack's services changed. Ephemeral.
    Services {
        /// All of them.
        services: Vec<ServiceStatus>,
        /// What can be opened in a browser now.
        #[serde(default)]
        links: Vec<Link>,
    },
    /// The stack stands otherwise than before. Ephemeral.
    State {
        /// How it stands now.
        state: StackState,
    },
    /// The shop's rate was set. Ephemeral.
    Rate {
        /// What it is asked to keep now, in orders a minute; 0 is paused.
        orders_per_minute: f64,
    },
    /// New charts were published. Ephemeral.
    ChartsPublished {
        /// When they were published.
        #[ts(type = "string")]
        published_at: Timestamp,
    },
    /// A kind this version does not know. It is shown, and folds as nothing.
    #[serde(untagged)]
    #[ts(skip)]
    Unknown(serde_json::Value),
}

impl EventKind {
    /// Whether the journal keeps it. Ephemeral kinds may be dropped under pressure, durable ones never.
    pub fn is_durable(&self) -> bool {
        !matches!(
            self,
            Self::Progress { .. }
                | Self::LogGrew { .. }
                | Self::Throughput { .. }
                | Self::Services { .. }
                | Self::State { .. }
                | Self::Rate { .. }
                | Self::ChartsPublished { .. }
        )
    }

    /// Hands over every text in it that comes from outside of this program, to be changed: for that is where a secret may be.
    pub fn for_each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        match self {
            Self::RunStarted { steps, .. } => steps.iter_mut().for_each(|step| change(&mut step.summary)),
            Self::StepFinished { outcome, .. } => outcome.for_each_text(change),
            Self::Resource { resource, name, .. } => [resource, name].into_iter().for_each(change),
            Self::Diagnostic { failure, .. } | Self::RunFinished { outcome: RunOutcome::Failed { failure } } => {
                failure.for_each_text(change);
            }
            Self::Progress { message, .. } => change(message),
            Self::Services { services, links } => {
                services.iter_mut().map(|service| &mut service.detail).for_each(&mut *change);
                links.iter_mut().map(|link| &mut link.url).for_each(change);
            }
            Self::StepStarted { .. }
            | Self::CancelRequested
            | Self::RunFinished { .. }
            | Self::LogGrew { .. }
            | Self::Throughput { .. }
            | Self::State { .. }
            | Self::Rate { .. }
            | Self::ChartsPublished { .. }
            | Self::Unknown(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Event {
        serde_json::from_str(line).expect("an event")
    }

    #[test]
    fn an_unknown_kind_survives_a_round_trip() {
        let line = r#"{"seq":7,"at":"2026-11-01T10:00:00Z","kind":{"type":"from_the_future","depth":3}}"#;
        let event = read(line);
        let EventKind::Unknown(value) = &event.kind else { panic!("known? {event:?}") };
        assert_eq!(value["depth"], 3);
        assert_eq!(read(&serde_json::to_string(&event).expect("serialises")), event);
    }

    #[test]
    fn known_kinds_are_not_taken_for_unknown() {
        let event = read(r#"{"seq":1,"at":"2026-11-01T10:00:00Z","run":"R","kind":{"type":"cancel_requested"}}"#);
        assert_eq!(event.kind, EventKind::CancelRequested);
        assert!(event.kind.is_durable());
    }
}
