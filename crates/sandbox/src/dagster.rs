//! Dagster's GraphQL, as far as it is needed: launching runs, following them, and clearing up after a kill.

use std::time::Duration;

use jiff::Timestamp;
use protocol::snapshot::PipelineRun;
use protocol::{Failure, Level};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::site::Site;

/// The name of the code location in the workspace.
pub(crate) const LOCATION: &str = "retailflow";

/// The repository Dagster makes of a `Definitions` object.
const REPOSITORY: &str = "__repository__";

const JOB: &str = "refresh";

/// Marks the runs that the app or the CLI asked for.
const TRIGGER_TAG: &str = "retailflow/trigger";

const ANSWER_DEADLINE: Duration = Duration::from_mins(1);

/// What a webserver says of a job while it does not know the code server's latest start.
const UNNOTICED: [&str; 1] = ["PipelineNotFoundError"];

/// How long a webserver may take to notice a code server that was started anew; it looks every few seconds.
const NOTICE_DEADLINE: Duration = Duration::from_secs(30);
const NOTICE_POLL: Duration = Duration::from_millis(500);

/// Events that Dagster logs at its lowest level and that tell how a run gets on.
const NEWS: [&str; 4] =
    ["RunStartEvent", "ExecutionStepStartEvent", "MaterializationEvent", "ExecutionStepSuccessEvent"];

/// Events that say again, once for every asset and check, what the plan or another event says.
const BOOKKEEPING: [&str; 2] = ["ExecutionStepOutputEvent", "HandledOutputEvent"];

/// Statuses of a run that has not ended.
const UNDERWAY: [&str; 5] = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"];

/// A Dagster webserver.
#[derive(Clone)]
pub(crate) struct Dagster {
    url: String,
    http: reqwest::Client,
}

/// Where a run stands, with Dagster's own word for it.
pub(crate) enum RunStatus {
    Underway(String),
    Succeeded,
    Ended(String),
}

/// A piece of a run's log.
pub(crate) struct LogPage {
    pub(crate) lines: Vec<LogLine>,
    /// What to ask the next piece with.
    pub(crate) cursor: Option<String>,
}

/// One event of a run.
pub(crate) struct LogLine {
    pub(crate) level: Level,
    pub(crate) text: String,
    /// The asset it made, if it made one.
    pub(crate) materialised: Option<String>,
}

impl Dagster {
    /// The webserver of a sandbox.
    pub(crate) fn of(site: &Site) -> Result<Self, Failure> {
        let url = site.webserver_url().ok_or_else(|| {
            Failure::environment("Dagster is not running").hint("`retailflow up` starts whatever is missing.")
        })?;
        let http = reqwest::Client::builder()
            .timeout(ANSWER_DEADLINE)
            // A proxy of the environment has no business between us and loopback.
            .no_proxy()
            .build()
            .map_err(|error| Failure::bug("The HTTP client could not be made").source(&error))?;
        Ok(Self { url, http })
    }

    /// The page of a run.
    pub(crate) fn run_url(&self, run: &str) -> String {
        format!("{}/runs/{run}", self.url)
    }

    /// Dagster's version, if it answers.
    pub(crate) async fn version(&self) -> Result<String, Failure> {
        let request = self.http.get(format!("{}/server_info", self.url)).timeout(Duration::from_secs(5));
        let info: Value = self.json(request).await?;
        Ok(text(&info["dagster_version"]))
    }

