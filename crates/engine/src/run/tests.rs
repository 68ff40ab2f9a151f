//! The runner's promises, with scripted steps and a real journal on disk.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use protocol::{Code, EventKind, Failure, Operation, RunOutcome, RunState, StepId, StepStatus};
use tokio_util::sync::CancellationToken;

use super::testing::{Act, Scripted, World};
use super::{Emitter, Runner};
use crate::journal::{self, Disk, Journal, RealDisk};
use crate::plan::{Direction, Plan};
use crate::process::{Environment, Mark, PLACE, Stop, ToolSpec, run_tool};
use crate::step::{Outputs, Presence, Step, StepContext};
use logs::RunLog;
use secrets::Secret;

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
        let runner = Runner::new(emitter.clone(), journal, log, self.cancel.clone());
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

#[tokio::test(start_paused = true)]
async fn independent_steps_run_side_by_side_and_needs_are_honoured() {
    let bench = Bench::new();
    let steps = vec![Scripted::new("a", &[]), Scripted::new("b", &[]), Scripted::new("c", &["a", "b"])];
    let (outcome, _) = bench.run(Direction::Build, steps).await;
    assert_eq!(outcome, RunOutcome::Succeeded);
    let history = bench.history();
    assert!(position(&history, "b begins") < position(&history, "a ends"), "{history:?}");
    assert!(position(&history, "c begins") > position(&history, "b ends"), "{history:?}");
}

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
async fn a_teardown_removes_whatever_does_not_depend_on_a_failure() {
    let bench = Bench::new();
    let steps = vec![Scripted::new("a", &[]), Scripted::new("b", &[]), Scripted::new("c", &["a"]).act(Act::Fail)];
    let (outcome, state) = bench.run(Direction::Teardown, steps).await;
    assert!(matches!(outcome, RunOutcome::Failed { .. }));
    assert_eq!(status(&state, "b"), StepStatus::Done);
    assert_eq!(status(&state, "a"), StepStatus::Skipped, "a holds c, which could not be removed");
}

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
async fn a_step_that_hangs_fails_at_its_deadline() {
    let bench = Bench::new();
    let steps = vec![Scripted::new("a", &[]).act(Act::Hang).deadline(Duration::from_millis(80))];
    let (outcome, _) = bench.run(Direction::Build, steps).await;
    let RunOutcome::Failed { failure } = outcome else { panic!("{outcome:?}") };
    assert_eq!(failure.code, Some(Code::Deadline));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_panics_fails_and_the_run_ends() {
    let bench = Bench::new();
    let (outcome, _) = bench.run(Direction::Build, vec![Scripted::new("a", &[]).act(Act::Panic)]).await;
    assert!(matches!(outcome, RunOutcome::Failed { failure } if failure.blame == protocol::Blame::Bug));
}

#[tokio::test(start_paused = true)]
async fn intent_is_journalled_before_the_step_acts() {
    let bench = Bench::new();
    let _ = bench.run(Direction::Build, vec![Scripted::new("a", &[]).act(Act::Fail)]).await;
    let run = journal::summaries(bench.runs.path(), 1).unwrap().remove(0).run;
    let kinds: Vec<_> = journal::read(bench.runs.path(), &run).into_iter().map(|event| event.kind).collect();
    assert!(matches!(kinds[0], EventKind::RunStarted { .. }));
    assert!(matches!(kinds[1], EventKind::StepStarted { .. }));
    assert!(matches!(kinds[2], EventKind::StepFinished { .. }));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_journalled_does_not_happen() -> Result<(), Failure> {
    let bench = Bench::new();
    let journal = Journal::begin(bench.runs.path(), Operation::Up)?;
    let log = RunLog::open(bench.runs.path(), journal.run())?;
    let journal = journal.with_read_only_file();
    let runner = Runner::new(Arc::new(Emitter::new(0, None)), journal, log, CancellationToken::new());
    let steps = vec![Scripted::new("a", &[]).world(&bench.world).arc()];
    let failure = runner.run(Operation::Up, Plan::new(Direction::Build, &steps)?).await.expect_err("must not run");
    assert!(failure.summary.contains("journal"), "{failure}");
    assert!(bench.history().is_empty());
    Ok(())
}

/// A disk that has room for so many lines.
struct Room(AtomicU32);

impl Disk for Room {
    fn append(&self, journal: &mut File, line: &[u8]) -> io::Result<()> {
        let left = self.0.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| io::ErrorKind::StorageFull)?;
        RealDisk.append(journal, line)
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_journal_is_lost_ends_when_its_steps_have_ended() -> Result<(), Failure> {
    let bench = Bench::new();
    // The run's beginning, and that of two steps; not what one of them does.
    let journal = Journal::begin_on(Arc::new(Room(AtomicU32::new(3))), bench.runs.path(), Operation::Up)?;
    let log = RunLog::open(bench.runs.path(), journal.run())?;
    let runner = Runner::new(Arc::new(Emitter::new(0, None)), journal, log, CancellationToken::new());
    let acts = [("a", Act::WindDown), ("b", Act::Say("something"))];
    let steps: Vec<_> = acts.map(|(id, act)| Scripted::new(id, &[]).act(act).world(&bench.world).arc()).into();
    let failure = runner.run(Operation::Up, Plan::new(Direction::Build, &steps)?).await.expect_err("it is lost");
    assert!(failure.summary.contains("journal"), "{failure}");
    assert!(bench.history().contains(&"a has put away".to_owned()), "{:?}", bench.history());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn no_secret_gets_into_journal_log_or_events() {
    const SECRET: &str = "hunter2-hunter2";
    let bench = Bench::new();
    let journal = Journal::begin(bench.runs.path(), Operation::Up).unwrap();
    let (run, log) = (journal.run().clone(), RunLog::open(bench.runs.path(), journal.run()).unwrap());
    let emitter = Arc::new(Emitter::new(0, None));
    emitter.redactor().learn(&Secret::new(SECRET.to_owned()));
    let (_, _, mut events) = emitter.subscribe();
    let runner = Runner::new(emitter, journal, log, CancellationToken::new());
    let steps = vec![Scripted::new("a", &[]).act(Act::Say(SECRET)).world(&bench.world).arc()];
    let outcome = runner.run(Operation::Up, Plan::new(Direction::Build, &steps).unwrap()).await.unwrap();
    assert_eq!(outcome, RunOutcome::Succeeded);

    let told: Vec<String> =
        std::iter::from_fn(|| events.try_recv().ok()).map(|event| serde_json::to_string(&event).unwrap()).collect();
    let folder = bench.runs.path().join(&run.0);
    let written = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let everything = told.into_iter().chain(written).collect::<Vec<_>>().join("\n");
    for said in ["a resource", "a line", "a diagnostic", "an output", "a progress"] {
        assert!(everything.contains(said), "{said} is missing: {everything}");
    }
    assert!(!everything.contains(SECRET), "{everything}");
}

/// A step whose tool says goodbye when it is asked to end.
struct Polite {
    folder: tempfile::TempDir,
    deadline: Duration,
}

#[async_trait]
impl Step for Polite {
    fn id(&self) -> StepId {
        "polite".into()
    }

    fn title(&self) -> &'static str {
        "Polite"
    }

    fn describe_apply(&self) -> String {
        String::new()
    }

    fn describe_destroy(&self) -> String {
        String::new()
    }

    fn needs(&self) -> Vec<StepId> {
        Vec::new()
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        Ok(Presence::Absent)
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        let script = "trap 'echo bye; exit 0' TERM; echo ready; while true; do sleep 0.05; done";
        let spec = ToolSpec {
            mark: Mark::new(&self.folder.path().to_string_lossy(), "tool:polite"),
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: Environment::inheriting(&[PLACE]),
            folder: self.folder.path().to_owned(),
            user: None,
            stop: Stop::terminate(Duration::from_mins(1)),
        };
        run_tool(context, &spec).await.map(|()| Outputs::new())
    }

    async fn destroy(&self, _: &StepContext) -> Result<(), Failure> {
        Ok(())
    }
}

/// Runs a polite step, does something once its tool is ready, and gives how the run ended and whether the tool said goodbye.
async fn once_ready(deadline: Duration, act: impl AsyncFnOnce(&CancellationToken)) -> (RunOutcome, bool) {
    let bench = Bench::new();
    let journal = Journal::begin(bench.runs.path(), Operation::Up).unwrap();
    let log = RunLog::open(bench.runs.path(), journal.run()).unwrap();
    let path = bench.runs.path().join(&journal.run().0).join(RunLog::FILE);
    let emitter = Arc::new(Emitter::new(0, None));
    let (_, _, mut events) = emitter.subscribe();
    let runner = Runner::new(emitter, journal, log, bench.cancel.clone());
    let step: Arc<dyn Step> = Arc::new(Polite { folder: tempfile::tempdir().unwrap(), deadline });
    let run = tokio::spawn(runner.run(Operation::Up, Plan::new(Direction::Build, &[step]).unwrap()));
    let said = |what: &str| std::fs::read_to_string(&path).unwrap().lines().any(|line| line.ends_with(what));
    while !said("ready") {
        events.recv().await.unwrap();
    }
    act(&bench.cancel).await;
    let outcome = run.await.unwrap().unwrap();
    (outcome, said("bye"))
}

#[tokio::test]
async fn a_cancelled_step_lets_its_tool_end_in_its_own_way() {
    let (outcome, said) = once_ready(Duration::from_hours(1), async |cancel| cancel.cancel()).await;
    assert_eq!((outcome, said), (RunOutcome::Cancelled, true));
}

#[tokio::test]
async fn a_late_step_lets_its_tool_end_in_its_own_way() {
    let late = async |_: &CancellationToken| {
        tokio::time::pause();
        tokio::time::advance(Duration::from_hours(2)).await;
        tokio::time::resume();
    };
    let (outcome, said) = once_ready(Duration::from_hours(1), late).await;
    assert!(said);
    assert!(matches!(outcome, RunOutcome::Failed { failure } if failure.code == Some(Code::Deadline)));
}

#[tokio::test(start_paused = true)]
async fn of_a_talkative_step_only_the_growth_of_the_log_is_told() {
    const LINES: u32 = 10_000;
    let told: Vec<u64> = told_of(Act::Chatter(LINES))
        .await
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::LogGrew { lines, .. } => Some(lines),
            _ => None,
        })
        .collect();
    assert!(told.is_sorted() && told.len() < 100, "{told:?}");
    // Its own lines, and “Done”.
    assert_eq!(told.last(), Some(&(u64::from(LINES) + 1)));
}

#[tokio::test(start_paused = true)]
async fn what_a_step_waits_for_is_told_once() {
    let told = told_of(Act::Wait(&["a", "a", "a", "b", "b", "a"])).await;
    let waits: Vec<&str> = told
        .iter()
        .filter_map(|kind| match kind {
            EventKind::Progress { message, .. } => Some(message.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(waits, ["a", "b", "a"]);
}

/// The events of a run of one step.
async fn told_of(act: Act) -> Vec<EventKind> {
    let bench = Bench::new();
    let journal = Journal::begin(bench.runs.path(), Operation::Up).unwrap();
    let log = RunLog::open(bench.runs.path(), journal.run()).unwrap();
    let emitter = Arc::new(Emitter::new(0, None));
    let (_, _, mut events) = emitter.subscribe();
    let runner = Runner::new(emitter, journal, log, CancellationToken::new());
    let steps = vec![Scripted::new("a", &[]).act(act).world(&bench.world).arc()];
    runner.run(Operation::Up, Plan::new(Direction::Build, &steps).unwrap()).await.unwrap();
    std::iter::from_fn(|| events.try_recv().ok()).map(|event| event.kind).collect()
}

#[tokio::test(start_paused = true)]
async fn a_log_that_cannot_be_written_is_said_once_and_the_run_goes_on() {
    let bench = Bench::new();
    let journal = Journal::begin(bench.runs.path(), Operation::Up).unwrap();
    let run = journal.run().clone();
    // A device that is always full.
    std::os::unix::fs::symlink("/dev/full", bench.runs.path().join(&run.0).join(RunLog::FILE)).unwrap();
    let log = RunLog::open(bench.runs.path(), &run).unwrap();
    let runner = Runner::new(Arc::new(Emitter::new(0, None)), journal, log, CancellationToken::new());
    let steps = vec![Scripted::new("a", &[]).act(Act::Chatter(5)).world(&bench.world).arc()];
    let outcome = runner.run(Operation::Up, Plan::new(Direction::Build, &steps).unwrap()).await.unwrap();
    assert_eq!(outcome, RunOutcome::Succeeded);
    let state = RunState::replay(&journal::read(bench.runs.path(), &run)).unwrap();
    assert_eq!(state.diagnostics.len(), 1, "{:?}", state.diagnostics);
}
