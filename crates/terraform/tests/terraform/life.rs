//! From nothing to nothing, as a person would wish it.

use std::fs;
use std::time::Duration;

use protocol::{ChangeAction, Failure, ResourceAction};
use retailflow_terraform::{Cause, Changes, Reason, Wish};
use serde_json::json;

use crate::support::{Ear, Stack, sleepers};

const TWO: &str = r#"
variable "size" { type = number }
resource "terraform_data" "host" { input = var.size }
resource "terraform_data" "service" {
  triggers_replace = [var.size]
  lifecycle { create_before_destroy = true }
}
output "size" { value = terraform_data.host.output }
"#;

fn set_size(stack: &Stack, size: u32) {
    stack.root.set_variables(json!({"size": size}).as_object().unwrap()).unwrap();
}

/// A step's future must be.
fn sendable<T>(future: impl Future<Output = T> + Send) -> impl Future<Output = T> + Send {
    future
}

#[tokio::test]
async fn a_root_is_made_changed_looked_at_and_removed() {
    let stack = Stack::ready(TWO).await;
    set_size(&stack, 1);
    assert_eq!(stack.plan().await, ["terraform_data.host", "terraform_data.service"]);
    assert!(!stack.state().exists(), "a plan makes nothing");
    let ear = Ear::default();
    let summary = sendable(stack.root.apply(&ear, "up.tfplan")).await.unwrap();
    assert_eq!((summary.add, summary.change, summary.remove), (2, 0, 0));
    assert_eq!(ear.resources(ResourceAction::Created), ["terraform_data.host", "terraform_data.service"]);
    assert_eq!(ear.progress().last().map(|told| (told.0, told.1)), Some((2, Some(2))));
    assert_eq!(stack.root.outputs().await.unwrap()["size"], 1);
    assert_eq!(stack.root.resources(), ["terraform_data.host", "terraform_data.service"]);
    assert!(stack.plan().await.is_empty(), "a second plan finds nothing to do");

    set_size(&stack, 2);
    let changes = stack.root.plan(&Ear::default(), &Wish::make("up.tfplan")).await.unwrap();
    let host = &changes.planned[0];
    assert_eq!(
        (host.action, host.attributes.as_slice()),
        (ChangeAction::Update, &["input".into(), "output".into()][..])
    );
    let service = &changes.planned[1];
    assert_eq!((service.action, &service.reason), (ChangeAction::Replace, &Some(Reason::CannotUpdate)));
    assert_eq!(service.forced_by, ["triggers_replace"]);
    assert_eq!(changes.outputs, ["size"]);
    let summary = stack.root.apply(&Ear::default(), "up.tfplan").await.unwrap();
    assert_eq!((summary.add, summary.change, summary.remove), (1, 1, 1));

    let ear = Ear::default();
    assert_eq!(stack.root.destroy(&ear).await.unwrap().unwrap().remove, 2);
    assert_eq!(ear.resources(ResourceAction::Removed), ["terraform_data.host", "terraform_data.service"]);
    assert!(stack.root.resources().is_empty());
    assert_eq!(stack.root.destroy(&Ear::default()).await, Ok(None), "removed twice");
    let copies = fs::read_dir(stack.root.folder().join("state")).unwrap().count();
    assert!(copies >= 3, "before the change, before the removal, and the latest: {copies}");
    assert!(stack.processes().is_empty());
}

/// What a plan would do to resources, without attributes.
fn outline(changes: &Changes) -> Vec<(&str, ChangeAction, Option<&Reason>)> {
    let mut planned: Vec<_> =
        changes.planned.iter().map(|one| (one.address.as_str(), one.action, one.reason.as_ref())).collect();
    planned.sort_by_key(|one| one.0);
    planned
}

async fn assert_an_outline_is_enough(stack: &Stack, wish: Wish) -> usize {
    let whole = stack.root.plan(&Ear::default(), &wish).await.unwrap();
    let told = stack.root.plan(&Ear::default(), &wish.in_outline()).await.unwrap();
    assert_eq!(told.is_empty(), whole.is_empty());
    assert_eq!(outline(&told), outline(&whole));
    assert_eq!(told.outputs, whole.outputs);
    whole.planned.len()
}

#[tokio::test]
async fn an_outline_says_which_resources_change_and_how() {
    let stack = Stack::ready(TWO).await;
    set_size(&stack, 1);
    assert_eq!(assert_an_outline_is_enough(&stack, Wish::make("up.tfplan")).await, 2);
    stack.root.apply(&Ear::default(), "up.tfplan").await.unwrap();
    assert_eq!(assert_an_outline_is_enough(&stack, Wish::make("up.tfplan")).await, 0);
    set_size(&stack, 2);
    assert_eq!(assert_an_outline_is_enough(&stack, Wish::make("up.tfplan")).await, 2);
    let fewer = "variable \"size\" { type = number }\nresource \"terraform_data\" \"host\" { input = 1 }\n";
    fs::write(stack.root.folder().join("main.tf"), fewer).unwrap();
    assert_eq!(assert_an_outline_is_enough(&stack, Wish::make("up.tfplan")).await, 1, "one is named no longer");
    assert_eq!(assert_an_outline_is_enough(&stack, Wish::remove("up.tfplan")).await, 2);
}

