//! PostgreSQL: its cluster, its process, its database.
//!
//! It listens on a Unix socket in a folder that only this user may enter, and trusts whoever gets there. So there is
//! no password to keep or to leak, no port to be taken, and no other user of the computer who could connect.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::process::{Environment, PLACE, Stop, ToolSpec, run_tool};
use engine::{Outputs, Presence, Step, StepContext};
use protocol::{Failure, ResourceAction, StepId};
use stack::{files, privileges};
use target::Service;

use crate::database::{self, SHOP};
use crate::services::Services;
use crate::site::Site;
use crate::steps::projects;

/// A cluster left by a crash replays its log before it answers.
const READY_DEADLINE: Duration = Duration::from_mins(1);

/// The step that makes and starts PostgreSQL.
pub(crate) struct Postgres {
    site: Site,
    server: Arc<dyn Service>,
}

impl Postgres {
    pub(crate) fn new(site: &Site, services: &Services) -> Self {
        Self { site: site.clone(), server: services.postgres.clone() }
    }

    fn cluster(&self) -> PathBuf {
        self.site.folder.postgres()
    }

    /// Makes the cluster beside its place and moves it there whole, so that a kill leaves none or all of it.
    async fn make_cluster(&self, context: &StepContext) -> Result<(), Failure> {
        let draft = self.cluster().with_extension("draft");
        let prepare = || {
            files::remove_folder(&draft)?;
            privileges::make_postgres_folder(&draft)
        };
        prepare().map_err(|error| unwritable(&draft, &error))?;
        let args = ["--username", SHOP, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--pgdata"];
        let mut args: Vec<_> = args.into_iter().map(Into::into).collect();
        args.push(draft.clone().into());
        run_tool(
            context,
            &ToolSpec {
                mark: self.site.tool("initdb"),
                program: self.site.postgres_programs()?.join("initdb"),
                args,
                env: Environment::inheriting(&[PLACE]),
                folder: draft.clone(),
                user: privileges::postgres_user(),
                stop: Stop::TOOL,
            },
        )
        .await
        .map_err(explain_root)?;
        std::fs::rename(&draft, self.cluster()).map_err(|error| unwritable(&draft, &error))?;
        context.resource(ResourceAction::Created, "database cluster", self.cluster().display().to_string()).await;
        Ok(())
    }

    async fn make_database(&self, context: &StepContext) -> Result<(), Failure> {
        let server = database::connect(&self.site.folder, database::FIRST).await?;
        let exists = server
            .query_opt("select 1 from pg_database where datname = $1", &[&SHOP])
            .await
            .map_err(|error| query_failed(&error))?;
        if exists.is_none() {
            server.batch_execute("create database shop").await.map_err(|error| query_failed(&error))?;
            context.resource(ResourceAction::Created, "database", SHOP).await;
        }
        Ok(())
    }
}

#[async_trait]
impl Step for Postgres {
    fn id(&self) -> StepId {
        "postgres".into()
    }

    fn title(&self) -> &'static str {
        "PostgreSQL"
    }

    fn describe_apply(&self) -> String {
        "Make a PostgreSQL 16 cluster in the stack's folder and start it on a private socket; no port is opened.".into()
    }

    fn describe_destroy(&self) -> String {
        "Stop PostgreSQL and delete its data, the shop's orders among it.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        vec!["python".into()]
    }

    fn deadline(&self) -> Duration {
        READY_DEADLINE + Duration::from_mins(1)
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        if self.server.process().await?.is_some()
            && let Ok(detail) = self.server.probe().await
            // A kill may have come between the start of the server and the making of the database.
            && database::connect(&self.site.folder, SHOP).await.is_ok()
        {
            return Ok(Presence::Present(format!("PostgreSQL {detail}")));
        }
        let exists = self.cluster().join("PG_VERSION").exists();
        let drifted = || Presence::Drifted("PostgreSQL is not running, or lacks the shop's database".to_owned());
        Ok(if exists { drifted() } else { Presence::Absent })
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        if !self.cluster().join("PG_VERSION").exists() {
            self.make_cluster(context).await?;
        }
        self.server.bring_up(context, READY_DEADLINE).await?;
        self.make_database(context).await?;
        Ok(Outputs::from([("dsn".to_owned(), database::dsn(&self.site.folder))]))
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        self.server.take_down(context).await?;
        for folder in [self.cluster(), self.cluster().with_extension("draft"), self.site.folder.postgres_socket()] {
            projects::remove(context, &folder).await?;
        }
        Ok(())
    }
}

fn query_failed(error: &tokio_postgres::Error) -> Failure {
    Failure::environment("PostgreSQL refused a query").source(error)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(format!("{} could not be written", path.display())).source(error)
}

/// Root's clusters belong to an unprivileged user, who must be able to reach them.
fn explain_root(failure: Failure) -> Failure {
    if privileges::postgres_user().is_none() {
        return failure;
    }
    failure.hint(
        "RetailFlow runs as root, so PostgreSQL runs as the user nobody, who must be able to pass through every \
         folder above the data directory. Run RetailFlow as an ordinary user, or set RETAILFLOW_HOME to such a folder.",
    )
}
