//! Services that end, beside runs that start and stop them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::Step;
use protocol::Operation;
use protocol::service::StackState;
use target::Service;

use crate::scripted::{Hold, Looks, Scripted, Serves, Sleeper, Stack, within};

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(what, waiting).await;
}

/// A stack with one service that runs, watched over by an agent.
async fn serving(
    stack: &Stack,
    hold: &Arc<Hold>,
) -> (Arc<Sleeper>, tokio::task::JoinHandle<Result<(), protocol::Failure>>) {
    let sleeper = Sleeper::new(&stack.folder, hold);
    let service: Arc<dyn Service> = sleeper.clone();
    let steps: Vec<Arc<dyn Step>> = vec![Arc::new(Serves(service.clone()))];
    let agent = stack.agent(Scripted { steps, services: vec![service], ..Scripted::default() }).await;
    stack.start(Operation::Up).await.unwrap();
    (sleeper, agent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_being_started_again_when_the_stack_goes_is_gone_with_it() {
    let stack = Stack::new();
    // `up` passes; from then on, whoever starts it stands still.
    let hold = Hold::closed();
    let begun = tokio::spawn({
        let hold = hold.clone();
        async move {
            hold.reached().await;
            hold.let_go();
        }
    });
    let (sleeper, agent) = serving(&stack, &hold).await;
    begun.await.unwrap();
    stack.until_idle().await;
    assert_eq!(sleeper.living().len(), 1);
    hold.close();
    sleeper.end();
    hold.reached().await;
    // It is being started again right now. The teardown waits for that, and then takes it down.
    let (started, ()) = tokio::join!(stack.start(Operation::Down), async {
        within("the teardown's claim", async {
            while stack.snapshot().await.state != StackState::Busy {
                tokio::task::yield_now().await;
            }
        })
        .await;
        // One that did not wait would have begun long before so many questions are answered.
        for _ in 0..30 {
            stack.snapshot().await;
        }
        assert_eq!(std::fs::read_dir(stack.folder.runs()).unwrap().count(), 1, "it must not have begun");
        hold.let_go();
    });
    started.unwrap();
    within("the agent's end", agent).await.unwrap().unwrap();
    assert!(sleeper.living().is_empty(), "{:?}", sleeper.living());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_ends_is_started_again_once_and_counted() {
    let stack = Stack::new();
    let hold = Hold::open();
    let (sleeper, _agent) = serving(&stack, &hold).await;
    stack.until_idle().await;
    let first = sleeper.living();
    sleeper.end();
    until("another process", || sleeper.living().first().is_some_and(|now| now.pid != first[0].pid)).await;
    assert_eq!(sleeper.living().len(), 1);
    within("its count", async {
        while stack.snapshot().await.services[0].restarts != 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_started_after_the_look_has_not_ended() {
    let stack = Stack::new();
    let sleeper = Sleeper::new(&stack.folder, &Hold::open());
    let service: Arc<dyn Service> = sleeper.clone();
    let looks = Arc::new(Looks::default());
    let steps: Vec<Arc<dyn Step>> = vec![Arc::new(Serves(service.clone()))];
    let _agent = stack.agent(Scripted { steps, services: vec![service], looks: looks.clone() }).await;
    stack.start(Operation::Up).await.unwrap();
    stack.until_idle().await;
    let first = sleeper.living();
    looks.early.store(true, Ordering::Relaxed);
    until("a look", || !looks.early.load(Ordering::Relaxed)).await;
    // What came of it shows in the second look after it at the latest.
    let so_far = looks.made.load(Ordering::Relaxed);
    until("three more", || looks.made.load(Ordering::Relaxed) > so_far + 3).await;
    assert_eq!(stack.snapshot().await.services[0].restarts, 0);
    assert_eq!(sleeper.living(), first);
}