#[tokio::test]
async fn a_saved_plan_is_what_is_applied_and_a_stale_one_is_not() {
    let stack = Stack::ready(TWO).await;
    set_size(&stack, 1);
    stack.root.plan(&Ear::default(), &Wish::make("reviewed.tfplan")).await.unwrap();
    let reviewed = stack.root.changes("reviewed.tfplan").await.unwrap();
    set_size(&stack, 7);
    stack.root.apply(&Ear::default(), "reviewed.tfplan").await.unwrap();
    assert_eq!(stack.root.outputs().await.unwrap()["size"], 1, "what was reviewed, not what is wished since");
    assert_eq!(reviewed.planned.len(), 2);

    let trouble = stack.root.apply(&Ear::default(), "reviewed.tfplan").await.unwrap_err();
    assert_eq!(trouble.cause, Some(Cause::StalePlan), "{trouble:?}");
    assert!(Failure::from(trouble).hint.unwrap().contains("new plan"));
}

#[tokio::test]
async fn what_takes_time_is_told_with_its_seconds() {
    let stack = Stack::ready(&sleepers(&[("slow", "4"), ("quick", "0")])).await;
    stack.plan().await;
    let ear = Ear::default();
    stack.root.apply(&ear, "up.tfplan").await.unwrap();
    let words: Vec<String> = ear.progress().into_iter().map(|told| told.2).collect();
    assert!(
        words.iter().any(|words| words.starts_with("Creating terraform_data.slow (") && words.ends_with(" s)")),
        "{words:#?}"
    );
    assert!(ear.progress().contains(&(2, Some(2), "Saving the state".to_owned())));
}

#[tokio::test]
async fn an_error_of_the_configuration_says_where() {
    let stack = Stack::ready("resource \"terraform_data\" \"a\" {\n  input = var.missing\n}\n").await;
    let trouble = stack.root.plan(&Ear::default(), &Wish::make("up.tfplan")).await.unwrap_err();
    assert_eq!(trouble.failure.summary, "`terraform plan` failed");
    assert!(trouble.failure.causes[0].contains("undeclared input variable"), "{trouble:?}");
    assert!(!stack.root.folder().join("up.tfplan").exists());
}

#[tokio::test]
async fn a_resource_that_fails_is_named_and_the_rest_is_kept() {
    let failing = "resource \"terraform_data\" \"bad\" {\n  depends_on = [terraform_data.good]\n  provisioner \"local-exec\" {\n    command = \"echo no space left on device >&2; exit 3\"\n  }\n}\n";
    let stack = Stack::ready(&format!("{}{failing}", sleepers(&[("good", "0")]))).await;
    stack.plan().await;
    let trouble = stack.root.apply(&Ear::default(), "up.tfplan").await.unwrap_err();
    assert_eq!(trouble.failure.summary, "The disk is full", "{trouble:?}");
    assert!(trouble.failure.causes[0].starts_with("terraform_data.bad: local-exec provisioner error"), "{trouble:?}");
    assert_eq!(stack.root.tainted(), ["terraform_data.bad"]);
    let changes = stack.root.plan(&Ear::default(), &Wish::make("up.tfplan")).await.unwrap();
    assert_eq!(changes.planned.len(), 1);
    assert_eq!(changes.planned[0].reason, Some(Reason::Tainted));
    assert!(stack.root.at_work().unwrap().is_none(), "its end was told");
}

#[tokio::test]
async fn what_the_users_shell_says_does_not_count() {
    let stack = Stack::ready(&sleepers(&[("a", "0")])).await;
    let log = stack.folder.path().join("shell.log");
    let pretend = format!("env > {}; exec {} \"$@\"", log.display(), crate::support::terraform().display());
    let program = stack.folder.path().join("logged");
    fs::write(&program, format!("#!/bin/sh\n{pretend}\n")).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let root = crate::support::root_of(stack.folder.path(), program).patient(Duration::from_mins(1));
    root.plan(&Ear::default(), &Wish::make("up.tfplan")).await.unwrap();
    let environment = fs::read_to_string(log).unwrap();
    for line in ["TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "TF_INPUT=0", "TZ=UTC", "LC_ALL=C"] {
        assert!(environment.lines().any(|found| found == line), "{line} is not in {environment}");
    }
    // What cargo tells its tests is as good as any other word of a shell's.
    assert!(std::env::vars().any(|(name, _)| name.starts_with("CARGO")));
    assert!(!environment.lines().any(|line| line.starts_with("CARGO")), "{environment}");
}
