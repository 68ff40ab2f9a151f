//! The only source of user-visible truth: it decides what starts, journals it, and tells everyone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use protocol::{EventKind, Failure, Level, Operation, RunId, RunOutcome, Severity, StepId, StepOutcome};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::emitter::Emitter;
use super::executor::execute;
use crate::journal::Journal;
use crate::plan::{Direction, Plan};
use crate::step::{Finish, Report, StepContext};
use logs::RunLog;

/// Reports that may wait for the dispatcher before steps are held back.
const REPORT_BACKLOG: usize = 1024;

/// How soon it is told that the log grew.
const LOG_PACE: Duration = Duration::from_millis(50);

/// Adds to a failure what to do about it.
type Explain = Box<dyn Fn(Failure) -> Failure + Send + Sync>;

/// Runs one plan.
pub struct Runner {
    emitter: Arc<Emitter>,
    journal: Journal,
    log: RunLog,
    cancel: CancellationToken,
    explain: Explain,
}

impl Runner {
    /// A runner that journals into `journal` and tells through `emitter`. Cancelling `cancel` stops the run.
    pub fn new(emitter: Arc<Emitter>, journal: Journal, log: RunLog, cancel: CancellationToken) -> Self {
        Self { emitter, journal, log, cancel, explain: Box::new(|failure| failure) }
    }

    /// Lets `explain` say what to do about failures, before anyone is told of them.
    #[must_use]
    pub fn explained_by(self, explain: impl Fn(Failure) -> Failure + Send + Sync + 'static) -> Self {
        Self { explain: Box::new(explain), ..self }
    }

    /// The run's identifier.
    pub fn id(&self) -> &RunId {
        self.journal.run()
    }

    /// Runs the plan to its end.
    ///
    /// `Err` only if the journal cannot be written; the run then stops before its next side effect, because what
    /// is not journalled must not happen. Listeners are told of that end all the same. No step is at work any more when this
    /// returns.
    pub async fn run(self, operation: Operation, plan: Plan) -> Result<RunOutcome, Failure> {
        let (sender, mut reports) = mpsc::channel(REPORT_BACKLOG);
        let progress = Progress::new(&plan);
        let mut dispatch = Dispatch { runner: self, plan, progress, growth: Growth::default(), sender };
        let result =
            dispatch.conduct(operation, &mut reports).await.map_err(|failure| (dispatch.runner.explain)(failure));
        if let Err(failure) = &result {
            dispatch.abandon(failure.clone(), &mut reports).await;
        }
        result
    }
}

/// Which steps wait, run and ended.
struct Progress {
    waiting: BTreeSet<StepId>,
    running: BTreeSet<StepId>,
    succeeded: BTreeSet<StepId>,
    first_failure: Option<Failure>,
    /// What each step said last of how far it is.
    latest: BTreeMap<StepId, EventKind>,
}

impl Progress {
    fn new(plan: &Plan) -> Self {
        Self {
            waiting: plan.nodes().iter().map(|node| node.id.clone()).collect(),
            running: BTreeSet::new(),
            succeeded: BTreeSet::new(),
            first_failure: None,
            latest: BTreeMap::new(),
        }
    }
}

struct Dispatch {
    runner: Runner,
    plan: Plan,
    progress: Progress,
    growth: Growth,
    sender: mpsc::Sender<(StepId, Report)>,
}

impl Dispatch {
    async fn conduct(
        &mut self,
        operation: Operation,
        reports: &mut mpsc::Receiver<(StepId, Report)>,
    ) -> Result<RunOutcome, Failure> {
        self.tell(EventKind::RunStarted { operation, steps: self.plan.describe() })?;
        let outcome = self.until_idle(reports).await?;
        if self.growth.due.is_some() {
            self.tell_growth()?;
        }
        self.tell(EventKind::RunFinished { outcome: outcome.clone() })?;
        Ok(outcome)
    }

    /// The journal is lost: stops the steps at work, waits for their end, and tells whoever listens.
    async fn abandon(&mut self, failure: Failure, reports: &mut mpsc::Receiver<(StepId, Report)>) {
        self.runner.cancel.cancel();
        while !self.progress.running.is_empty() {
            if let Some((step, Report::Finished(_))) = reports.recv().await {
                self.progress.running.remove(&step);
            }
        }
        let kind = EventKind::RunFinished { outcome: RunOutcome::Failed { failure } };
        // Nothing can fail where nothing is written.
        let _ = self.runner.emitter.tell(Some(self.runner.journal.run()), kind, |_| Ok(()));
    }

    async fn until_idle(&mut self, reports: &mut mpsc::Receiver<(StepId, Report)>) -> Result<RunOutcome, Failure> {
        let mut cancel_told = false;
        loop {
            if self.runner.cancel.is_cancelled() && !cancel_told {
                cancel_told = true;
                self.tell(EventKind::CancelRequested)?;
            }
            self.start_ready()?;
            if self.progress.running.is_empty() {
                self.skip_waiting()?;
                return Ok(self.outcome());
            }
            let cancel = self.runner.cancel.clone();
            tokio::select! {
                biased;
                // Before the next report, of which there may be no end.
                () = self.growth.is_due() => self.tell_growth()?,
                () = cancel.cancelled(), if !cancel_told => {}
                Some((step, report)) = reports.recv() => self.take(step, report)?,
            }
        }
    }

