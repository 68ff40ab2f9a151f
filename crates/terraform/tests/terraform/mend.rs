//! Mending: taking over, and a state that is damaged.

use std::fs;

use protocol::ChangeAction;
use retailflow_terraform::{Adoption, Cause, Wish};

use crate::support::{Ear, Stack, sleepers};

const COUNTED: &str = "module \"network\" {\n  source = \"./network\"\n}\nresource \"terraform_data\" \"plain\" {}\n";
const NETWORK: &str = "resource \"terraform_data\" \"zone\" {\n  for_each = toset([\"a\"])\n}\n";

fn adoption(address: &str, id: &str) -> Adoption {
    Adoption { address: address.to_owned(), id: id.to_owned() }
}

#[tokio::test]
async fn what_exists_already_is_taken_over_as_reviewed() {
    let stack = Stack::new(COUNTED);
    fs::create_dir(stack.root.folder().join("network")).unwrap();
    fs::write(stack.root.folder().join("network/main.tf"), NETWORK).unwrap();
    stack.root.init(&Ear::default(), "1").await.unwrap();
    let zone = "module.network.terraform_data.zone[\"a\"]";
    stack.root.adopt(&[adoption(zone, "zone-1"), adoption("terraform_data.plain", "plain-1")]).unwrap();
    let changes = stack.root.plan(&Ear::default(), &Wish::make("up.tfplan")).await.unwrap();
    assert_eq!(changes.planned.len(), 2);
    assert!(changes.planned.iter().all(|change| change.action == ChangeAction::Import), "{changes:?}");
    let summary = stack.root.apply(&Ear::default(), "up.tfplan").await.unwrap();
    assert_eq!((summary.import, summary.add), (2, 0));
    stack.root.adopt(&[]).unwrap();
    assert!(stack.plan().await.is_empty());
    let mut resources = stack.root.resources();
    resources.sort_unstable();
    assert_eq!(resources, [zone, "terraform_data.plain"]);
}

#[tokio::test]
async fn a_state_cut_off_is_noticed_before_anything_is_done_and_restored() {
    let stack = Stack::standing(&sleepers(&[("a", "0"), ("b", "0")])).await;
    let whole = fs::read(stack.state()).unwrap();
    for length in [0, 1, whole.len() / 2, whole.len() - 3] {
        fs::write(stack.state(), &whole[..length]).unwrap();
        let trouble = stack.root.plan(&Ear::default(), &Wish::make("up.tfplan")).await.unwrap_err();
        assert_eq!(trouble.cause, Some(Cause::StateDamaged), "cut to {length}: {trouble:?}");
        assert!(trouble.failure.hint.unwrap().contains("latest.tfstate (2 resources)"));
        stack.root.restore_state().unwrap().unwrap();
        assert!(stack.plan().await.is_empty(), "cut to {length}: nothing is made a second time");
    }
    fs::remove_file(stack.state()).unwrap();
    assert_eq!(stack.root.check_state().unwrap_err().cause, Some(Cause::StateDamaged));
    stack.root.restore_state().unwrap().unwrap();
    assert!(stack.plan().await.is_empty());
}
