//! Two who want something of a stack at once.

use protocol::command::Update;
use protocol::service::StackState;
use protocol::{Code, EventKind, Operation, RunOutcome};

use crate::scripted::{Hold, Scripted, Stack, Talker, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_begin_at_once_one_is_refused_and_nothing_of_the_others_is_touched() {
    let stack = Stack::new();
    let hold = Hold::closed();
    stack.agent(Scripted { steps: vec![Talker::step("a", &hold)], ..Scripted::default() }).await;
    let (one, other) = tokio::join!(stack.start(Operation::Up), stack.start(Operation::Up));
    let (begun, refused) = if one.is_ok() { (one, other) } else { (other, one) };
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, Some(Code::Busy), "{refused}");
    hold.reached().await;
    assert_eq!(std::fs::read_dir(stack.folder.runs()).unwrap().count(), 1, "the one refused leaves no run");
    hold.let_go();
    let run = begun.unwrap();
    stack.until_idle().await;
    let state = stack.snapshot().await.run.unwrap();
    assert_eq!(state.run, run);
    assert_eq!(state.outcome, Some(RunOutcome::Succeeded), "{state:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_makes_the_stack_busy_and_a_plan_does_not() {
    let state_during = async |operation| {
        let (stack, hold) = (Stack::new(), Hold::closed());
        stack.agent(Scripted { steps: vec![Talker::step("a", &hold)], ..Scripted::default() }).await;
        stack.start(operation).await.unwrap();
        hold.reached().await;
        stack.snapshot().await.state
    };
    assert_eq!(state_during(Operation::Up).await, StackState::Busy);
    assert_ne!(state_during(Operation::Plan).await, StackState::Busy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_second_follows_the_run_to_its_end_also_when_its_beginner_is_gone() {
    let (stack, hold) = (Stack::new(), Hold::closed());
    stack.agent(Scripted { steps: vec![Talker::step("a", &hold)], ..Scripted::default() }).await;
    let beginner = stack.attach().await;
    let run = stack.start(Operation::Up).await.unwrap();
    hold.reached().await;
    drop(beginner);
    assert_eq!(stack.start(Operation::Up).await.unwrap_err().code, Some(Code::Busy));
    let mut second = stack.attach().await;
    let Some(Update::Snapshot(snapshot)) = second.recv().await else { panic!("a snapshot comes first") };
    let followed = snapshot.run.unwrap();
    assert!(followed.run == run && !followed.is_finished());
    hold.let_go();
    let outcome = within("the end of the run", async {
        loop {
            let Some(Update::Events(events)) = second.recv().await else { panic!("it ended before the run") };
            let end = events.into_iter().find_map(|event| match event.kind {
                EventKind::RunFinished { outcome } if event.run.as_ref() == Some(&run) => Some(outcome),
                _ => None,
            });
            if let Some(outcome) = end {
                return outcome;
            }
        }
    });
    assert_eq!(outcome.await, RunOutcome::Succeeded);
}
