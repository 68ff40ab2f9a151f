//! The runner's promises, with scripted steps and a real journal on disk.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::{Code, EventKind, Failure, Operation, RunOutcome, RunState, StepStatus};
use tokio_util::sync::CancellationToken;

use super::testing::{Act, Scripted, World};
use super::{Emitter, Runner};
use crate::journal::{self, Journal};
use crate::logs::RunLog;
use crate::plan::{Direction, Plan};
use crate::secret::Redactor;

pub(super) struct Bench {
    runs: tempfile::TempDir,
    world: Arc<Mutex<World>>,
    cancel: CancellationToken,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self { runs: tempfile::tempdir().unwrap(), world: Arc::default(), cancel: CancellationToken::new() }
    }

    pub(super) async fn run(&self, direction: Direction, steps: Vec<Scripted>) -> (RunOutcome, RunState) {
        let operation = if direction == Direction::Build { Operation::Up } else { Operation::Down };
        let journal = Journal::begin(self.runs.path(), operation).unwrap();
        let log = RunLog::open(self.runs.path(), journal.run()).unwrap();
        let emitter = Arc::new(Emitter::new(0, None));
        let runner = Runner::new(emitter.clone(), journal, log, Redactor::default(), self.cancel.clone());
        let run = runner.id().clone();
        let steps: Vec<_> = steps.into_iter().map(|step| step.world(&self.world).arc()).collect();
        let outcome = runner.run(operation, Plan::new(direction, &steps).unwrap()).await.unwrap();
        let replayed = RunState::replay(&journal::read(self.runs.path(), &run)).unwrap();
        let (_, live, _) = emitter.subscribe();
        assert_eq!(live.as_ref(), Some(&replayed), "the journal and the live fold must agree");
        (outcome, replayed)
    }

    pub(super) fn history(&self) -> Vec<String> {
        self.world.lock().unwrap().history.clone()
    }

    pub(super) fn exists(&self) -> BTreeSet<String> {
        self.world.lock().unwrap().exists.clone()
    }
}

fn status(state: &RunState, id: &str) -> StepStatus {
    state.steps.iter().find(|step| step.plan.id.as_str() == id).unwrap().status
}

fn position(history: &[String], entry: &str) -> usize {
    history.iter().position(|seen| seen == entry).unwrap_or_else(|| panic!("{entry} not in {history:?}"))
}

#[tokio::test]
async fn independent_steps_run_side_by_side_and_needs_are_honoured() {
    let bench = Bench::new();
    let steps = vec![Scripted::new("a", &[]), Scripted::new("b", &[]), Scripted::new("c", &["a", "b"])];
    let (outcome, _) = bench.run(Direction::Build, steps).await;
    assert_eq!(outcome, RunOutcome::Succeeded);
    let history = bench.history();
    assert!(position(&history, "b begins") < position(&history, "a ends"), "{history:?}");
    assert!(position(&history, "c begins") > position(&history, "b ends"), "{history:?}");
}

#[tokio::test]
async fn a_failed_build_stops_and_the_next_run_does_only_the_rest() {
    let bench = Bench::new();
    let steps = |act| vec![Scripted::new("a", &[]), Scripted::new("b", &["a"]).act(act), Scripted::new("c", &["b"])];
    let (outcome, state) = bench.run(Direction::Build, steps(Act::Fail)).await;
    assert!(matches!(outcome, RunOutcome::Failed { failure } if failure.summary == "b is broken"));
    assert_eq!(status(&state, "c"), StepStatus::Skipped);
    let (outcome, state) = bench.run(Direction::Build, steps(Act::Succeed)).await;
    assert_eq!(outcome, RunOutcome::Succeeded);
    assert_eq!(status(&state, "a"), StepStatus::AlreadyDone);
    assert_eq!(status(&state, "c"), StepStatus::Done);
}