    fn start_ready(&mut self) -> Result<(), Failure> {
        let stopped = self.runner.cancel.is_cancelled()
            || (self.plan.direction() == Direction::Build && self.progress.first_failure.is_some());
        if stopped {
            return Ok(());
        }
        let ready: Vec<_> = self
            .plan
            .nodes()
            .iter()
            .filter(|node| self.progress.waiting.contains(&node.id))
            .filter(|node| node.waits_for.is_subset(&self.progress.succeeded))
            .cloned()
            .collect();
        for node in ready {
            // Intent first: after a kill the journal tells what may have been begun.
            self.tell(EventKind::StepStarted { step: node.id.clone() })?;
            self.progress.waiting.remove(&node.id);
            self.progress.running.insert(node.id.clone());
            let context = StepContext::new(node.id.clone(), self.sender.clone(), self.runner.cancel.clone());
            tokio::spawn(execute(node, self.plan.direction(), context));
        }
        Ok(())
    }

    fn take(&mut self, step: StepId, report: Report) -> Result<(), Failure> {
        match report {
            Report::Log { level, line } => self.log(&step, level, &line),
            Report::Progress { done, total, unit, message } => {
                let kind = EventKind::Progress { step: step.clone(), done, total, unit, message };
                // Whoever waits for something says so again and again.
                if self.progress.latest.insert(step, kind.clone()).as_ref() == Some(&kind) {
                    return Ok(());
                }
                self.tell(kind)
            }
            Report::Resource { action, resource, name } => {
                self.tell(EventKind::Resource { step, action, resource, name })
            }
            Report::Diagnostic { severity, failure } => {
                self.log(&step, Level::Warn, &failure.to_string())?;
                self.tell(EventKind::Diagnostic { step: Some(step), severity, failure })
            }
            Report::Finished(finish) => self.finish(step, finish),
        }
    }

    fn finish(&mut self, step: StepId, finish: Finish) -> Result<(), Failure> {
        self.progress.running.remove(&step);
        let outcome = match finish {
            Finish::Done(outputs) => {
                self.progress.succeeded.insert(step.clone());
                self.log(&step, Level::Info, "Done")?;
                StepOutcome::Done { outputs }
            }
            Finish::AlreadyDone(reason) => {
                self.progress.succeeded.insert(step.clone());
                self.log(&step, Level::Info, &format!("Nothing to do: {reason}"))?;
                StepOutcome::AlreadyDone { reason }
            }
            Finish::Failed(failure) => {
                let failure = (self.runner.explain)(failure);
                self.log(&step, Level::Error, &failure.to_string())?;
                self.progress.first_failure.get_or_insert_with(|| failure.clone());
                StepOutcome::Failed { failure }
            }
            Finish::Cancelled => {
                self.log(&step, Level::Warn, "Cancelled")?;
                StepOutcome::Cancelled
            }
        };
        self.tell(EventKind::StepFinished { step, outcome })
    }

    fn skip_waiting(&mut self) -> Result<(), Failure> {
        let cancelled = self.runner.cancel.is_cancelled();
        let waiting = std::mem::take(&mut self.progress.waiting);
        let in_order: Vec<_> = self.plan.nodes().iter().map(|node| node.id.clone()).collect();
        for step in in_order.into_iter().filter(|id| waiting.contains(id)) {
            let reason = if cancelled { "the run was cancelled" } else { "an earlier step failed" };
            self.tell(EventKind::StepFinished { step, outcome: StepOutcome::Skipped { reason: reason.to_owned() } })?;
        }
        Ok(())
    }

    fn outcome(&self) -> RunOutcome {
        if let Some(failure) = &self.progress.first_failure {
            return RunOutcome::Failed { failure: failure.clone() };
        }
        if self.progress.succeeded.len() == self.plan.nodes().len() {
            return RunOutcome::Succeeded;
        }
        RunOutcome::Cancelled
    }

    /// Writes a line into the log. A log that cannot be written is no reason to stop: that is said once, and the run goes on.
    fn log(&mut self, step: &StepId, level: Level, line: &str) -> Result<(), Failure> {
        let Runner { emitter, log, .. } = &mut self.runner;
        match log.write(level, step.as_str(), &emitter.redactor().redact(line)) {
            Ok(()) => self.growth.note(),
            Err(failure) if self.growth.lose() => {
                self.tell(EventKind::Diagnostic { step: None, severity: Severity::Warning, failure })?;
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn tell_growth(&mut self) -> Result<(), Failure> {
        self.growth.told();
        let log = &self.runner.log;
        let (source, lines) = (log.source().to_owned(), log.lines());
        self.tell(EventKind::LogGrew { source, lines })
    }

    /// Journals a durable event, then sends it.
    fn tell(&mut self, kind: EventKind) -> Result<(), Failure> {
        let Runner { emitter, journal, .. } = &mut self.runner;
        let run = journal.run().clone();
        emitter.tell(Some(&run), kind, |event| if event.kind.is_durable() { journal.append(event) } else { Ok(()) })
    }
}

/// What is yet to be told of the log's growth. Told for each line, a talkative tool would push everything else out of the
/// backlog of whoever listens.
#[derive(Default)]
struct Growth {
    /// When it is to be told, if there is something to tell.
    due: Option<Instant>,
    lost: bool,
}

impl Growth {
    fn note(&mut self) {
        self.due.get_or_insert_with(|| Instant::now() + LOG_PACE);
    }

    fn told(&mut self) {
        self.due = None;
    }

    /// The log cannot be written; whether that is news.
    fn lose(&mut self) -> bool {
        !std::mem::replace(&mut self.lost, true)
    }

    /// Waits until it is to be told; for ever if there is nothing to tell.
    async fn is_due(&self) {
        match self.due {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }
}
