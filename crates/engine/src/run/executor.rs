//! Carries out one step: check, then apply or destroy, within its deadline, given up on cancel.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use protocol::{Code, Failure};

use crate::hold::Point;
use crate::plan::{Direction, Node};
use crate::step::{Finish, Presence, Report, StepContext};

/// Runs the step to its end and reports it.
pub(crate) async fn execute(node: Node, direction: Direction, context: StepContext) {
    context.hold(Point::Intent).await;
    let mut work = pin!(AssertUnwindSafe(carry_out(&node, direction, &context)).catch_unwind());
    let finish = tokio::select! {
        biased;
        () = context.cancellation().cancelled(), if !node.step.winds_down() => {
            context.give_up(work).await;
            Finish::Cancelled
        }
        // A step that panics must not leave the run waiting for it.
        finish = &mut work => finish.unwrap_or_else(|_| {
            Finish::Failed(Failure::bug(format!("{} stopped at a defect in the program", node.step.title())))
        }),
    };
    context.hold(Point::Work).await;
    context.hold(Point::End).await;
    context.send(Report::Finished(finish)).await;
}

async fn carry_out(node: &Node, direction: Direction, context: &StepContext) -> Finish {
    let result = match direction {
        Direction::Build => build(node, context).await,
        Direction::Teardown => {
            let destroyed = within(context, node.step.deadline(), node.step.title(), node.step.destroy(context)).await;
            destroyed.map(|()| Finish::Done(crate::Outputs::new()))
        }
    };
    result.unwrap_or_else(|failure| match failure.code {
        Some(Code::Cancelled) => Finish::Cancelled,
        _ => Finish::Failed(failure),
    })
}

async fn build(node: &Node, context: &StepContext) -> Result<Finish, Failure> {
    match within(context, node.step.check_deadline(), node.step.title(), node.step.check(context)).await? {
        Presence::Present(reason) => return Ok(Finish::AlreadyDone(reason)),
        Presence::Drifted(how) => context.info(format!("To be mended: {how}")).await,
        Presence::Absent => {}
    }
    within(context, node.step.deadline(), node.step.title(), node.step.apply(context)).await.map(Finish::Done)
}

async fn within<T>(
    context: &StepContext,
    limit: Duration,
    title: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut work = pin!(work);
    if let Ok(ended) = tokio::time::timeout(limit, &mut work).await {
        return ended;
    }
    context.give_up(work).await;
    Err(Failure::environment(format!("{title} did not end within {} s", limit.as_secs()))
        .code(Code::Deadline)
        .hint("Look at the last lines of its log. Running the command again resumes."))
}
