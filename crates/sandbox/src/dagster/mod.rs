//! Dagster's GraphQL, as far as it is needed: launching runs, following them, and clearing up after a kill.

mod answers;

use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use protocol::snapshot::PipelineRun;
use protocol::{Failure, Level};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use self::answers::{
    Answer, AssetNodes, Event, EventConnection, Launch, Launched, Logs, OneRun, Run, RunName, RunOrError, ServerInfo,
    SomeRuns, moment,
};
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

/// Statuses of a run that has not ended, and what is going on meanwhile.
const UNDERWAY: [(&str, &str); 5] = [
    ("QUEUED", "waiting in Dagster's queue"),
    ("NOT_STARTED", "Dagster starts the run"),
    ("STARTING", "Dagster starts the run"),
    ("STARTED", "reading the shop"),
    ("CANCELING", "ending"),
];

/// A Dagster webserver.
#[derive(Clone)]
pub(crate) struct Dagster {
    url: String,
    http: reqwest::Client,
}

/// Where a run stands: what it is at, in words, or the word that Dagster has for how it ended.
pub(crate) enum RunStatus {
    Underway(&'static str),
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

/// The client of this process. To make one reads the certificates of the system, and probes come every few seconds.
fn client() -> Result<reqwest::Client, Failure> {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let client = reqwest::Client::builder()
        .timeout(ANSWER_DEADLINE)
        // A proxy of the environment has no business between us and loopback.
        .no_proxy()
        .build()
        .map_err(|error| Failure::bug("The HTTP client could not be made").source(&error))?;
    Ok(CLIENT.get_or_init(|| client).clone())
}

impl Dagster {
    /// The webserver of a sandbox.
    pub(crate) fn of(site: &Site) -> Result<Self, Failure> {
        let url = site.webserver_url().ok_or_else(|| {
            Failure::environment("Dagster is not running").hint("`retailflow up` starts whatever is missing.")
        })?;
        Ok(Self { url, http: client()? })
    }

    /// The page of a run.
    pub(crate) fn run_url(&self, run: &str) -> String {
        format!("{}/runs/{run}", self.url)
    }

    /// Dagster's version, if it answers.
    pub(crate) async fn version(&self) -> Result<String, Failure> {
        let request = self.http.get(format!("{}/server_info", self.url)).timeout(Duration::from_secs(5));
        let info: ServerInfo = self.json(request).await?;
        Ok(info.dagster_version)
    }

    /// How many assets the job makes.
    pub(crate) async fn count_assets(&self) -> Result<u64, Failure> {
        let query = "query($job: PipelineSelector!) { assetNodes(pipeline: $job) { isMaterializable } }";
        let data: AssetNodes = self.ask(query, json!({"job": job_selector("pipelineName")})).await?;
        Ok(data.asset_nodes.iter().filter(|node| node.is_materializable).count() as u64)
    }

    /// Launches the refresh and gives its run. Waits for a webserver that has not yet noticed a code server started
    /// anew: until then it knows no job.
    pub(crate) async fn launch(&self) -> Result<String, Failure> {
        let deadline = Instant::now() + NOTICE_DEADLINE;
        loop {
            let launched = self.try_launch().await?;
            if let Some(run) = launched.run {
                return Ok(run.run_id);
            }
            if !UNNOTICED.contains(&launched.kind.as_str()) || Instant::now() > deadline {
                return Err(Failure::environment("Dagster did not start the pipeline")
                    .cause(launched.kind)
                    .cause(launched.message)
                    .hint("The log of the Dagster code server says why."));
            }
            sleep(NOTICE_POLL).await;
        }
    }

    async fn try_launch(&self) -> Result<Launched, Failure> {
        let query = "mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
            __typename
            ... on LaunchRunSuccess { run { runId } }
            ... on Error { message } } }";
        let params = json!({
            "selector": job_selector("jobName"),
            "executionMetadata": {"tags": [{"key": TRIGGER_TAG, "value": "app"}]},
        });
        let data: Launch = self.ask(query, json!({"params": params})).await?;
        Ok(data.launch_run)
    }