    /// How many assets the job makes.
    pub(crate) async fn count_assets(&self) -> Result<u64, Failure> {
        let query = "query($job: PipelineSelector!) { assetNodes(pipeline: $job) { isMaterializable } }";
        let data = self.ask(query, json!({"job": job_selector("pipelineName")})).await?;
        let nodes = data["assetNodes"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(nodes.iter().filter(|node| node["isMaterializable"] == true).count() as u64)
    }

    /// Launches the refresh and gives its run. Waits for a webserver that has not yet noticed a code server started
    /// anew: until then it knows no job.
    pub(crate) async fn launch(&self) -> Result<String, Failure> {
        let deadline = Instant::now() + NOTICE_DEADLINE;
        loop {
            let launched = self.try_launch().await?;
            if let Some(run) = launched["run"]["runId"].as_str() {
                return Ok(run.to_owned());
            }
            let word = text(&launched["__typename"]);
            if !UNNOTICED.contains(&word.as_str()) || Instant::now() > deadline {
                return Err(Failure::environment("Dagster did not start the pipeline")
                    .cause(word)
                    .cause(text(&launched["message"]))
                    .hint("The log of the Dagster code server says why."));
            }
            sleep(NOTICE_POLL).await;
        }
    }

    async fn try_launch(&self) -> Result<Value, Failure> {
        let query = "mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
            __typename
            ... on LaunchRunSuccess { run { runId } }
            ... on Error { message } } }";
        let params = json!({
            "selector": job_selector("jobName"),
            "executionMetadata": {"tags": [{"key": TRIGGER_TAG, "value": "app"}]},
        });
        Ok(self.ask(query, json!({"params": params})).await?["launchRun"].take())
    }

    /// Where a run stands.
    pub(crate) async fn status(&self, run: &str) -> Result<RunStatus, Failure> {
        let query = "query($run: ID!) { runOrError(runId: $run) { __typename ... on Run { status } } }";
        let data = self.ask(query, json!({"run": run})).await?;
        let word = text(&data["runOrError"]["status"]);
        Ok(match word.as_str() {
            "SUCCESS" => RunStatus::Succeeded,
            "" => RunStatus::Ended(text(&data["runOrError"]["__typename"])),
            _ if UNDERWAY.contains(&word.as_str()) => RunStatus::Underway(word.to_lowercase()),
            _ => RunStatus::Ended(word),
        })
    }

    /// What a run has logged since `cursor`, from the beginning if there is none.
    pub(crate) async fn log(&self, run: &str, cursor: Option<String>) -> Result<LogPage, Failure> {
        let query = "query($run: ID!, $cursor: String) {
            logsForRun(runId: $run, afterCursor: $cursor, limit: 500) { __typename ... on EventConnection {
                cursor
                events {
                    __typename
                    ... on MessageEvent { message level stepKey }
                    ... on MaterializationEvent { assetKey { path } }
                    ... on ExecutionStepFailureEvent { error { message } }
                    ... on RunFailureEvent { error { message } } } } } }";
        let data = self.ask(query, json!({"run": run, "cursor": cursor})).await?;
        let connection = &data["logsForRun"];
        let events = connection["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(LogPage {
            lines: events.iter().filter_map(log_line).collect(),
            cursor: connection["cursor"].as_str().map(str::to_owned).or(cursor),
        })
    }

    /// The latest runs, newest first.
    pub(crate) async fn runs(&self, limit: u32) -> Result<Vec<PipelineRun>, Failure> {
        let query = "query($limit: Int!) { runsOrError(limit: $limit) { ... on Runs { results {
            runId jobName status startTime endTime tags { key value } } } } }";
        let data = self.ask(query, json!({"limit": limit})).await?;
        let results = data["runsOrError"]["results"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(results.iter().map(|run| self.pipeline_run(run)).collect())
    }

    fn pipeline_run(&self, run: &Value) -> PipelineRun {
        let id = text(&run["runId"]);
        PipelineRun {
            job: text(&run["jobName"]),
            status: text(&run["status"]),
            trigger: trigger(&run["tags"]).to_owned(),
            started_at: moment(&run["startTime"]),
            finished_at: moment(&run["endTime"]),
            url: self.run_url(&id),
            id,
        }
    }

    /// Marks every run that has not ended as cancelled; gives how many there were. Only right after the code server
    /// was started, when no run can have a living worker.
    pub(crate) async fn cancel_orphans(&self, before: Timestamp) -> Result<usize, Failure> {
        let query = "query($statuses: [RunStatus!], $before: Float) {
            runsOrError(filter: {statuses: $statuses, createdBefore: $before}) { ... on Runs { results { runId } } } }";
        let before = before.as_millisecond() as f64 / 1000.0;
        let data = self.ask(query, json!({"statuses": UNDERWAY, "before": before})).await?;
        let orphans = data["runsOrError"]["results"].as_array().cloned().unwrap_or_default();
        for orphan in &orphans {
            self.end(&text(&orphan["runId"]), "MARK_AS_CANCELED_IMMEDIATELY").await?;
        }
        Ok(orphans.len())
    }

    /// Asks a run to end by itself.
    pub(crate) async fn terminate(&self, run: &str) -> Result<(), Failure> {
        self.end(run, "SAFE_TERMINATE").await
    }

    async fn end(&self, run: &str, policy: &str) -> Result<(), Failure> {
        let query = "mutation($run: String!, $policy: TerminateRunPolicy!) {
            terminateRun(runId: $run, terminatePolicy: $policy) { __typename } }";
        self.ask(query, json!({"run": run, "policy": policy})).await.map(drop)
    }

    async fn ask(&self, query: &str, variables: Value) -> Result<Value, Failure> {
        let request = self.http.post(format!("{}/graphql", self.url));
        let mut answer = self.json(request.json(&json!({"query": query, "variables": variables}))).await?;
        match answer["errors"].as_array() {
            Some(errors) => {
                let failure = Failure::bug("Dagster refused a query");
                Err(errors.iter().fold(failure, |failure, error| failure.cause(text(&error["message"]))))
            }
            None => Ok(answer["data"].take()),
        }
    }

    async fn json(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let answered = async { body(request.send().await?).await };
        answered.await.map_err(|error| {
            Failure::environment("Dagster does not answer")
                .source(&error)
                .hint("`retailflow up` starts whatever is missing; the webserver's log says why it ended.")
        })
    }
}

