//! The shop's history: the schema, and as many days of orders as were asked for.

use std::time::Duration;

use async_trait::async_trait;
use engine::{Outputs, Presence, Step, StepContext};
use generator::Writer;
use protocol::{Failure, ResourceAction, StepId};

use crate::site::Site;
use crate::{database, generating};

/// The step that opens the shop and writes its history.
pub(crate) struct History {
    site: Site,
}

impl History {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone() }
    }

    async fn writer(&self) -> Result<Writer, Failure> {
        Writer::connect(&database::config(&self.site.folder))
            .await
            .map_err(|error| generating::failure("to connect to PostgreSQL", &error))
    }
}

#[async_trait]
impl Step for History {
    fn id(&self) -> StepId {
        "history".into()
    }

    fn title(&self) -> &'static str {
        "Shop history"
    }

    fn describe_apply(&self) -> String {
        let config = &self.site.shop;
        format!(
            "Create the shop's tables and write {} days of history, about {:.0} orders a minute, with COPY.",
            config.backfill_days, config.orders_per_minute
        )
    }

    fn describe_destroy(&self) -> String {
        "Nothing of its own: the orders go with PostgreSQL.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        vec!["postgres".into()]
    }

    fn deadline(&self) -> Duration {
        Duration::from_hours(2)
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        let last = self.writer().await?.last_tick().await;
        Ok(match last.map_err(|error| generating::failure("to tell how far its history is", &error))? {
            None => Presence::Absent,
            Some(last) if generating::history_is_complete(&last) => {
                Presence::Present("the history is written".to_owned())
            }
            Some(_) => Presence::Drifted("the history is not complete".to_owned()),
        })
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        let mut writer = self.writer().await?;
        writer.prepare().await.map_err(|error| generating::failure("to create its tables", &error))?;
        let config = generating::config(&self.site.shop, &self.site.keep);
        let told = |progress: generator::Progress| {
            let message = format!("{} rows written", progress.rows);
            context.progress(progress.ticks_done, Some(progress.ticks_total), "days", message);
        };
        let summary = writer
            .backfill(&config, context.cancellation(), told)
            .await
            .map_err(|error| generating::failure("to write its history", &error))?;
        let seconds = summary.elapsed.as_secs_f64().max(0.001);
        let rate = summary.rows as f64 / seconds;
        context.info(format!("{} rows in {seconds:.1} s, {rate:.0} rows a second", summary.rows)).await;
        context.resource(ResourceAction::Created, "rows", format!("{} in schema production", summary.rows)).await;
        Ok(Outputs::from([("rows".to_owned(), summary.rows.to_string())]))
    }

    async fn destroy(&self, _: &StepContext) -> Result<(), Failure> {
        Ok(())
    }
}
