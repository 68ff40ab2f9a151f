//! What another version of RetailFlow left.

use std::sync::Arc;

use protocol::command::AgentRequest;
use protocol::{Operation, ShopConfig};
use stack::wire::{self, Hello, Reply, write_line};

use crate::scripted::{Scripted, SlowDisk, Stack};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_of_the_first_format_are_written_anew_by_an_agent_and_not_by_asking() {
    let stack = Stack::new();
    let file = stack.folder.config_file();
    let old = "format = 1\nname = \"demo\"\n\n[target]\nkind = \"sandbox\"\nseed = 7\n";
    std::fs::write(&file, old).unwrap();
    assert_eq!(stack.folder.config().unwrap().shop, ShopConfig { seed: 7, ..ShopConfig::default() });
    assert_eq!(std::fs::read_to_string(&file).unwrap(), old);
    stack.agent(Scripted::default()).await;
    assert_eq!(stack.snapshot().await.config.shop.seed, 7);
    let renewed = std::fs::read_to_string(&file).unwrap();
    assert!(renewed.starts_with("format = 2\n"), "{renewed}");
}

#[tokio::test]
async fn an_agent_that_speaks_otherwise_is_named_and_asked_for_nothing() {
    let stack = Stack::new();
    stack.folder.make_runtime().unwrap();
    let door = wire::listen(&stack.folder.agent_socket()).unwrap();
    let stranger = tokio::spawn(async move {
        loop {
            let mut connection = door.accept().await.unwrap();
            let hello = Hello { protocol: wire::PROTOCOL + 1, version: "99.0.0".into(), pid: 4711 };
            let _ = write_line(&mut connection, &Reply::Hello(hello)).await;
        }
    });
    let asked = stack.client().ask::<protocol::snapshot::Snapshot>(&AgentRequest::Snapshot(())).await.unwrap_err();
    let begun = stack.start(Operation::Up).await.unwrap_err();
    for failure in [asked, begun] {
        assert!(failure.summary.contains("another version"), "{failure:?}");
        assert!(
            failure.causes[0].contains("99.0.0") && failure.hint.unwrap().contains("(4711)"),
            "{:?}",
            failure.causes
        );
    }
    stranger.abort();
}

#[tokio::test]
async fn what_a_newer_version_journalled_is_left_to_it() {
    let stack = Stack::new();
    let run = stack.folder.runs().join("01K00000000000000000000000");
    std::fs::create_dir_all(&run).unwrap();
    std::fs::write(run.join("run.json"), "{\"version\":99}").unwrap();
    let target = Arc::new(Scripted::default());
    let disk = Arc::new(SlowDisk::default());
    let refused = retailflow_agent::run_on(disk, stack.folder.clone(), move |_, _| target).await.unwrap_err();
    assert!(refused.summary.contains("newer version"), "{refused}");
    assert_eq!(std::fs::read_dir(&run).unwrap().count(), 1, "nothing is added to it");
}