/// GraphQL answers a refused query with status 400 and the reason in its body: that is worth reading.
async fn body(response: reqwest::Response) -> reqwest::Result<Value> {
    if response.status() == reqwest::StatusCode::BAD_REQUEST {
        return response.json().await;
    }
    response.error_for_status()?.json().await
}

fn job_selector(job_field: &str) -> Value {
    json!({"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY, job_field: JOB})
}

fn log_line(event: &Value) -> Option<LogLine> {
    let kind = event["__typename"].as_str().unwrap_or_default();
    if kind.ends_with("PlannedEvent") || BOOKKEEPING.contains(&kind) {
        return None;
    }
    let message = text(&event["message"]);
    let error = text(&event["error"]["message"]);
    let joined =
        [message.trim(), error.trim()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    if joined.is_empty() {
        return None;
    }
    let level = match (event["level"].as_str(), kind) {
        (Some("ERROR" | "CRITICAL"), _) => Level::Error,
        (Some("WARNING"), _) => Level::Warn,
        _ if NEWS.contains(&kind) => Level::Info,
        (Some("DEBUG"), _) => Level::Debug,
        _ => Level::Info,
    };
    let materialised = (kind == "MaterializationEvent").then(|| asset_name(&event["assetKey"]["path"]));
    Some(LogLine { level, text: joined, materialised })
}

fn asset_name(path: &Value) -> String {
    path.as_array().map(|parts| parts.iter().map(text).collect::<Vec<_>>().join(".")).unwrap_or_default()
}

fn trigger(tags: &Value) -> &'static str {
    let has = |key: &str| tags.as_array().is_some_and(|tags| tags.iter().any(|tag| tag["key"] == key));
    if has(TRIGGER_TAG) {
        "app"
    } else if has("dagster/schedule_name") {
        "schedule"
    } else {
        "manual"
    }
}

fn moment(seconds: &Value) -> Option<Timestamp> {
    let duration = Duration::try_from_secs_f64(seconds.as_f64()?).ok()?;
    Timestamp::UNIX_EPOCH.checked_add(duration).ok()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
