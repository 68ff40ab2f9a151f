//! PostgreSQL: its cluster, its process, its database.
//!
//! It listens on a Unix socket in a folder that only this user may enter, and trusts whoever gets there. So there is
//! no password to keep or to leak, no port to be taken, and no other user of the computer who could connect.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use engine::process::{Mark, ServiceSpec, ToolSpec, run_tool};
use engine::{Outputs, Presence, Step, StepContext};
use protocol::{Failure, ResourceAction, StepId};
use tokio_postgres::{Client, Config, NoTls};

use super::{Sandbox, Service, TOOL_ROLE, TOOL_STOP, python};
use crate::files;
use crate::home::StackFolder;

/// The role and database of the shop.
const SHOP: &str = "shop";

/// A cluster left by a crash replays its log before it answers.
const READY_DEADLINE: Duration = Duration::from_mins(1);

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// Settings beyond PostgreSQL's defaults, sized for a laptop: bulk COPY wants few checkpoints and larger buffers.
const SETTINGS: [&str; 8] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "shared_buffers=256MB",
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
    "wal_compression=on",
    "timezone=UTC",
    "log_line_prefix=%m [%p] ",
];

/// The step that makes and starts PostgreSQL.
pub(super) struct Postgres {
    sandbox: Sandbox,
}

impl Postgres {
    pub(super) fn new(sandbox: &Sandbox) -> Self {
        Self { sandbox: sandbox.clone() }
    }

    fn cluster(&self) -> PathBuf {
        self.sandbox.folder.postgres()
    }

    /// Makes the cluster beside its place and moves it there whole, so that a kill leaves none or all of it.
    async fn make_cluster(&self, context: &StepContext) -> Result<(), Failure> {
        let draft = self.cluster().with_extension("draft");
        let prepare = || {
            files::remove_folder(&draft)?;
            files::make_postgres_folder(&draft)
        };
        prepare().map_err(|error| unwritable(&draft, &error))?;
        let args = ["--username", SHOP, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--pgdata"];
        let mut args: Vec<_> = args.into_iter().map(Into::into).collect();
        args.push(draft.clone().into());
        run_tool(
            context,
            &ToolSpec {
                mark: Mark::new(self.sandbox.folder.path(), &format!("{TOOL_ROLE}initdb")),
                program: python::postgres_programs(&self.sandbox.folder)?.join("initdb"),
                args,
                env: Vec::new(),
                folder: draft.clone(),
                user: files::postgres_user(),
                stop: TOOL_STOP,
            },
        )
        .await
        .map_err(explain_root)?;
        std::fs::rename(&draft, self.cluster()).map_err(|error| unwritable(&draft, &error))?;
        context.resource(ResourceAction::Created, "database cluster", self.cluster().display().to_string()).await;
        Ok(())
    }

    async fn make_database(&self, context: &StepContext) -> Result<(), Failure> {
        let server = connect(&self.sandbox.folder, "postgres").await?;
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
        if Service::Postgres.process(&self.sandbox).await?.is_some()
            && let Ok(detail) = probe(&self.sandbox).await
            // A kill may have come between the start of the server and the making of the database.
            && connect_to_shop(&self.sandbox.folder).await.is_ok()
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
        Service::Postgres.bring_up(&self.sandbox, context, READY_DEADLINE).await?;
        self.make_database(context).await?;
        Ok(Outputs::from([("dsn".to_owned(), dsn(&self.sandbox.folder))]))
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        Service::Postgres.take_down(&self.sandbox, context).await?;
        for folder in [self.cluster(), self.cluster().with_extension("draft"), self.sandbox.folder.postgres_socket()] {
            super::projects::remove(context, &folder).await?;
        }
        Ok(())
    }
}

/// How the server is started.
pub(super) fn spec(sandbox: &Sandbox) -> Result<ServiceSpec, Failure> {
    let folder = &sandbox.folder;
    let socket = folder.postgres_socket();
    files::make_folder(&folder.runtime())
        .and_then(|()| files::make_postgres_folder(&socket))
        .map_err(|error| unwritable(&socket, &error))?;
    let mut args = vec!["-D".into(), folder.postgres().into(), "-k".into(), socket.into()];
    args.extend(SETTINGS.iter().flat_map(|setting| ["-c".into(), (*setting).into()]));
    Ok(ServiceSpec {
        mark: Service::Postgres.mark(sandbox),
        program: python::postgres_programs(folder)?.join("postgres"),
        args,
        env: Vec::new(),
        folder: folder.postgres(),
        log: folder.service_log(Service::Postgres.name()),
        user: files::postgres_user(),
    })
}

/// Whether it answers: its version, or what it waits for.
pub(super) async fn probe(sandbox: &Sandbox) -> Result<String, String> {
    let server = connect(&sandbox.folder, "postgres").await.map_err(|failure| failure.to_string())?;
    let row = server.query_one("show server_version", &[]).await.map_err(|error| error.to_string())?;
    Ok(format!("{} at {}", row.get::<_, &str>(0), dsn(&sandbox.folder)))
}

/// How to reach the shop's database from this process.
pub(crate) fn config(folder: &StackFolder) -> Config {
    database(folder, SHOP)
}

/// How to reach the shop's database by libpq's connection URI.
pub(super) fn dsn(folder: &StackFolder) -> String {
    let socket: String = folder.postgres_socket().to_string_lossy().bytes().map(percent_encoded).collect();
    format!("postgresql:///{SHOP}?host={socket}&user={SHOP}")
}

fn percent_encoded(byte: u8) -> String {
    let plain = byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

fn database(folder: &StackFolder, name: &str) -> Config {
    let mut config = Config::new();
    config.host_path(folder.postgres_socket()).user(SHOP).dbname(name).connect_timeout(CONNECT_DEADLINE);
    config
}

/// Connects to a database of the cluster.
async fn connect(folder: &StackFolder, name: &str) -> Result<Client, Failure> {
    let config = database(folder, name);
    let (client, connection) = tokio::time::timeout(CONNECT_DEADLINE, config.connect(NoTls))
        .await
        .map_err(|_| Failure::environment("PostgreSQL does not answer"))?
        .map_err(|error| Failure::environment("PostgreSQL does not answer yet").source(&error))?;
    tokio::spawn(connection);
    Ok(client)
}

/// Connects to the shop's database.
pub(crate) async fn connect_to_shop(folder: &StackFolder) -> Result<Client, Failure> {
    connect(folder, SHOP).await
}

fn query_failed(error: &tokio_postgres::Error) -> Failure {
    Failure::environment("PostgreSQL refused a query").source(error)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(format!("{} could not be written", path.display())).source(error)
}

/// Root's clusters belong to an unprivileged user, who must be able to reach them.
fn explain_root(failure: Failure) -> Failure {
    if files::postgres_user().is_none() {
        return failure;
    }
    failure.hint(
        "RetailFlow runs as root, so PostgreSQL runs as the user nobody, who must be able to pass through every \
         folder above the data directory. Run RetailFlow as an ordinary user, or set RETAILFLOW_HOME to such a folder.",
    )
}
