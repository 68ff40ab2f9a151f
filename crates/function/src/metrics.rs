//! A tick as CloudWatch's embedded metrics: a line of the log that CloudWatch turns into points.
//!
//! The format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use generator::TickRecord;
use serde_json::{Value, json};

/// What the app's dashboard asks CloudWatch for. `retailflow-cloud` reads what is written here; a test holds the two
/// together, because depending on that crate would bring all of AWS's SDKs into the function.
const NAMESPACE: &str = "RetailFlow";
const DIMENSION: &str = "Stack";

/// The line of a tick.
pub(crate) fn of_tick(stack: &str, tick: &TickRecord) -> Value {
    let metric = |name: &str, unit: &str| json!({ "Name": name, "Unit": unit });
    json!({
        "_aws": {
            "Timestamp": tick.written_at.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [[DIMENSION]],
                "Metrics": [
                    metric("Tick", "None"),
                    metric("Orders", "Count"),
                    metric("Rows", "Count"),
                    metric("StatusChanges", "Count"),
                    metric("GenerateMilliseconds", "Milliseconds"),
                    metric("WriteMilliseconds", "Milliseconds"),
                ],
            }],
        },
        DIMENSION: stack,
        "Tick": tick.tick,
        "Orders": tick.orders,
        "Rows": tick.rows(),
        "StatusChanges": tick.status_changes,
        "GenerateMilliseconds": tick.generate_ms,
        "WriteMilliseconds": tick.write_ms,
    })
}