#[tokio::test]
async fn a_teardown_removes_whatever_does_not_depend_on_a_failure() {
    let bench = Bench::new();
    let steps = vec![Scripted::new("a", &[]), Scripted::new("b", &[]), Scripted::new("c", &["a"]).act(Act::Fail)];
    let (outcome, state) = bench.run(Direction::Teardown, steps).await;
    assert!(matches!(outcome, RunOutcome::Failed { .. }));
    assert_eq!(status(&state, "b"), StepStatus::Done);
    assert_eq!(status(&state, "a"), StepStatus::Skipped, "a holds c, which could not be removed");
}

#[tokio::test]
async fn cancel_stops_what_runs_and_starts_nothing_more() {
    let bench = Bench::new();
    let cancel = bench.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(60)).await;
        cancel.cancel();
    });
    let steps = vec![Scripted::new("a", &[]).act(Act::Hang), Scripted::new("b", &["a"])];
    let (outcome, state) = bench.run(Direction::Build, steps).await;
    assert_eq!(outcome, RunOutcome::Cancelled);
    assert!(state.cancel_requested);
    assert_eq!((status(&state, "a"), status(&state, "b")), (StepStatus::Cancelled, StepStatus::Skipped));
}

#[tokio::test]
async fn a_step_that_winds_down_is_given_the_time_to() {
    let bench = Bench::new();
    let cancel = bench.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(60)).await;
        cancel.cancel();
    });
    let steps = vec![Scripted::new("a", &[]).act(Act::WindDown), Scripted::new("b", &["a"])];
    let (outcome, state) = bench.run(Direction::Build, steps).await;
    assert_eq!(outcome, RunOutcome::Cancelled);
    assert_eq!((status(&state, "a"), status(&state, "b")), (StepStatus::Cancelled, StepStatus::Skipped));
    assert_eq!(bench.history(), ["a begins", "a has put away"]);
}

#[tokio::test]
async fn a_step_that_hangs_fails_at_its_deadline() {
    let bench = Bench::new();
    let steps = vec![Scripted::new("a", &[]).act(Act::Hang).deadline(Duration::from_millis(80))];
    let (outcome, _) = bench.run(Direction::Build, steps).await;
    let RunOutcome::Failed { failure } = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.code, Some(Code::Deadline));
}

#[tokio::test]
async fn a_step_that_panics_fails_and_the_run_ends() {
    let bench = Bench::new();
    let (outcome, _) = bench.run(Direction::Build, vec![Scripted::new("a", &[]).act(Act::Panic)]).await;
    assert!(matches!(outcome, RunOutcome::Failed { failure } if failure.blame == protocol::Blame::Bug));
}

#[tokio::test]
async fn intent_is_journalled_before_the_step_acts() {
    let bench = Bench::new();
    let _ = bench.run(Direction::Build, vec![Scripted::new("a", &[]).act(Act::Fail)]).await;
    let run = journal::summaries(bench.runs.path(), 1).remove(0).run;
    let kinds: Vec<_> = journal::read(bench.runs.path(), &run).into_iter().map(|event| event.kind).collect();
    assert!(matches!(kinds[0], EventKind::RunStarted { .. }));
    assert!(matches!(kinds[1], EventKind::StepStarted { .. }));
    assert!(matches!(kinds[2], EventKind::StepFinished { .. }));
}

#[tokio::test]
async fn what_cannot_be_journalled_does_not_happen() -> Result<(), Failure> {
    let bench = Bench::new();
    let journal = Journal::begin(bench.runs.path(), Operation::Up)?;
    let log = RunLog::open(bench.runs.path(), journal.run())?;
    let journal = journal.with_read_only_file();
    let runner =
        Runner::new(Arc::new(Emitter::new(0, None)), journal, log, Redactor::default(), CancellationToken::new());
    let steps = vec![Scripted::new("a", &[]).world(&bench.world).arc()];
    let failure = runner.run(Operation::Up, Plan::new(Direction::Build, &steps)?).await.expect_err("must not run");
    assert!(failure.summary.contains("journal"), "{failure}");
    assert!(bench.history().is_empty());
    Ok(())
}
