//! Following a run to its end.

use protocol::command::{Desk, StackOperation, Update};
use protocol::{Code, EventKind, Failure, Operation, RunId, RunOutcome, RunState, StackName};
use provision::LocalDesk;
use tokio::sync::mpsc::Receiver;

use crate::render::{self, Renderer};

/// Begins an operation and shows it until it ends.
///
/// It attaches before it begins, so that no event is missed. Ctrl-C asks the run to stop; a second one leaves it to
/// the agent and ends only this program.
pub(crate) async fn run(desk: &LocalDesk, stack: &StackName, operation: Operation, json: bool) -> Result<(), Failure> {
    let mut updates = desk.watch(stack.clone()).await?;
    let request = StackOperation { stack: stack.clone(), operation };
    let mut renderer = render::choose(json);
    let run = match desk.start(request).await {
        Ok(run) => run,
        Err(failure) if failure.code == Some(Code::Busy) => {
            same_operation(&mut updates, operation).await.ok_or(failure)?
        }
        Err(failure) => return Err(failure),
    };
    let mut interrupts = 0;
    loop {
        tokio::select! {
            update = updates.recv() => if let Some(outcome) = take(update, &run, renderer.as_mut())? {
                renderer.end();
                let result = conclude(outcome);
                if operation == Operation::Down && result.is_ok() {
                    wait_for_the_end(&mut updates).await;
                }
                return result;
            },
            _ = tokio::signal::ctrl_c() => {
                interrupts += 1;
                if interrupts > 1 {
                    renderer.end();
                    return Err(Failure::cancelled().hint("The run goes on in the stack's agent; `retailflow status` shows it."));
                }
                renderer.note("Stopping; press Ctrl-C again to leave it to itself.");
                desk.cancel(stack.clone()).await?;
            }
        }
    }
}

/// The run under way, if it is for the same operation: then there is nothing to begin, only to follow.
async fn same_operation(updates: &mut Receiver<Update>, operation: Operation) -> Option<RunId> {
    let Some(Update::Snapshot(snapshot)) = updates.recv().await else { return None };
    snapshot.run.filter(|run| run.operation == operation && !run.is_finished()).map(|run| run.run)
}

/// Shows an update; gives the outcome once the run has ended.
fn take(update: Option<Update>, run: &RunId, renderer: &mut dyn Renderer) -> Result<Option<RunOutcome>, Failure> {
    match update {
        Some(Update::Snapshot(snapshot)) => {
            let ours: Option<RunState> = snapshot.run.filter(|state| state.run == *run);
            if let Some(state) = &ours {
                renderer.catch_up(state);
            }
            Ok(ours.and_then(|state| state.outcome))
        }
        Some(Update::Events(events)) => {
            let mut outcome = None;
            for event in events.iter().filter(|event| event.run.as_ref() == Some(run)) {
                renderer.show(event);
                if let EventKind::RunFinished { outcome: ended } = &event.kind {
                    outcome = Some(ended.clone());
                }
            }
            Ok(outcome)
        }
        Some(Update::Ended) | None => {
            renderer.end();
            Err(Failure::environment("The stack's agent ended in the middle of the run")
                .hint("Run the command again: it resumes where the agent stopped."))
        }
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
