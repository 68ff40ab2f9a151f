//! Sweeping: everything of the stack goes, and nothing of anybody else.

use std::pin::Pin;
use std::time::Duration;

use cloud::sweep::{Kind, Told, find, in_words, prove, sweep};
use protocol::Failure;
use serde_json::json;
use tokio::sync::Notify;

use crate::rig::Rig;

const PATIENCE: Duration = Duration::from_mins(2);

/// In seconds: longer than any test.
const HOUR: u32 = 3600;

/// Sweeps `shop`; gives what was removed and what was waited for.
///
/// Once it waits, an hour passes in the account.
pub(crate) async fn swept(rig: &Rig, patience: Duration) -> Result<(Vec<String>, Vec<String>), Failure> {
    let (mut removed, mut waited) = (Vec::new(), Vec::new());
    let waits = Notify::new();
    let tell = |told: Told| match told {
        Told::Removed(leftover) => removed.push(format!("{:?} {leftover}", leftover.kind)),
        Told::Waits(left) => {
            waited.push(in_words(&left));
            waits.notify_one();
        }
    };
    let session = rig.session().await;
    // Whoever sweeps does so in a task that may be moved between threads.
    let sweeping: Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + '_>> =
        Box::pin(sweep(&session, "shop", patience, tell));
    let passing = async {
        waits.notified().await;
        rig.set("ahead", &json!(HOUR)).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        swept = sweeping => swept?,
        () = passing => {}
    }
    Ok((removed, waited))
}

/// An account with a neighbour whose name begins alike, and with things made by hand that are named as a stack's are.
async fn neighbourhood() -> (Rig, Vec<String>) {
    let rig = Rig::start();
    rig.make_stack("stack", "shop-2").await;
    rig.make("strangers", "shop");
    let before = rig.remains().await;
    assert!(before.len() > 30, "{before:#?}");
    (rig, before)
}

#[tokio::test]
async fn everything_of_the_stack_goes_and_nothing_else() {
    let (rig, before) = neighbourhood().await;
    rig.make_stack("stack", "shop").await;
    rig.set("interface_seconds", &json!(HOUR)).await;
    let session = rig.session().await;

    let found = find(&session, "shop").await.unwrap();
    let missing: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| found.iter().all(|left| left.kind != *kind)).collect();
    assert!(missing.is_empty(), "not found: {missing:?}");
    let proof = prove(&session, "shop").await.unwrap();
    assert_eq!(proof.len(), Kind::ALL.len());
    assert!(proof.iter().all(|item| !item.gone), "{proof:#?}");

    let (removed, waited) = swept(&rig, PATIENCE).await.unwrap();
    assert!(removed.iter().any(|line| line.starts_with("Vpc vpc-")), "{removed:#?}");
    assert!(waited.iter().any(|words| words.contains("held by Lambda")), "{waited:#?}");
    assert_eq!(rig.remains().await, before);
    let proof = prove(&session, "shop").await.unwrap();
    assert!(proof.iter().all(|item| item.gone), "{proof:#?}");

    let (removed, _) = swept(&rig, PATIENCE).await.unwrap();
    assert_eq!(removed, Vec::<String>::new(), "a second sweep finds nothing to do");
    let neighbours = find(&session, "shop-2").await.unwrap();
    assert!(Kind::ALL.iter().all(|kind| neighbours.iter().any(|left| left.kind == *kind)), "the neighbour is whole");
}

#[tokio::test]
async fn a_sweep_that_was_dropped_anywhere_goes_on_from_there() {
    let (rig, before) = neighbourhood().await;
    rig.make_stack("stack", "shop").await;
    for calls in [5, 20, 60] {
        let enough = rig.calls().await.len() + calls;
        tokio::select! {
            _ = swept(&rig, PATIENCE) => panic!("it was to be cut off"),
            () = calls_made(&rig, enough) => {}
        }
    }
    swept(&rig, PATIENCE).await.unwrap();
    assert_eq!(rig.remains().await, before);
}

async fn calls_made(rig: &Rig, enough: usize) {
    while rig.calls().await.len() < enough {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn in_another_region_nothing_is_found_but_what_is_the_accounts() {
    let rig = Rig::start();
    rig.make_stack("stack", "shop").await;
    let found = find(&rig.session_in("us-east-1").await, "shop").await.unwrap();
    assert!(found.iter().all(|left| matches!(left.kind, Kind::Role | Kind::Profile)), "{found:#?}");
    assert!(!found.is_empty());
}

#[tokio::test]
async fn what_is_only_named_as_the_stacks_things_are_is_somebody_elses() {
    let rig = Rig::start();
    rig.make_stack("namesakes", "shop").await;
    let before = rig.remains().await;
    assert!(before.len() > 30, "{before:#?}");
    let (removed, _) = swept(&rig, PATIENCE).await.unwrap();
    assert_eq!(removed, Vec::<String>::new());
    assert_eq!(rig.remains().await, before);
}
