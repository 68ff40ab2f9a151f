//! The agent is killed in the middle of a change: Terraform goes on, and a new agent finds it and learns the truth.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use protocol::ResourceAction;

use crate::support::{Ear, Stack, eventually, root_of, sleepers, terraform, waiter};

/// Names the stack to the process that plays an agent.
const STACK: &str = "RETAILFLOW_TEST_STACK";

/// Not a test: the agent that the others kill. It is this very program, started again.
#[tokio::test]
#[ignore = "played by the tests beside it"]
async fn an_agent() {
    let Some(stack) = std::env::var_os(STACK).map(PathBuf::from) else { return };
    let root = root_of(&stack, terraform());
    let _ = root.apply(&Ear::default(), "up.tfplan").await;
    std::fs::write(stack.join("told"), "").unwrap();
}

fn start_agent(stack: &Stack) -> Child {
    let mut agent = Command::new(std::env::current_exe().unwrap());
    agent.args(["--exact", "killed::an_agent", "--ignored", "--nocapture"]).env(STACK, stack.folder.path());
    agent.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// What the change at work has written so far.
fn output(stack: &Stack) -> String {
    std::fs::read_to_string(stack.root.folder().join("runs/0001-apply.jsonl")).unwrap_or_default()
}

fn note_file(stack: &Stack) -> PathBuf {
    stack.root.folder().join("runs/at-work.json")
}

/// The note of the change at work; it is replaced as a whole.
fn note(stack: &Stack) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(note_file(stack)).unwrap()).unwrap()
}

#[tokio::test]
async fn a_change_outlives_its_agent_and_a_successor_follows_it() {
    let stack = Stack::ready(&(sleepers(&[("quick", "0")]) + &waiter("slow", 0))).await;
    stack.plan().await;
    let mut agent = start_agent(&stack);
    eventually("a resource in flight", || output(&stack).contains("terraform_data.slow: Creating")).await;
    eventually("the first resource", || output(&stack).contains("terraform_data.quick: Creation complete")).await;
    let output_so_far = output(&stack);
    let told = output_so_far.find("terraform_data.quick: Creation complete").unwrap();
    let told = told + output_so_far[told..].find('\n').unwrap();
    // The agent must have told of it, so that the successor need not.
    eventually("the agent's note", || note(&stack)["told"].as_u64() > Some(told as u64)).await;
    agent.kill().unwrap();
    agent.wait().unwrap();

    let ear = Ear::default();
    let at_work = stack.root.at_work().unwrap().expect("it goes on");
    assert!(stack.processes().contains(&at_work.pid().unwrap()));
    stack.go();
    let summary = at_work.follow(&ear).await.unwrap();
    assert_eq!(summary.add, 2);
    assert_eq!(ear.resources(ResourceAction::Created), ["terraform_data.slow"], "what was told is not told again");
    assert_eq!(ear.progress().last().map(|told| (told.0, told.1)), Some((2, Some(2))), "but it counts");
    assert!(stack.root.at_work().unwrap().is_none());
    assert!(stack.plan().await.is_empty(), "all of it is in the state");
}

#[tokio::test]
async fn a_change_that_ended_meanwhile_is_told_by_the_successor() {
    let stack = Stack::ready(&waiter("bad", 3)).await;
    stack.plan().await;
    let mut agent = start_agent(&stack);
    eventually("a resource in flight", || output(&stack).contains("terraform_data.bad: Creating")).await;
    agent.kill().unwrap();
    agent.wait().unwrap();
    stack.go();
    eventually("the end", || stack.processes().is_empty()).await;

    let at_work = stack.root.at_work().unwrap().expect("its end was told to nobody");
    assert_eq!(at_work.pid(), None);
    let trouble = at_work.follow(&Ear::default()).await.unwrap_err();
    assert!(trouble.failure.causes[0].contains("local-exec provisioner error"), "{trouble:?}");
    assert!(stack.root.at_work().unwrap().is_none(), "now it was told");
}

#[tokio::test]
async fn an_agent_killed_before_it_noted_the_process_is_no_loss() {
    let stack = Stack::ready(&waiter("slow", 0)).await;
    stack.plan().await;
    let at_work = stack.root.start("up.tfplan").await.unwrap();
    let pid = at_work.pid();
    drop(at_work);
    let mut record = note(&stack);
    record["pid"] = serde_json::Value::Null;
    std::fs::write(note_file(&stack), record.to_string()).unwrap();
    let found = stack.root.at_work().unwrap().unwrap();
    assert_eq!(found.pid(), pid, "Terraform itself, not its provisioner");
    stack.go();
    assert_eq!(found.follow(&Ear::default()).await.unwrap().add, 1);
}

#[tokio::test]
async fn one_that_was_noted_and_never_started_is_forgotten() {
    let stack = Stack::ready(&sleepers(&[("a", "0")])).await;
    let runs = stack.root.folder().join("runs");
    std::fs::create_dir_all(&runs).unwrap();
    let output = runs.join("0001-apply.jsonl");
    std::fs::write(&output, "").unwrap();
    let record = serde_json::json!({"verb": "apply", "root": "demo", "output": output, "began": "2026-11-23T10:00:00Z", "pid": null, "told": 0});
    std::fs::write(runs.join("at-work.json"), record.to_string()).unwrap();
    assert!(stack.root.at_work().unwrap().is_none());
    assert!(!runs.join("at-work.json").exists());
}

#[tokio::test]
async fn a_look_that_lost_its_agent_is_ended() {
    // The number of the agent is one that no process has.
    let stack = crate::support::pretender("sleep 30 & sleep 30");
    let (name, value) = stack.mark("terraform:demo/plan.4194304.0").variable();
    let mut orphan = Command::new("/bin/sh");
    let mut orphan = orphan.args(["-c", "sleep 30 & sleep 30"]).env(name, value).spawn().unwrap();
    eventually("the orphan", || stack.processes().len() == 3).await;
    assert!(stack.root.at_work().unwrap().is_none());
    orphan.wait().unwrap();
    assert!(stack.processes().is_empty());
}
