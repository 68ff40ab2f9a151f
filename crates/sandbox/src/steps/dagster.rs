//! Dagster: its home folder, and its three processes, which come up one after the other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{Outputs, Presence, Step, StepContext};
use jiff::Timestamp;
use protocol::{Failure, StepId};
use stack::files;
use target::Service;

use crate::dagster::{Dagster, LOCATION};
use crate::services::Services;
use crate::site::Site;
use crate::steps::projects;

/// The project imports Dagster, dlt and dbt before it answers.
const READY_DEADLINE: Duration = Duration::from_mins(2);

/// The step that starts Dagster.
pub(crate) struct Orchestrator {
    site: Site,
    /// In the order in which they must come up; the first is the code server.
    services: [Arc<dyn Service>; 3],
}

impl Orchestrator {
    pub(crate) fn new(site: &Site, services: &Services) -> Self {
        let Services { code_server, webserver, daemon, .. } = services.clone();
        Self { site: site.clone(), services: [code_server, webserver, daemon] }
    }
}

#[async_trait]
impl Step for Orchestrator {
    fn id(&self) -> StepId {
        "dagster".into()
    }

    fn title(&self) -> &'static str {
        "Dagster"
    }

    fn describe_apply(&self) -> String {
        "Start Dagster's code server, webserver and daemon. The webserver takes a free port on loopback.".into()
    }

    fn describe_destroy(&self) -> String {
        "Stop Dagster and delete its run history and the DuckDB warehouse.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        vec!["manifest".into(), "postgres".into()]
    }

    fn deadline(&self) -> Duration {
        READY_DEADLINE * 3
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        for service in &self.services {
            if service.process().await?.is_none() {
                return Ok(Presence::Absent);
            }
        }
        let [_, webserver, _] = &self.services;
        Ok(match webserver.probe().await {
            Ok(detail) => Presence::Present(detail),
            Err(waits_for) => Presence::Drifted(waits_for.to_string()),
        })
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        write_home(&self.site).map_err(|error| {
            Failure::environment(format!("{} could not be written", self.site.folder.dagster().display()))
                .source(&error)
        })?;
        let [code_server, ..] = &self.services;
        let fresh = code_server.process().await?.is_none();
        let began = Timestamp::now();
        for service in &self.services {
            service.bring_up(context, READY_DEADLINE).await?;
        }
        if fresh {
            let orphans = Dagster::of(&self.site)?.cancel_orphans(began).await?;
            if orphans > 0 {
                context.info(format!("{orphans} interrupted pipeline runs were marked as cancelled")).await;
            }
        }
        let url = self.site.webserver_url().unwrap_or_default();
        Ok(Outputs::from([("url".to_owned(), url)]))
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        for service in self.services.iter().rev() {
            service.take_down(context).await?;
        }
        projects::remove(context, &self.site.folder.dagster()).await?;
        projects::remove(context, &self.site.folder.warehouse()).await
    }
}

/// Dagster's home: its settings from the project, and where the code server is.
fn write_home(site: &Site) -> std::io::Result<()> {
    let folder = &site.folder;
    files::make_folder(&folder.dagster())?;
    files::make_folder(&folder.warehouse())?;
    let settings = std::fs::read(folder.project().join("dagster").join("dagster.yaml"))?;
    files::write_atomically(&folder.dagster().join("dagster.yaml"), &settings)?;
    let socket = site.code_socket().display().to_string();
    let workspace = serde_json::json!({"load_from": [{"grpc_server": {"socket": socket, "location_name": LOCATION}}]});
    // JSON is YAML.
    files::write_atomically(&site.workspace_file(), workspace.to_string().as_bytes())
}
