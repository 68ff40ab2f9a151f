//! How much of its past a stack keeps.

use std::time::Duration;

use engine::journal;
use protocol::{Keep, Operation};

use crate::scripted::{Hold, Scripted, Stack, Talker, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_runs_the_newest_are_kept_and_the_first() {
    let stack = Stack::that_keeps(Keep { runs: 2, ..Keep::default() });
    stack.agent(Scripted { steps: vec![Talker::step("a", &Hold::open())], ..Scripted::default() }).await;
    let mut begun = Vec::new();
    for _ in 0..5 {
        begun.push(stack.start(Operation::Refresh).await.unwrap());
        stack.until_idle().await;
    }
    let kept = journal::all_runs(&stack.folder.runs()).unwrap();
    assert_eq!(kept, [&begun[4], &begun[3], &begun[0]].map(Clone::clone));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_grew_too_long_is_put_aside() {
    let stack = Stack::that_keeps(Keep { log_megabytes: 1, ..Keep::default() });
    let log = stack.folder.service_log("chatty");
    std::fs::create_dir_all(stack.folder.logs()).unwrap();
    std::fs::write(&log, vec![b'x'; (1 << 20) + 1]).unwrap();
    stack.agent(Scripted::default()).await;
    within("its cut", async {
        while std::fs::metadata(&log).unwrap().len() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(std::fs::metadata(log.with_extension("log.1")).unwrap().len(), (1 << 20) + 1);
}
