//! Who holds the state, and what a person is told of it.

use std::fs;

use retailflow_terraform::{Cause, Lock, Wish};

use crate::support::{Ear, Stack, eventually, sleepers, waiter};

#[tokio::test]
async fn a_held_state_names_its_holder_and_a_note_without_one_is_nothing() {
    let stack = Stack::ready(&waiter("slow", 0)).await;
    stack.plan().await;
    assert_eq!(stack.root.lock().unwrap(), Lock::Free);
    let at_work = stack.root.start("up.tfplan").await.unwrap();
    eventually("the lock", || matches!(stack.root.lock(), Ok(Lock::Held { .. }))).await;
    let Lock::Held { pid, ours, .. } = stack.root.lock().unwrap() else { panic!("not held") };
    assert_eq!((Some(pid), ours), (at_work.pid(), true));

    let trouble = stack.root.plan(&Ear::default(), &Wish::make("other.tfplan")).await.unwrap_err();
    assert_eq!(trouble.cause, Some(Cause::Locked), "{trouble:?}");
    let cause = &trouble.failure.causes[0];
    assert!(cause.contains(&format!("process {pid}, of this stack: `terraform apply` by ")), "{cause}");

    let raw = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(raw, rustix::process::Signal::KILL).unwrap();
    let killed = at_work.follow(&Ear::default()).await.unwrap_err();
    assert!(killed.failure.summary.contains("without saying why"), "{killed:?}");
    let Lock::Left(note) = stack.root.lock().unwrap() else { panic!("the note should be left") };
    assert_eq!(note.operation, "OperationTypeApply");
    assert!(stack.root.lock().unwrap().words().contains("nobody holds the state any more"));
    stack.plan().await;
}

#[tokio::test]
async fn a_stranger_that_holds_the_state_is_told_from_our_own() {
    let stack = Stack::standing(&sleepers(&[("a", "0")])).await;
    // Somebody works in the root's folder by hand.
    fs::write(stack.root.folder().join("more.tf"), waiter("b", 0)).unwrap();
    let mut stranger = std::process::Command::new(crate::support::terraform());
    stranger.args(["apply", "-auto-approve", "-input=false"]).current_dir(stack.root.folder());
    stranger.env("TF_CLI_CONFIG_FILE", stack.folder.path().join("terraform.rc")).env("CHECKPOINT_DISABLE", "1");
    let mut stranger = stranger.stdout(std::process::Stdio::null()).spawn().unwrap();
    eventually("the lock", || matches!(stack.root.lock(), Ok(Lock::Held { .. }))).await;
    let Lock::Held { pid, ours, .. } = stack.root.lock().unwrap() else { panic!("not held") };
    assert_eq!((pid, ours), (stranger.id(), false));
    assert!(stack.root.lock().unwrap().words().contains("RetailFlow did not start"));
    stack.go();
    assert!(stranger.wait().unwrap().success());
}
