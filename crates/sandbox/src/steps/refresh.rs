//! A refresh: a run of the pipeline in Dagster, followed to its end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{Outputs, Presence, Step, StepContext};
use protocol::{Failure, ResourceAction, StepId};
use target::Service;
use tokio::time::{sleep, timeout};

use crate::dagster::{Dagster, RunStatus};
use crate::services::Services;
use crate::site::Site;

const POLL: Duration = Duration::from_millis(500);

/// How long Dagster may take to end a run.
const END_DEADLINE: Duration = Duration::from_secs(30);

/// Asks Dagster to end a run that is late: its step is dropped.
struct EndOnDrop {
    dagster: Dagster,
    run: Option<String>,
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            let dagster = self.dagster.clone();
            tokio::spawn(async move { dagster.terminate(&run).await });
        }
    }
}

/// The step that loads, models and charts what is new.
pub(crate) struct Refresh {
    site: Site,
    code_server: Arc<dyn Service>,
    /// Within `up`: charts that exist are enough, and Dagster is one of the plan's steps.
    first: bool,
}

impl Refresh {
    /// The first refresh, within `up`.
    pub(crate) fn first(site: &Site, services: &Services) -> Self {
        Self { site: site.clone(), code_server: services.code_server.clone(), first: true }
    }

    /// A refresh of its own.
    pub(crate) fn asked_for(site: &Site, services: &Services) -> Self {
        Self { first: false, ..Self::first(site, services) }
    }

    /// Ends a run at the user's wish, and sees that it ended.
    async fn end(&self, dagster: &Dagster, run: &str) -> Failure {
        let ending = async {
            dagster.terminate(run).await?;
            while let RunStatus::Underway(_) = dagster.status(run).await? {
                sleep(POLL).await;
            }
            Ok(())
        };
        let failure = match timeout(END_DEADLINE, ending).await {
            Ok(Ok(())) => return Failure::cancelled(),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::environment(format!("It was asked to, and did not within {} s", END_DEADLINE.as_secs())),
        };
        Failure::environment("The pipeline run could not be ended")
            .source(&failure)
            .hint(format!("End it on its page, {}, or let it come to its end.", dagster.run_url(run)))
    }

    async fn follow(&self, context: &StepContext, dagster: &Dagster, run: &str) -> Result<(), Failure> {
        let total = dagster.count_assets().await?;
        let server = self.code_server.process().await?;
        let mut cursor = None;
        let mut done = 0;
        loop {
            // The status first: whatever it says, the log read after it is complete up to then.
            let status = dagster.status(run).await?;
            let page = dagster.log(run, cursor.take()).await?;
            for line in page.lines {
                done += u64::from(line.materialised.is_some());
                if let Some(asset) = &line.materialised {
                    context.progress(done, Some(total), "assets", asset.clone());
                }
                context.log(line.level, line.text).await;
            }
            cursor = page.cursor;
            // Its worker went with it, and nobody else would ever end the run.
            if self.code_server.process().await? != server {
                return Err(Failure::environment("Dagster's code server ended in the middle of the pipeline run")
                    .hint("It is started again by itself. Run the command again: nothing that was loaded is lost."));
            }
            match status {
                RunStatus::Underway(word) if done == 0 => context.progress(0, Some(total), "assets", word),
                RunStatus::Underway(_) => {}
                RunStatus::Succeeded => return Ok(()),
                RunStatus::Ended(word) => return Err(failed(dagster, run, &word)),
            }
            sleep(POLL).await;
        }
    }
}

fn failed(dagster: &Dagster, run: &str, word: &str) -> Failure {
    Failure::environment(format!("The pipeline run ended with {word}"))
        .cause("the lines above it in the log say which asset or check, and why")
        .hint(format!("See {} for the whole run. Running `refresh` again goes on from there.", dagster.run_url(run)))
}

#[async_trait]
impl Step for Refresh {
    fn id(&self) -> StepId {
        "refresh".into()
    }

    fn title(&self) -> &'static str {
        if self.first { "First refresh" } else { "Refresh" }
    }

    fn describe_apply(&self) -> String {
        "Run the pipeline in Dagster: dlt loads what is new into DuckDB, dbt models and tests it, the charts are \
         published."
            .into()
    }

    fn describe_destroy(&self) -> String {
        "Nothing of its own: the warehouse goes with Dagster.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        if self.first { vec!["history".into(), "dagster".into()] } else { Vec::new() }
    }

    fn deadline(&self) -> Duration {
        Duration::from_hours(2)
    }

    /// What Dagster was asked to do goes on by itself, until it is asked to end it.
    fn winds_down(&self) -> bool {
        true
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        let there = self.first && self.site.folder.charts_file().exists();
        Ok(if there { Presence::Present("charts are published".to_owned()) } else { Presence::Absent })
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        let dagster = Dagster::of(&self.site)?;
        let run = dagster.launch().await?;
        let mut guard = EndOnDrop { dagster: dagster.clone(), run: Some(run.clone()) };
        context.info(format!("Dagster run {run}")).await;
        context.resource(ResourceAction::Created, "pipeline run", run.clone()).await;
        let followed = tokio::select! {
            followed = self.follow(context, &dagster, &run) => followed,
            () = context.cancellation().cancelled() => Err(self.end(&dagster, &run).await),
        };
        guard.run = None;
        followed?;
        Ok(Outputs::from([("url".to_owned(), dagster.run_url(&run))]))
    }

    async fn destroy(&self, _: &StepContext) -> Result<(), Failure> {
        Ok(())
    }
}
