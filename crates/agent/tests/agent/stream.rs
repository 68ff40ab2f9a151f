//! What attached clients are told.

use std::sync::Arc;
use std::time::Duration;

use protocol::command::Update;
use protocol::{Event, Operation};
use tokio::sync::mpsc;

use crate::scripted::{Hold, Scripted, SlowDisk, Stack, Talker, within};

/// Everything that a client is told until the end, read at its own pace.
async fn told(mut updates: mpsc::Receiver<Update>, pause: Duration) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        match within("an update", updates.recv()).await {
            Some(Update::Events(more)) => events.extend(more),
            Some(Update::Snapshot(_)) => {}
            Some(Update::Ended) | None => return events,
        }
        tokio::time::sleep(pause).await;
    }
}

/// A teardown ends its agent: whoever listens is told all of it, however long the disk takes for each event.
async fn every_durable_event_is_told(delay: Duration, pause: Duration) {
    let stack = Stack::new();
    let disk = Arc::new(SlowDisk { delay, ..SlowDisk::default() });
    let steps = ["a", "b", "c"].map(|id| Talker::step(id, &Hold::open())).into();
    let agent = stack.agent_on(disk.clone(), Scripted { steps, ..Scripted::default() }).await;
    let listening = tokio::spawn(told(stack.attach().await, pause));
    stack.start(Operation::Down).await.unwrap();
    let events = listening.await.unwrap();
    let durable: Vec<String> = events
        .iter()
        .filter(|event| event.kind.is_durable())
        .map(|event| serde_json::to_string(event).unwrap())
        .collect();
    assert_eq!(durable, *disk.lines.lock().unwrap(), "with {delay:?} for each sync and {pause:?} between reads");
    assert!(durable.last().unwrap().contains("run_finished"), "{durable:#?}");
    within("the agent's end", agent).await.unwrap().unwrap();
    assert!(!stack.folder.path().exists() && !stack.folder.runtime().exists());
    assert_eq!(std::fs::read_dir(stack.home().join("stacks")).unwrap().count(), 0, "nothing is left beside it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_fast_disk() {
    every_durable_event_is_told(Duration::ZERO, Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_disk_that_takes_30_ms() {
    every_durable_event_is_told(Duration::from_millis(30), Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_disk_that_takes_80_ms() {
    every_durable_event_is_told(Duration::from_millis(80), Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_client_that_is_slow() {
    every_durable_event_is_told(Duration::from_millis(5), Duration::from_millis(120)).await;
}