    /// Where a run stands.
    pub(crate) async fn status(&self, run: &str) -> Result<RunStatus, Failure> {
        let query = "query($run: ID!) { runOrError(runId: $run) { __typename ... on Run { status } } }";
        let data: OneRun = self.ask(query, json!({"run": run})).await?;
        let RunOrError { kind, status } = data.run_or_error;
        let Some(word) = status else { return Ok(RunStatus::Ended(kind)) };
        if word == "SUCCESS" {
            return Ok(RunStatus::Succeeded);
        }
        let at = UNDERWAY.into_iter().find(|(status, _)| *status == word);
        Ok(at.map_or(RunStatus::Ended(word), |(_, at)| RunStatus::Underway(at)))
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
        let data: Logs = self.ask(query, json!({"run": run, "cursor": cursor})).await?;
        let EventConnection { cursor, events } = data.logs_for_run;
        Ok(LogPage { lines: events.into_iter().filter_map(Event::line).collect(), cursor: Some(cursor) })
    }

    /// The latest runs, newest first.
    pub(crate) async fn runs(&self, limit: u32) -> Result<Vec<PipelineRun>, Failure> {
        let query = "query($limit: Int!) { runsOrError(limit: $limit) { ... on Runs { results {
            runId jobName status startTime endTime tags { key value } } } } }";
        let data: SomeRuns<Run> = self.ask(query, json!({"limit": limit})).await?;
        Ok(data.runs_or_error.results.into_iter().map(|run| self.pipeline_run(run)).collect())
    }

    fn pipeline_run(&self, run: Run) -> PipelineRun {
        PipelineRun {
            trigger: run.trigger().to_owned(),
            started_at: moment(run.start_time),
            finished_at: moment(run.end_time),
            url: self.run_url(&run.id),
            job: run.job_name,
            status: run.status,
            id: run.id,
        }
    }

    /// Marks every run that has not ended as cancelled; gives how many there were. Only right after the code server
    /// was started, when no run can have a living worker.
    pub(crate) async fn cancel_orphans(&self, before: Timestamp) -> Result<usize, Failure> {
        let query = "query($statuses: [RunStatus!], $before: Float) {
            runsOrError(filter: {statuses: $statuses, createdBefore: $before}) { ... on Runs { results { runId } } } }";
        let before = before.as_millisecond() as f64 / 1000.0;
        let statuses = UNDERWAY.map(|(status, _)| status);
        let data: SomeRuns<RunName> = self.ask(query, json!({"statuses": statuses, "before": before})).await?;
        let orphans = data.runs_or_error.results;
        for orphan in &orphans {
            self.end(&orphan.run_id, "MARK_AS_CANCELED_IMMEDIATELY").await?;
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
        let _: IgnoredAny = self.ask(query, json!({"run": run, "policy": policy})).await?;
        Ok(())
    }

    async fn ask<T: DeserializeOwned>(&self, query: &str, variables: Value) -> Result<T, Failure> {
        let request = self.http.post(format!("{}/graphql", self.url));
        let answer: Answer = self.json(request.json(&json!({"query": query, "variables": variables}))).await?;
        if !answer.errors.is_empty() {
            let failure = Failure::bug("Dagster refused a query");
            return Err(answer.errors.into_iter().fold(failure, |failure, error| failure.cause(error.message)));
        }
        serde_json::from_value(answer.data).map_err(|error| misunderstood(&error))
    }

    async fn json<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, Failure> {
        let answered = async { body(request.send().await?).await };
        answered.await.map_err(|error| {
            if error.is_decode() {
                return misunderstood(&error);
            }
            Failure::environment("Dagster does not answer")
                .source(&error)
                .hint("`retailflow up` starts whatever is missing; the webserver's log says why it ended.")
        })
    }
}

/// GraphQL answers a refused query with status 400 and the reason in its body: that is worth reading.
async fn body<T: DeserializeOwned>(response: reqwest::Response) -> reqwest::Result<T> {
    if response.status() == reqwest::StatusCode::BAD_REQUEST {
        return response.json().await;
    }
    response.error_for_status()?.json().await
}

fn misunderstood(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::bug("Dagster answered otherwise than it should").source(error)
}

fn job_selector(job_field: &str) -> Value {
    json!({"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY, job_field: JOB})
}
