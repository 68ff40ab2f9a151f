//! Following a run to its end.

use std::time::Duration;

use protocol::command::{Desk, RunRequest, StartRequest, Update};
use protocol::{Code, EventKind, Failure, Operation, RunId, RunOutcome, RunState, StackName};
use provision::LocalDesk;
use tokio::sync::mpsc::Receiver;

use crate::interrupt::Interrupts;
use crate::render::{self, Renderer};

/// How long a run that is said to be under way may take to say that it has begun.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);

/// Begins an operation, or joins the run that is under way for the same one, and shows it until it ends.
///
/// It attaches before it begins, so that no event is missed.
pub(crate) async fn run(desk: &LocalDesk, stack: &StackName, run: RunRequest, json: bool) -> Result<(), Failure> {
    let operation = run.operation;
    let mut updates = desk.attach(stack.clone()).await?;
    let request = StartRequest { stack: stack.clone(), run };
    let renderer = render::choose(json);
    let follower = match desk.start(request).await {
        Ok(run) => Follower { run, operation, renderer, state: None },
        Err(failure) if failure.code == Some(Code::Busy) => {
            let under_way = under_way(&mut updates, operation).await.ok_or(failure)?;
            Follower::joining(under_way, renderer)
        }
        Err(failure) => return Err(failure),
    };
    follow(desk, stack, follower, updates).await
}

/// Shows the run that is under way for an operation until it ends; gives whether there was one.
pub(crate) async fn join(
    desk: &LocalDesk,
    stack: &StackName,
    operation: Operation,
    json: bool,
) -> Result<bool, Failure> {
    let mut updates = desk.watch(stack.clone()).await?;
    let Some(under_way) = under_way(&mut updates, operation).await else { return Ok(false) };
    follow(desk, stack, Follower::joining(under_way, render::choose(json)), updates).await?;
    Ok(true)
}

/// Shows a run until it ends. Ctrl-C asks it to stop; a second one leaves it to the agent and ends only this program.
async fn follow(
    desk: &LocalDesk,
    stack: &StackName,
    mut follower: Follower,
    mut updates: Receiver<Update>,
) -> Result<(), Failure> {
    let (mut interrupts, mut asked) = (Interrupts::hear()?, false);
    loop {
        tokio::select! {
            update = updates.recv() => if let Some(outcome) = follower.take(update)? {
                follower.end();
                let result = conclude(outcome);
                if follower.operation == Operation::Down && result.is_ok() {
                    wait_for_the_end(&mut updates).await;
                }
                return result;
            },
            () = interrupts.next() => {
                if std::mem::replace(&mut asked, true) {
                    follower.renderer.end(None);
                    return Err(Failure::cancelled().hint("The run goes on in the stack's agent; `retailflow status` shows it."));
                }
                follower.renderer.note("Stopping; press Ctrl-C again to leave it to itself.");
                desk.cancel(stack.clone()).await?;
            }
        }
    }
}

/// The run under way, if it is for this operation: then there is nothing to begin, only to follow.
async fn under_way(updates: &mut Receiver<Update>, operation: Operation) -> Option<RunState> {
    let run = tokio::time::timeout(BEGINS_WITHIN, first_unfinished(updates)).await.ok()??;
    (run.operation == operation).then_some(run)
}

/// The run that a snapshot shows at work or, where the snapshot was taken just before it, the next to begin.
async fn first_unfinished(updates: &mut Receiver<Update>) -> Option<RunState> {
    loop {
        match updates.recv().await? {
            Update::Snapshot(snapshot) => {
                if let Some(run) = snapshot.run.filter(|run| !run.is_finished()) {
                    return Some(run);
                }
            }
            Update::Events(events) => {
                if let Some(run) = RunState::replay(&events) {
                    return Some(run);
                }
            }
            Update::Ended => return None,
        }
    }
}

/// Shows one run, and remembers how far it has come.
struct Follower {
    run: RunId,
    operation: Operation,
    renderer: Box<dyn Renderer>,
    state: Option<RunState>,
}

impl Follower {
    /// Follows a run that somebody else began.
    fn joining(state: RunState, mut renderer: Box<dyn Renderer>) -> Self {
        renderer.catch_up(&state);
        Self { run: state.run.clone(), operation: state.operation, renderer, state: Some(state) }
    }

    /// Shows an update; gives the outcome once the run has ended.
    fn take(&mut self, update: Option<Update>) -> Result<Option<RunOutcome>, Failure> {
        let mut finished = None;
        match update {
            Some(Update::Snapshot(snapshot)) => {
                if let Some(state) = snapshot.run.filter(|state| state.run == self.run) {
                    self.renderer.catch_up(&state);
                    self.state = Some(state);
                }
            }
            Some(Update::Events(events)) => {
                for event in events.iter().filter(|event| event.run.as_ref() == Some(&self.run)) {
                    self.renderer.show(event);
                    match &mut self.state {
                        Some(state) => state.apply(event),
                        None => self.state = RunState::begin(event),
                    }
                    if let EventKind::RunFinished { outcome } = &event.kind {
                        finished = Some(outcome.clone());
                    }
                }
            }
            Some(Update::Ended) | None => {
                self.renderer.end(None);
                return Err(Failure::environment("The stack's agent ended in the middle of the run")
                    .hint("Run the command again: it resumes where the agent stopped."));
            }
        }
        // A run is over when it says so, even if its beginning was missed.
        Ok(finished.or_else(|| self.state.as_ref().and_then(|state| state.outcome.clone())))
    }

    /// Says what took so long, and leaves the screen tidy.
    fn end(&mut self) {
        let chain = self.state.as_ref().and_then(render::longest_chain);
        self.renderer.end(chain.as_deref());
    }
}

fn conclude(outcome: RunOutcome) -> Result<(), Failure> {
    match outcome {
        RunOutcome::Succeeded => Ok(()),
        RunOutcome::Failed { failure } => Err(failure),
        RunOutcome::Cancelled => Err(Failure::cancelled().hint("Run the command again to go on from here.")),
        RunOutcome::Interrupted => Err(Failure::environment("The run was cut off")
            .hint("Run the command again: it resumes where the run stopped.")),
    }
}

/// After a teardown the agent removes the last files and ends; the connection closes with it.
async fn wait_for_the_end(updates: &mut Receiver<Update>) {
    while let Some(update) = updates.recv().await {
        if update == Update::Ended {
            return;
        }
    }
}
