//! What Dagster answers, as far as it is read. A field that should be there and is not is an error, and no empty word.

use std::time::Duration;

use jiff::Timestamp;
use protocol::Level;
use serde::Deserialize;
use serde_json::Value;

use super::{LogLine, TRIGGER_TAG};

/// Events that Dagster logs at its lowest level and that tell how a run gets on.
const NEWS: [&str; 4] =
    ["RunStartEvent", "ExecutionStepStartEvent", "MaterializationEvent", "ExecutionStepSuccessEvent"];

/// Events that say again, once for every asset and check, what the plan or another event says.
const BOOKKEEPING: [&str; 2] = ["ExecutionStepOutputEvent", "HandledOutputEvent"];

/// The answer to a query: what was asked for, or why it was refused.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    pub(super) data: Value,
    #[serde(default)]
    pub(super) errors: Vec<Message>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) message: String,
}

#[derive(Deserialize)]
pub(super) struct ServerInfo {
    pub(super) dagster_version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AssetNodes {
    pub(super) asset_nodes: Vec<AssetNode>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AssetNode {
    pub(super) is_materializable: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Launch {
    pub(super) launch_run: Launched,
}

#[derive(Deserialize)]
pub(super) struct Launched {
    #[serde(rename = "__typename")]
    pub(super) kind: String,
    /// Of a run that was launched.
    pub(super) run: Option<RunName>,
    /// Of one that was not.
    #[serde(default)]
    pub(super) message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunName {
    pub(super) run_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OneRun {
    pub(super) run_or_error: RunOrError,
}

#[derive(Deserialize)]
pub(super) struct RunOrError {
    #[serde(rename = "__typename")]
    pub(super) kind: String,
    /// Of a run that there is.
    pub(super) status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SomeRuns<R> {
    pub(super) runs_or_error: RunsOrError<R>,
}

#[derive(Deserialize)]
pub(super) struct RunsOrError<R> {
    pub(super) results: Vec<R>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    #[serde(rename = "runId")]
    pub(super) id: String,
    pub(super) job_name: String,
    pub(super) status: String,
    /// Seconds since 1970.
    pub(super) start_time: Option<f64>,
    pub(super) end_time: Option<f64>,
    pub(super) tags: Vec<Tag>,
}

#[derive(Deserialize)]
pub(super) struct Tag {
    pub(super) key: String,
}

impl Run {
    /// Who began it.
    pub(super) fn trigger(&self) -> &'static str {
        let has = |key: &str| self.tags.iter().any(|tag| tag.key == key);
        if has(TRIGGER_TAG) {
            "app"
        } else if has("dagster/schedule_name") {
            "schedule"
        } else {
            "manual"
        }
    }
}

/// The moment that so many seconds are after 1970.
pub(super) fn moment(seconds: Option<f64>) -> Option<Timestamp> {
    let duration = Duration::try_from_secs_f64(seconds?).ok()?;
    Timestamp::UNIX_EPOCH.checked_add(duration).ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Logs {
    pub(super) logs_for_run: EventConnection,
}

#[derive(Deserialize)]
pub(super) struct EventConnection {
    pub(super) cursor: String,
    pub(super) events: Vec<Event>,
}

/// An event of a run's log. What it has depends on its kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(rename = "__typename")]
    kind: String,
    #[serde(default)]
    message: String,
    level: Option<String>,
    asset_key: Option<AssetKey>,
    error: Option<Message>,
}

#[derive(Deserialize)]
struct AssetKey {
    path: Vec<String>,
}

impl Event {
    /// The line that it is in a log, if it is worth one.
    pub(super) fn line(self) -> Option<LogLine> {
        let kind = self.kind.as_str();
        if kind.ends_with("PlannedEvent") || BOOKKEEPING.contains(&kind) {
            return None;
        }
        let error = self.error.map(|error| error.message).unwrap_or_default();
        let parts = [self.message.trim(), error.trim()];
        let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return None;
        }
        let level = match self.level.as_deref() {
            Some("ERROR" | "CRITICAL") => Level::Error,
            Some("WARNING") => Level::Warn,
            _ if NEWS.contains(&kind) => Level::Info,
            Some("DEBUG") => Level::Debug,
            _ => Level::Info,
        };
        let asset = self.asset_key.filter(|_| kind == "MaterializationEvent");
        Some(LogLine { level, text, materialised: asset.map(|key| key.path.join(".")) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(event: Value) -> Option<(Level, String, Option<String>)> {
        let event: Event = serde_json::from_value(event).unwrap();
        event.line().map(|line| (line.level, line.text, line.materialised))
    }

    #[test]
    fn an_event_is_the_line_that_a_reader_wants() {
        let made = json!({"__typename": "MaterializationEvent", "message": "Made it.", "level": "DEBUG", "stepKey": null,
            "assetKey": {"path": ["marts", "fct_orders"]}});
        assert_eq!(line(made), Some((Level::Info, "Made it.".into(), Some("marts.fct_orders".into()))));
        let failed = json!({"__typename": "RunFailureEvent", "message": "Failed.", "level": "ERROR",
            "error": {"message": "disk is full\n"}});
        assert_eq!(line(failed), Some((Level::Error, "Failed. disk is full".into(), None)));
        assert_eq!(line(json!({"__typename": "HandledOutputEvent", "message": "x", "level": "DEBUG"})), None);
        assert_eq!(line(json!({"__typename": "LogMessageEvent", "message": " ", "level": "INFO"})), None);
    }

    #[test]
    fn what_is_missing_is_an_error_and_not_an_empty_word() {
        let runs = |runs| serde_json::from_value::<SomeRuns<Run>>(json!({"runsOrError": runs}));
        assert!(runs(json!({})).is_err());
        assert!(runs(json!({"results": [{"runId": "a", "status": "SUCCESS", "tags": []}]})).is_err());
        let whole = json!({"runId": "a", "jobName": "refresh", "status": "QUEUED", "startTime": null, "endTime": null,
            "tags": [{"key": "dagster/schedule_name", "value": "refresh"}]});
        assert_eq!(runs(json!({"results": [whole]})).unwrap().runs_or_error.results[0].trigger(), "schedule");
    }
}
