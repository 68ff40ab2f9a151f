//! Watching a stack.

use cloud::watch;
use protocol::service::Health;
use serde_json::{Value, json};

use crate::rig::Rig;

async fn health(rig: &Rig, name: &str) -> (Health, String) {
    let found = watch::statuses(&rig.session().await, "shop").await.unwrap();
    let service = found.into_iter().find(|service| service.name == name).unwrap();
    (service.health, service.detail)
}

#[tokio::test]
async fn services_are_as_well_as_their_tasks() {
    let rig = Rig::start();
    let nothing = watch::statuses(&rig.session().await, "shop").await.unwrap();
    assert_eq!(nothing.len(), 9, "{nothing:#?}");
    assert!(nothing.iter().all(|service| service.health == Health::Stopped), "{nothing:#?}");

    rig.make_stack("stack", "shop").await;
    assert_eq!(health(&rig, "postgres").await.0, Health::Healthy);
    assert_eq!(health(&rig, "dagster").await, (Health::Stopped, "not there".to_owned()));
    assert_eq!(health(&rig, "generator").await.0, Health::Starting);
}

#[tokio::test]
async fn a_service_that_fails_says_why() {
    let rig = Rig::start();
    rig.set("failing", &json!({ "postgres": "CannotPullContainerError: no such image" })).await;
    rig.make("stack", "shop");
    // A task is placed, fails, and is placed again a second later.
    for _ in 0..240 {
        let (found, detail) = health(&rig, "postgres").await;
        if found == Health::Unhealthy {
            assert!(detail.contains("CannotPullContainerError"), "{detail}");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    panic!("nothing fails: {:?}", health(&rig, "postgres").await);
}

/// A line of the function's log that is read as metrics.
fn line(tick: i64) -> String {
    let metrics: Vec<Value> = watch::METRICS.iter().map(|name| json!({ "Name": name })).collect();
    let directive = json!({ "Namespace": watch::NAMESPACE, "Dimensions": [[watch::DIMENSION]], "Metrics": metrics });
    let mut line = json!({ "_aws": { "CloudWatchMetrics": [directive] }, watch::DIMENSION: "shop" });
    for (name, value) in watch::METRICS.iter().zip([tick as f64, 60.0, 191.0, 12.0, 1.5, 8.25]) {
        line[*name] = json!(value);
    }
    line.to_string()
}

#[tokio::test]
async fn what_the_shop_writes_is_read_from_its_metrics() {
    let rig = Rig::start();
    rig.make_stack("stack", "shop").await;
    rig.ask("POST", "/rig/answers", &json!({ "function": "shop-generator", "log": [line(7)] })).await;
    rig.make("call", "shop");
    let session = rig.session().await;
    let (found, detail) = health(&rig, "generator").await;
    assert_eq!(found, Health::Healthy, "{detail}");
    assert!(detail.starts_with("rate(3 minutes)") && detail.contains("1 calls and 0 errors"), "{detail}");
    let samples = watch::throughput(&session, "shop", 60).await.unwrap();
    assert_eq!(samples.len(), 1, "{samples:#?}");
    assert_eq!((samples[0].tick, samples[0].orders, samples[0].rows), (7, 60, 191));
    assert!(watch::throughput(&session, "shop-2", 60).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_shops_calls_are_read_from_lambdas_reports() {
    let rig = Rig::start();
    assert!(
        watch::invocations(&rig.session().await, "shop", 60).await.unwrap().is_empty(),
        "before there is a function"
    );
    rig.make_stack("stack", "shop").await;
    let report = "REPORT RequestId: 1\tDuration: 812.40 ms\tBilled Duration: 813 ms\tMemory Size: 256 MB\tMax Memory Used: 44 MB";
    let log = [line(7), "START RequestId: 1".to_owned(), report.to_owned()];
    rig.ask("POST", "/rig/answers", &json!({ "function": "shop-generator", "log": log })).await;
    rig.make("call", "shop");
    let calls = watch::invocations(&rig.session().await, "shop", 60).await.unwrap();
    assert_eq!(calls.len(), 1, "{calls:#?}");
    assert_eq!((calls[0].request.as_str(), calls[0].memory_mb, calls[0].error.as_deref()), ("1", 44, None));
}

#[tokio::test]
async fn an_alarm_that_rings_is_unwell() {
    let rig = Rig::start();
    rig.make_stack("stack", "shop").await;
    assert_eq!(health(&rig, "alarm-missed-ticks").await.0, Health::Healthy);
    rig.make("alarm", "shop");
    let (found, detail) = health(&rig, "alarm-missed-ticks").await;
    assert_eq!(found, Health::Unhealthy, "{detail}");
    assert!(detail.contains("two ticks are missing"), "{detail}");
}
