//! A stack whose sockets or whose folder somebody else took away.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use engine::Step;
use engine::process::{Found, ProcessTable};
use protocol::Operation;
use protocol::command::AgentRequest;
use protocol::snapshot::Snapshot;
use stack::StackFolder;
use stack::client::AgentClient;
use target::Service;

use crate::scripted::{Hold, Scripted, Serves, Sleeper, SlowDisk, Stack, within};

/// What a stack with one service is made of.
fn with_a_service(folder: &StackFolder) -> (Arc<Sleeper>, Scripted) {
    let sleeper = Sleeper::new(folder, &Hold::open());
    let service: Arc<dyn Service> = sleeper.clone();
    let steps: Vec<Arc<dyn Step>> = vec![Arc::new(Serves(service.clone()))];
    (sleeper, Scripted { steps, services: vec![service], ..Scripted::default() })
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(what, waiting).await;
}

fn services_of(folder: &StackFolder) -> Vec<Found> {
    ProcessTable::open().unwrap().of_stack(folder.id())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_sockets_are_made_anew_and_services_with_them() {
    let stack = Stack::new();
    let (sleeper, target) = with_a_service(&stack.folder);
    let _agent = stack.agent(target).await;
    stack.start(Operation::Up).await.unwrap();
    stack.until_idle().await;
    let first = sleeper.living();
    std::fs::remove_dir_all(stack.folder.runtime()).unwrap();
    until("the agent, at its place again", async || stack.client().listens().await).await;
    until("another process", async || sleeper.living().first().is_some_and(|now| now.pid != first[0].pid)).await;
    assert_eq!(sleeper.living().len(), 1);
    assert_eq!(stack.folder.has_runtime(), Ok(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_that_was_moved_is_the_same_stack() {
    let stack = Stack::new();
    let (sleeper, target) = with_a_service(&stack.folder);
    let agent = stack.agent(target).await;
    stack.start(Operation::Up).await.unwrap();
    stack.until_idle().await;
    let first = sleeper.living();
    let moved = stack.home().join("stacks/moved");
    std::fs::rename(stack.folder.path(), &moved).unwrap();
    within("the agent's leave", agent).await.unwrap().unwrap();
    let moved = StackFolder::new(moved);
    assert_eq!(moved.id(), stack.folder.id());
    assert_eq!(services_of(&moved), first, "what runs goes on");

    // What ran where the stack was is ended, and started again where it is.
    let (here, target) = with_a_service(&moved);
    let target = Arc::new(target);
    let successor =
        tokio::spawn(retailflow_agent::run_on(Arc::new(SlowDisk::default()), moved.clone(), move |_, _| target));
    let client = AgentClient::new(moved.clone());
    until("the successor", async || client.listens().await).await;
    until("another process", async || here.living().first().is_some_and(|now| now.pid != first[0].pid)).await;
    assert_eq!(services_of(&moved).len(), 1);
    successor.abort();
}

#[tokio::test]
async fn a_folder_that_others_can_write_to_is_no_place_for_an_agent() {
    let stack = Stack::new();
    stack.folder.make_runtime().unwrap();
    std::fs::set_permissions(stack.folder.runtime(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let asked = stack.client().ask::<Snapshot>(&AgentRequest::Snapshot(())).await.unwrap_err();
    let (_, target) = with_a_service(&stack.folder);
    let target = Arc::new(target);
    let disk = Arc::new(SlowDisk::default());
    let agent = retailflow_agent::run_on(disk, stack.folder.clone(), move |_, _| target).await.unwrap_err();
    for failure in [asked, agent] {
        assert!(failure.summary.contains("cannot be trusted") && failure.causes[0].contains("777"), "{failure:?}");
    }
    assert!(!stack.folder.agent_socket().exists());
}
