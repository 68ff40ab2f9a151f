//! Conducting runs, one at a time.

use std::sync::Arc;

use engine::logs::RunLog;
use engine::process::ProcessTable;
use engine::{Journal, Runner};
use protocol::{Code, Failure, Operation, RunId, RunOutcome};
use tokio_util::sync::CancellationToken;

use super::{Active, Agent, lock};
use crate::hints;

impl Agent {
    /// Begins a run and returns while it goes on. `Busy` if another is under way.
    pub(super) async fn begin(self: &Arc<Self>, operation: Operation) -> Result<RunId, Failure> {
        if !self.is_busy() {
            self.end_strays().await?;
        }
        let mut active = lock(&self.active);
        if active.is_some() {
            return Err(Failure::new(protocol::Blame::User, "Another run of this stack is under way")
                .code(Code::Busy)
                .hint("Wait for it, or cancel it first."));
        }
        let plan = self.sandbox.plan(operation)?;
        if operation == Operation::Down {
            self.want_nothing();
        }
        let journal = Journal::begin(&self.folder.runs(), operation)?;
        let log = RunLog::open(&self.folder.runs(), journal.run())?;
        let cancel = CancellationToken::new();
        let folder = self.folder.path().to_owned();
        let runner = Runner::new(self.emitter.clone(), journal, log, self.redactor.clone(), cancel.clone())
            .explained_by(move |failure| hints::with_remedy(failure, &folder));
        let run = runner.id().clone();
        *active = Some(Active { operation, cancel });
        let agent = self.clone();
        tokio::spawn(async move {
            let outcome = runner.run(operation, plan).await;
            agent.conclude(operation, outcome);
        });
        Ok(run)
    }

    fn conclude(&self, operation: Operation, outcome: Result<RunOutcome, Failure>) {
        *lock(&self.active) = None;
        match outcome {
            Ok(RunOutcome::Succeeded) if operation == Operation::Up => self.want_everything(),
            Ok(RunOutcome::Succeeded) if operation == Operation::Down => self.end.cancel(),
            Ok(_) => {}
            Err(failure) => super::supervise::note(&failure.to_string()),
        }
    }

    /// Ends tools that an earlier, killed agent left at work: the run to come would do the same work beside them.
    async fn end_strays(&self) -> Result<(), Failure> {
        let stack = self.folder.path().to_owned();
        crate::sandbox::blocking(move || {
            let mut table = ProcessTable::open()?;
            let mut strays = table.of_stack(&stack);
            strays.retain(|found| found.mark.role().starts_with(crate::sandbox::TOOL_ROLE));
            strays.iter().try_for_each(|stray| table.kill(&stray.mark))
        })
        .await
    }
}
