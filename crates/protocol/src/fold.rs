//! A run's state as a pure fold of its events.
//!
//! `ui/src/state/fold.ts` is the same fold in TypeScript; both are checked against `tests/journals/*.jsonl`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::event::{Event, EventKind};
use crate::failure::Failure;
use crate::ids::{RunId, StepId};
use crate::run::{Operation, ResourceAction, RunOutcome, Severity, StepOutcome, StepPlan};

/// Everything a user may want to know about one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RunState {
    /// The run.
    pub run: RunId,
    /// What it is for.
    pub operation: Operation,
    /// Its steps in plan order.
    pub steps: Vec<StepState>,
    /// Whether a cancel was asked for.
    pub cancel_requested: bool,
    /// What was made, found or removed, in order.
    pub resources: Vec<ResourceRecord>,
    /// What deserved attention, in order.
    pub diagnostics: Vec<DiagnosticRecord>,
    /// When it began, UTC.
    #[ts(type = "string")]
    pub started_at: Timestamp,
    /// When it ended, UTC.
    #[ts(type = "string | null")]
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<RunOutcome>,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct StepState {
    /// What it is to do.
    pub plan: StepPlan,
    /// Where it stands.
    pub status: StepStatus,
    /// When it began, UTC.
    #[ts(type = "string | null")]
    pub started_at: Option<Timestamp>,
    /// When it ended, UTC.
    #[ts(type = "string | null")]
    pub finished_at: Option<Timestamp>,
    /// How far it has come, while it runs.
    pub progress: Option<StepProgress>,
    /// How it ended.
    pub outcome: Option<StepOutcome>,
}

/// How far a step has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct StepProgress {
    /// Units done.
    pub done: u64,
    /// Units in all, if known.
    pub total: Option<u64>,
    /// What is counted.
    pub unit: String,
    /// What is being done, in words.
    pub message: String,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum StepStatus {
    /// Not begun.
    Waiting,
    /// At work.
    Running,
    /// It did its work.
    Done,
    /// There was nothing to do.
    AlreadyDone,
    /// Not tried.
    Skipped,
    /// Failed.
    Failed,
    /// Stopped at the user's wish, or cut off by a kill.
    Cancelled,
}

/// Something a run made, found or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ResourceRecord {
    /// The step that did it.
    pub step: StepId,
    /// What was done.
    pub action: ResourceAction,
    /// What sort of thing.
    pub resource: String,
    /// Which one.
    pub name: String,
}

/// Something that deserved attention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct DiagnosticRecord {
    /// The step it concerns.
    pub step: Option<StepId>,
    /// How much it matters.
    pub severity: Severity,
    /// What happened and what to do.
    pub failure: Failure,
}

impl RunState {
    /// Folds a journal. `None` if it holds no `run_started`.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Self> {
        let mut state: Option<Self> = None;
        for event in events {
            match &mut state {
                Some(state) => state.apply(event),
                None => state = Self::begin(event),
            }
        }
        state
    }

    /// The state after a `run_started`; `None` for any other event.
    pub fn begin(event: &Event) -> Option<Self> {
        let (EventKind::RunStarted { operation, steps }, Some(run)) = (&event.kind, &event.run) else { return None };
        let waiting = |plan: &StepPlan| StepState {
            plan: plan.clone(),
            status: StepStatus::Waiting,
            started_at: None,
            finished_at: None,
            progress: None,
            outcome: None,
        };
        Some(Self {
            run: run.clone(),
            operation: *operation,
            steps: steps.iter().map(waiting).collect(),
            cancel_requested: false,
            resources: Vec::new(),
            diagnostics: Vec::new(),
            started_at: event.at,
            finished_at: None,
            outcome: None,
        })
    }

    /// Takes one more event into account. Events of other runs and unknown kinds change nothing.
    pub fn apply(&mut self, event: &Event) {
        if event.run.as_ref() != Some(&self.run) {
            return;
        }
        match &event.kind {
            EventKind::StepStarted { step } => self.with_step(step, |state| {
                state.status = StepStatus::Running;
                state.started_at = Some(event.at);
            }),
            EventKind::StepFinished { step, outcome } => self.with_step(step, |state| state.finish(outcome, event.at)),
            EventKind::Progress { step, done, total, unit, message } => self.with_step(step, |state| {
                if state.status == StepStatus::Running {
                    let (unit, message) = (unit.clone(), message.clone());
                    state.progress = Some(StepProgress { done: *done, total: *total, unit, message });
                }
            }),
            EventKind::Resource { step, action, resource, name } => self.resources.push(ResourceRecord {
                step: step.clone(),
                action: *action,
                resource: resource.clone(),
                name: name.clone(),
            }),
            EventKind::Diagnostic { step, severity, failure } => self.diagnostics.push(DiagnosticRecord {
                step: step.clone(),
                severity: *severity,
                failure: failure.clone(),
            }),
            EventKind::CancelRequested => self.cancel_requested = true,
            EventKind::RunFinished { outcome } => self.finish(outcome, event.at),
            EventKind::RunStarted { .. }
            | EventKind::LogGrew { .. }
            | EventKind::Throughput { .. }
            | EventKind::Services { .. }
            | EventKind::State { .. }
            | EventKind::Rate { .. }
            | EventKind::ChartsPublished { .. }
            | EventKind::Unknown(_) => {}
        }
    }

    /// The chain of steps the whole run waited for, first step first: of the steps that worked, from the one that ended
    /// last back along whichever it needs ended last. Every other step ran beside it.
    pub fn longest_chain(&self) -> Vec<&StepState> {
        let worked = |step: &&StepState| step.started_at.is_some() && step.finished_at.is_some();
        let last_of = |needs: &dyn Fn(&StepState) -> bool| {
            self.steps.iter().filter(worked).filter(|step| needs(step)).max_by_key(|step| step.finished_at)
        };
        let mut chain: Vec<&StepState> = last_of(&|_| true).into_iter().collect();
        while let Some(before) = chain.last().and_then(|step| last_of(&|one| step.plan.needs.contains(&one.plan.id))) {
            chain.push(before);
        }
        chain.reverse();
        chain
    }

    /// Whether the run has ended.
    pub fn is_finished(&self) -> bool {
        self.outcome.is_some()
    }

    fn with_step(&mut self, id: &StepId, change: impl FnOnce(&mut StepState)) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.plan.id == *id) {
            change(step);
        }
    }

    fn finish(&mut self, outcome: &RunOutcome, at: Timestamp) {
        self.outcome = Some(outcome.clone());
        self.finished_at = Some(at);
        // A step still running when its run ended was cut off with it.
        for step in self.steps.iter_mut().filter(|step| step.status == StepStatus::Running) {
            step.status = StepStatus::Cancelled;
            step.finished_at = Some(at);
            step.progress = None;
        }
    }
}

impl StepState {
    fn finish(&mut self, outcome: &StepOutcome, at: Timestamp) {
        self.status = match outcome {
            StepOutcome::Done { .. } => StepStatus::Done,
            StepOutcome::AlreadyDone { .. } => StepStatus::AlreadyDone,
            StepOutcome::Skipped { .. } => StepStatus::Skipped,
            StepOutcome::Failed { .. } => StepStatus::Failed,
            StepOutcome::Cancelled => StepStatus::Cancelled,
        };
        self.finished_at = Some(at);
        self.progress = None;
        self.outcome = Some(outcome.clone());
    }
}
