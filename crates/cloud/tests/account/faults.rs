//! Sweeping when AWS does not do as it is asked.

use std::time::Duration;

use cloud::sweep::prove;
use serde_json::json;

use crate::rig::Rig;
use crate::sweep::swept;

const PATIENCE: Duration = Duration::from_mins(3);

async fn stack() -> Rig {
    let rig = Rig::start();
    rig.make_stack("stack", "shop").await;
    rig
}

#[tokio::test]
async fn every_call_throttled_once_and_every_answer_lost_once_is_made_up_for() {
    for kind in ["throttle", "lost"] {
        let rig = stack().await;
        rig.order(&json!({ "kind": kind, "each": true })).await;
        swept(&rig, PATIENCE).await.unwrap();
        assert_eq!(rig.remains().await, Vec::<String>::new(), "after {kind}");
    }
}

#[tokio::test]
async fn a_denied_action_is_one_clear_failure_and_all_else_goes() {
    let rig = stack().await;
    rig.order(&json!({ "service": "iam", "action": "DeleteRole", "kind": "denied", "times": -1 })).await;
    let failure = swept(&rig, PATIENCE).await.unwrap_err();
    assert!(failure.causes[0].starts_with("Roles: shop-"), "{failure:#?}");
    assert!(failure.hint.as_ref().unwrap().contains("permission"), "{failure:#?}");
    let left = rig.remains().await;
    assert!(!left.is_empty() && left.iter().all(|line| line.starts_with("iam role ")), "{left:#?}");
    rig.forget_faults().await;
    swept(&rig, PATIENCE).await.unwrap();
    assert_eq!(rig.remains().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_not_proved_to_be_gone() {
    let rig = Rig::start();
    rig.order(&json!({ "service": "scheduler", "kind": "denied", "times": -1 })).await;
    let session = rig.session().await;
    let proof = prove(&session, "shop").await.unwrap();
    let unseen: Vec<&str> = proof.iter().filter(|item| !item.gone).map(|item| item.what.as_str()).collect();
    assert_eq!(unseen, ["Schedules", "Schedule groups"]);
    let failure = swept(&rig, PATIENCE).await.unwrap_err();
    assert!(failure.summary.contains("could not be seen"), "{failure:#?}");
}

#[tokio::test]
async fn an_expired_session_ends_a_sweep_at_once() {
    let rig = stack().await;
    rig.order(&json!({ "action": "Delete.*", "kind": "expired", "times": -1 })).await;
    let failure = swept(&rig, PATIENCE).await.unwrap_err();
    assert!(failure.hint.as_ref().unwrap().contains("session has expired"), "{failure:#?}");
    rig.forget_faults().await;
    swept(&rig, PATIENCE).await.unwrap();
    assert_eq!(rig.remains().await, Vec::<String>::new());
}
