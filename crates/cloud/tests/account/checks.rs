//! Looking at the account before anything is made in it.

use cloud::checks::{ACTIONS, Wanted, checks};
use protocol::aws::HostSizes;
use protocol::{Check, CheckStatus};
use serde_json::json;

use crate::rig::Rig;

fn wanted(hosts: &HostSizes) -> Wanted<'_> {
    Wanted { stack: Some("shop"), known: false, hosts }
}

fn status(checks: &[Check], id: &str) -> (CheckStatus, String) {
    let found = checks.iter().find(|check| check.id == id).unwrap_or_else(|| panic!("no {id}: {checks:#?}"));
    (found.status, format!("{} {}", found.detail, found.hint.clone().unwrap_or_default()))
}

#[tokio::test]
async fn an_account_with_room_passes_and_one_without_a_permission_does_not() {
    let rig = Rig::start();
    let found = checks(&rig.session().await, wanted(&HostSizes::default())).await;
    assert!(found.iter().all(|check| check.status == CheckStatus::Passed), "{found:#?}");
    let ids: Vec<&str> = found.iter().map(|check| check.id.as_str()).collect();
    assert_eq!(ids, ["identity", "region", "permissions", "host-types", "vcpus", "vpcs", "tunnels", "name"]);
    rig.set("decisions", &json!({ "ec2:RunInstances": "explicitDeny" })).await;
    let (found, words) = status(&checks(&rig.session().await, wanted(&HostSizes::default())).await, "permissions");
    assert_eq!(found, CheckStatus::Failed, "{words}");
    assert!(words.contains("ec2:RunInstances"), "{words}");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let rig = Rig::start();
    rig.make_stack("stack", "shop").await;
    rig.make_stack("stack", "other").await;
    rig.set("quotas", &json!({ "L-1216C47A": 9, "L-F678F1CE": 2 })).await;
    let hosts = HostSizes { metabase: "t9.huge".into(), ..HostSizes::default() };
    let found = checks(&rig.session().await, wanted(&hosts)).await;
    for (id, word) in [("host-types", "t9.huge"), ("name", "taken"), ("vpcs", "of 2")] {
        let (found, words) = status(&found, id);
        assert_eq!(found, CheckStatus::Failed, "{id}: {words}");
        assert!(words.contains(word), "{id}: {words}");
    }
    let known = Wanted { known: true, ..wanted(&hosts) };
    assert_eq!(status(&checks(&rig.session().await, known).await, "name").0, CheckStatus::Passed);

    let plain = HostSizes::default();
    let (found, words) = status(&checks(&rig.session().await, wanted(&plain)).await, "vcpus");
    // Four hosts of two, and the neighbour's one of two; the stack's own does not count twice.
    assert_eq!(found, CheckStatus::Failed, "{words}");
    assert!(words.contains("8 needed, 2 of 9 in use"), "{words}");
}

#[tokio::test]
async fn a_region_that_is_not_and_a_session_that_is_over_fail() {
    let rig = Rig::start();
    let nowhere = rig.session_in("eu-nowhere-1").await;
    let found = checks(&nowhere, wanted(&HostSizes::default())).await;
    let (state, words) = status(&found, "region");
    assert_eq!(state, CheckStatus::Failed, "{words}");
    rig.order(&json!({ "service": "sts", "kind": "expired", "times": -1 })).await;
    let found = checks(&rig.session().await, wanted(&HostSizes::default())).await;
    assert_eq!(found.len(), 1, "nothing else is asked: {found:#?}");
    assert_eq!(found[0].status, CheckStatus::Failed);
}

#[tokio::test]
async fn every_action_that_is_called_is_one_that_is_checked() {
    let rig = Rig::start();
    rig.make_stack("stack", "shop").await;
    rig.ask("DELETE", "/rig/calls", &serde_json::Value::Null).await;
    crate::sweep::swept(&rig, std::time::Duration::from_mins(2)).await.unwrap();
    checks(&rig.session().await, wanted(&HostSizes::default())).await;
    // Only to look, or to remove what no stack has any more.
    let besides = [
        "sts:GetCallerIdentity",
        "iam:SimulatePrincipalPolicy",
        "ec2:ReleaseAddress",
        "ec2:DeleteKeyPair",
        "ec2:DeleteLaunchTemplate",
    ];
    let known: Vec<&str> = ACTIONS.lines().chain(besides).collect();
    let mut unknown: Vec<String> =
        rig.calls().await.into_iter().map(|call| call.replace("monitoring:", "cloudwatch:")).collect();
    unknown.retain(|call| {
        !known.contains(&call.as_str()) && !call.starts_with("servicequotas:") && !call.starts_with(':')
    });
    unknown.sort();
    unknown.dedup();
    assert_eq!(unknown, Vec::<String>::new());
}
