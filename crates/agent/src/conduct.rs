//! Conducting runs, one at a time.

use std::sync::Arc;

use engine::process::Stop;
use engine::{Journal, Runner, blocking, lock};
use logs::RunLog;
use protocol::command::RunRequest;
use protocol::{Code, Failure, Operation, RunId, RunOutcome};
use stack::remedies;
use tokio_util::sync::CancellationToken;

use crate::{Active, Agent};

impl Agent {
    /// Begins a run and returns while it goes on. `Busy` if another is under way.
    pub(crate) async fn begin(self: &Arc<Self>, request: RunRequest) -> Result<RunId, Failure> {
        let operation = request.operation;
        let claim = self.claim(operation)?;
        // A service that was being started again when the stack was claimed; no other one is from here on.
        self.end_adrift(&self.reviving.lock().await).await?;
        self.end_strays().await?;
        if let Some(secret) = self.eyes.target.secret().await? {
            self.eyes.emitter.redactor().learn(&secret);
        }
        let plan = self.eyes.target.plan(&request)?;
        let journal = Journal::begin_on(self.disk.clone(), &self.eyes.folder.runs(), operation)?;
        let log = RunLog::open(&self.eyes.folder.runs(), journal.run())?;
        self.forget_old_runs().await;
        if operation == Operation::Down {
            self.want_nothing();
        }
        let folder = self.eyes.folder.path().to_owned();
        let runner = Runner::new(self.eyes.emitter.clone(), journal, log, claim.cancel.clone())
            .explained_by(move |failure| remedies::with_remedy(failure, &folder));
        let run = runner.id().clone();
        tokio::spawn(async move {
            let outcome = runner.run(operation, plan).await;
            let agent = claim.agent.clone();
            agent.conclude(operation, outcome);
            drop(claim);
            // The services as they were before the run would make a wrong picture of the stack after it.
            if let Err(failure) = agent.look().await {
                agent.eyes.note(&failure.to_string());
            }
            agent.eyes.tell_news();
        });
        Ok(run)
    }

    /// Takes the stack for one operation, before anything is done for it. `Busy` if it is taken.
    fn claim(self: &Arc<Self>, operation: Operation) -> Result<Claim, Failure> {
        let mut active = lock(&self.active);
        if active.is_some() {
            return Err(Failure::new(protocol::Blame::User, "Another run of this stack is under way")
                .code(Code::Busy)
                .hint("Wait for it, or cancel it first."));
        }
        if self.end.is_cancelled() {
            return Err(Failure::environment("The stack's agent is just ending").hint("Run the command again."));
        }
        let cancel = CancellationToken::new();
        *active = Some(Active { operation, cancel: cancel.clone() });
        // To plan is to change nothing: the stack stands as it stood.
        self.eyes.set_busy(operation != Operation::Plan);
        drop(active);
        self.eyes.tell_news();
        Ok(Claim { agent: self.clone(), cancel })
    }

    fn conclude(&self, operation: Operation, outcome: Result<RunOutcome, Failure>) {
        match outcome {
            Ok(RunOutcome::Succeeded) if operation == Operation::Up => self.want_everything(),
            Ok(RunOutcome::Succeeded) if operation == Operation::Down => self.end.cancel(),
            Ok(_) => {}
            Err(failure) => self.eyes.note(&failure.to_string()),
        }
    }

    /// Ends tools that an earlier, killed agent left at work: the run to come would do the same work beside them.
    async fn end_strays(&self) -> Result<(), Failure> {
        let (computer, stack) = (self.eyes.target.computer(), self.eyes.folder.id().to_owned());
        blocking(move || {
            let mut strays = computer.of_stack(&stack)?;
            strays.retain(|found| found.root && found.mark.is_tool());
            strays.iter().try_for_each(|stray| computer.stop(&stray.mark, Stop::TOOL).map(drop))
        })
        .await
    }
}

/// The right to work on the stack. It ends with the run, or when a run could not be begun.
struct Claim {
    agent: Arc<Agent>,
    cancel: CancellationToken,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut active = lock(&self.agent.active);
        self.agent.eyes.set_busy(false);
        *active = None;
    }
}
