//! Stopping a change: gently, once; and by force, if somebody insists.

use std::time::Duration;

use protocol::Code;

use crate::support::{Ear, Stack, eventually, sleepers, waiter};

/// A quick resource, one that takes until it is let go, and one that waits for it. Terraform ends a provisioner that is
/// interrupted, so the slow one fails then; that a call to the cloud is waited for instead can only be seen with a provider
/// that makes one.
fn chain() -> String {
    let mut text = sleepers(&[("first", "0")]) + &waiter("slow", 0);
    text.push_str("resource \"terraform_data\" \"after\" {\n  depends_on = [terraform_data.slow]\n}\n");
    text
}

#[tokio::test]
async fn one_interrupt_ends_it_in_order_and_a_rerun_completes() {
    let stack = Stack::ready(&chain()).await;
    stack.plan().await;
    let ear = Ear::default();
    let apply = stack.root.apply(&ear, "up.tfplan");
    let stop = async {
        ear.until_log("terraform_data.first: Creation complete").await;
        ear.until_log("terraform_data.slow: Creating").await;
        ear.stop.cancel();
    };
    let (applied, ()) = tokio::join!(apply, stop);
    let failure = applied.unwrap_err().failure;
    assert_eq!(failure.code, Some(Code::Cancelled), "{failure:?}");
    let log = ear.log();
    assert_eq!(log.matches("Interrupt received").count(), 1, "asked exactly once:\n{log}");
    assert!(!log.contains("Two interrupts received"), "{log}");
    assert!(log.contains("Waiting for terraform_data.slow"), "it says what it waits for:\n{log}");
    assert!(!log.contains("terraform_data.after: Creating"), "nothing new was begun:\n{log}");
    assert!(stack.processes().is_empty());
    assert!(stack.root.resources().contains(&"terraform_data.first".to_owned()));

    stack.go();
    let left = stack.plan().await;
    assert!(!left.contains(&"terraform_data.first".to_owned()), "what was finished is kept: {left:?}");
    stack.root.apply(&Ear::default(), "up.tfplan").await.unwrap();
    assert!(stack.plan().await.is_empty());
}

#[tokio::test]
async fn a_plan_that_is_stopped_goes_at_once() {
    let stack = Stack::standing(&sleepers(&[("a", "0")])).await;
    let ear = Ear::default();
    ear.stop.cancel();
    let failure = stack.root.plan(&ear, &retailflow_terraform::Wish::make("up.tfplan")).await.unwrap_err().failure;
    assert_eq!(failure.code, Some(Code::Cancelled));
    assert!(stack.processes().is_empty(), "it went, with its providers");
}

#[tokio::test]
async fn whoever_stops_listening_leaves_it_at_work_and_can_insist() {
    let stack = Stack::ready(&waiter("slow", 0)).await;
    stack.plan().await;
    let ear = Ear::default();
    tokio::select! {
        _ = stack.root.apply(&ear, "up.tfplan") => panic!("it should be at work"),
        () = ear.until_log("slow: Creating") => {}
    }
    let again = stack.root.start("up.tfplan").await.map(drop).unwrap_err();
    assert_eq!(again.failure.code, Some(Code::Busy), "one at a time");
    let at_work = stack.root.at_work().unwrap().unwrap();
    assert_eq!(at_work.verb(), "apply");
    at_work.force().unwrap();
    let words = Ear::default();
    tokio::select! {
        ended = stack.root.at_work().unwrap().unwrap().follow(&words) => {
            assert_eq!(ended.unwrap_err().failure.code, Some(Code::Cancelled));
        }
        () = tokio::time::sleep(Duration::from_mins(1)) => panic!("it did not end"),
    }
    eventually("an end", || stack.processes().is_empty()).await;
    assert!(stack.root.at_work().unwrap().is_none());
}

#[tokio::test]
async fn what_is_stopped_before_it_begins_does_not_begin() {
    let stack = crate::support::pretender("exit 1");
    let ear = Ear::default();
    ear.stop.cancel();
    let failure = stack.root.apply(&ear, "any.tfplan").await.unwrap_err().failure;
    assert_eq!(failure.code, Some(Code::Cancelled));
    assert!(!stack.root.folder().join("runs").exists());
}

#[tokio::test]
async fn one_that_was_interrupted_is_not_interrupted_again_by_a_successor() {
    // It takes its first interrupt calmly and would die of a second, as Terraform does.
    let script = r#"asked=0
trap 'asked=$((asked+1)); if [ $asked = 2 ]; then echo twice; exit 1; fi; echo "{\"@message\":\"Interrupt received.\",\"type\":\"log\"}"' INT
echo '{"@message":"Terraform","type":"version","terraform":"1.11.4","ui":"1.2"}'
while [ ! -e ../../go ]; do sleep 0.1; done
echo '{"@message":"done","type":"change_summary","changes":{"add":1,"change":0,"remove":0,"operation":"apply"}}'"#;
    let stack = crate::support::pretender(script);
    let (first, second) = (Ear::default(), Ear::default());
    let at_work = stack.root.start("any.tfplan").await.unwrap();
    eventually("the trap", || {
        std::fs::read_to_string(stack.root.folder().join("runs/0001-apply.jsonl"))
            .is_ok_and(|text| text.contains("version"))
    })
    .await;
    first.stop.cancel();
    tokio::select! {
        _ = at_work.follow(&first) => panic!("it should be at work"),
        () = first.until_log("Interrupt received") => {}
    }
    second.stop.cancel();
    let at_work = stack.root.at_work().unwrap().unwrap();
    // Polled in this order: it has read what there is, and done what it would about the wish to stop, before it is let go.
    let (ended, ()) = tokio::join!(at_work.follow(&second), async { stack.go() });
    let summary = ended.unwrap();
    assert_eq!(summary.add, 1, "all of it was done, so it succeeded");
    assert!(!second.log().contains("twice") && !second.log().contains("was asked to stop"), "{}", second.log());
}
