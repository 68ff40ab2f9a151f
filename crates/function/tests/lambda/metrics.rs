//! Each tick is one line of CloudWatch's embedded metrics, which the app's dashboard reads.

use std::collections::BTreeSet;

use cloud::watch::{DIMENSION, METRICS, NAMESPACE};
use generator::{TickRecord, throughput};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::stack::{NAME, Stack, event};

/// The units that CloudWatch knows.
/// Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>
const UNITS: &str = "Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits Megabits \
     Gigabits Terabits Percent Count Bytes/Second Kilobytes/Second Megabytes/Second Gigabytes/Second Terabytes/Second \
     Bits/Second Kilobits/Second Megabits/Second Gigabits/Second Terabits/Second Count/Second None";

#[tokio::test(flavor = "multi_thread")]
async fn each_tick_is_one_line_with_its_numbers() {
    let stack = Stack::with(&[("RETAILFLOW_ORDERS_PER_MINUTE", "20")]).await;
    let function = stack.function().await;
    for minutes in [0, 3, 3, 30] {
        function.call(&event(minutes)).await.expect("a call");
    }
    let ticks = throughput(&stack.shop().await, 0, 100).await.expect("the ticks");
    let lines = stack.metrics();
    assert_eq!((ticks.len(), lines.len()), (10, 10), "one line a live tick: history is no throughput\n{}", stack.log());
    for (tick, line) in ticks.iter().zip(&lines) {
        conforms(line).unwrap_or_else(|wrong| panic!("{wrong}: {line}"));
        assert_same(tick, line);
    }
    assert!(ticks.iter().map(|tick| tick.orders).sum::<i32>() > 100, "the numbers are no zeros");
}

/// The line has the numbers of the tick, under the names that the dashboard asks for.
fn assert_same(tick: &TickRecord, line: &Value) {
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], NAMESPACE);
    assert_eq!(directive["Dimensions"], serde_json::json!([[DIMENSION]]));
    assert_eq!(line[DIMENSION], NAME);
    let names: Vec<_> =
        list(&directive["Metrics"], 100).expect("metrics").iter().map(|metric| metric["Name"].as_str()).collect();
    assert_eq!(names, METRICS.map(Some));
    assert_eq!(line["_aws"]["Timestamp"].as_i64(), Some(tick.written_at.as_millisecond()));
    #[expect(clippy::cast_precision_loss, reason = "counts of a small shop")]
    let numbers = [
        tick.tick as f64,
        f64::from(tick.orders),
        tick.rows() as f64,
        f64::from(tick.status_changes),
        tick.generate_ms,
        tick.write_ms,
    ];
    for (name, number) in METRICS.iter().zip(numbers) {
        let logged = line[name].as_f64().expect("a number");
        assert!(
            (logged - number).abs() <= 1e-9 * number.abs(),
            "{name} is {logged} in the log and {number} in the shop"
        );
    }
}

/// Whether a line of the log is what CloudWatch takes for embedded metrics; if not, what is wrong with it.
/// Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
fn conforms(line: &Value) -> Result<(), String> {
    let root = line.as_object().ok_or("it is no object")?;
    let metadata = root.get("_aws").and_then(Value::as_object).ok_or("it has no _aws")?;
    only(metadata, &["Timestamp", "CloudWatchMetrics"])?;
    let timestamp = metadata.get("Timestamp").and_then(Value::as_i64).ok_or("its time is no whole number")?;
    let age = Timestamp::now().as_millisecond() - timestamp;
    // CloudWatch takes what is at most two weeks old or two hours ahead: seconds for milliseconds would be neither.
    if !(-7_200_000..=1_209_600_000).contains(&age) {
        return Err(format!("its time is {age} ms ago"));
    }
    list(&metadata["CloudWatchMetrics"], 100)?.iter().try_for_each(|directive| directive_conforms(root, directive))
}

fn directive_conforms(root: &Map<String, Value>, directive: &Value) -> Result<(), String> {
    let members = directive.as_object().ok_or("a directive is no object")?;
    only(members, &["Namespace", "Dimensions", "Metrics"])?;
    named(&directive["Namespace"], 1024)?;
    let mut targets = BTreeSet::new();
    for set in list(&directive["Dimensions"], 30)? {
        for name in list(set, 30)? {
            let name = named(name, 250)?;
            named(root.get(name).unwrap_or(&Value::Null), 1024)?;
            targets.insert(name);
        }
    }
    for metric in list(&directive["Metrics"], 100)? {
        only(metric.as_object().ok_or("a metric is no object")?, &["Name", "Unit", "StorageResolution"])?;
        let name = named(&metric["Name"], 1024)?;
        if !targets.insert(name) {
            return Err(format!("{name} is named twice"));
        }
        if !root.get(name).is_some_and(Value::is_number) {
            return Err(format!("{name} is no number at the top"));
        }
        let unit = named(&metric["Unit"], 20)?;
        if !UNITS.split_whitespace().any(|known| known == unit) {
            return Err(format!("CloudWatch knows no unit {unit}"));
        }
    }
    Ok(())
}

/// Objects of the format have no members but these.
fn only(object: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("{key} is not of the format")),
        None => Ok(()),
    }
}

fn named(value: &Value, most: usize) -> Result<&str, String> {
    let text = value.as_str().ok_or_else(|| format!("{value} is no text"))?;
    if (1..=most).contains(&text.len()) { Ok(text) } else { Err(format!("{text:?} is too long or empty")) }
}

fn list(value: &Value, most: usize) -> Result<&[Value], String> {
    let values = value.as_array().ok_or_else(|| format!("{value} is no list"))?;
    if (1..=most).contains(&values.len()) { Ok(values) } else { Err(format!("a list has {} members", values.len())) }
}

/// The check above finds what it is for.
#[test]
fn what_does_not_conform_is_found() {
    let line = serde_json::json!({
        "_aws": {
            "Timestamp": Timestamp::now().as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": "N",
                "Dimensions": [["D"]],
                "Metrics": [{ "Name": "M", "Unit": "Count" }],
            }],
        },
        "D": "shop",
        "M": 1.5,
    });
    assert_eq!(conforms(&line), Ok(()));
    for (pointer, value) in [
        ("/_aws/Timestamp", serde_json::json!(Timestamp::now().as_second())),
        ("/_aws/CloudWatchMetrics", serde_json::json!([])),
        ("/_aws/CloudWatchMetrics/0/Namespace", serde_json::json!("")),
        ("/_aws/CloudWatchMetrics/0/Dimensions", serde_json::json!(["D"])),
        ("/_aws/CloudWatchMetrics/0/Dimensions/0/0", serde_json::json!("E")),
        ("/_aws/CloudWatchMetrics/0/Metrics/0/Name", serde_json::json!("L")),
        ("/_aws/CloudWatchMetrics/0/Metrics/0/Name", serde_json::json!("D")),
        ("/_aws/CloudWatchMetrics/0/Metrics/0/Unit", serde_json::json!("Orders")),
        ("/D", serde_json::json!(1)),
        ("/M", serde_json::json!("1.5")),
    ] {
        let mut wrong = line.clone();
        *wrong.pointer_mut(pointer).expect("a member") = value;
        assert!(conforms(&wrong).is_err(), "{wrong}");
    }
}
