//! Dagster: its home folder and its three processes.
//!
//! One code server holds the loaded project; webserver and daemon both ask it over a private socket, so the project
//! is loaded once and only the webserver takes a port, on loopback.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use engine::process::ServiceSpec;
use engine::{Outputs, Presence, Step, StepContext};
use jiff::Timestamp;
use protocol::{Failure, StepId};

use super::{Sandbox, Service, postgres, projects, python};
use crate::dagster::{Dagster, LOCATION};
use crate::files;
use crate::home::StackFolder;

/// The project imports Dagster, dlt and dbt before it answers.
const READY_DEADLINE: Duration = Duration::from_mins(2);

/// What the code server loads.
const DEFINITIONS: &str = "retailflow_pipeline.definitions";

/// In the order they must come up.
const SERVICES: [Service; 3] = [Service::CodeServer, Service::Webserver, Service::Daemon];

/// The step that starts Dagster.
pub(super) struct Orchestrator {
    sandbox: Sandbox,
}

impl Orchestrator {
    pub(super) fn new(sandbox: &Sandbox) -> Self {
        Self { sandbox: sandbox.clone() }
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
        for service in SERVICES {
            if service.process(&self.sandbox).await?.is_none() {
                return Ok(Presence::Absent);
            }
        }
        Ok(match probe_webserver(&self.sandbox).await {
            Ok(detail) => Presence::Present(detail),
            Err(waits_for) => Presence::Drifted(waits_for),
        })
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        let folder = &self.sandbox.folder;
        write_home(folder).map_err(|error| {
            Failure::environment(format!("{} could not be written", folder.dagster().display())).source(&error)
        })?;
        let fresh = Service::CodeServer.process(&self.sandbox).await?.is_none();
        let began = Timestamp::now();
        for service in SERVICES {
            service.bring_up(&self.sandbox, context, READY_DEADLINE).await?;
        }
        if fresh {
            let orphans = Dagster::of(folder)?.cancel_orphans(began).await?;
            context.info(format!("{orphans} interrupted pipeline runs were marked as cancelled")).await;
        }
        let url = webserver_url(folder).unwrap_or_default();
        Ok(Outputs::from([("url".to_owned(), url)]))
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        for service in SERVICES.into_iter().rev() {
            service.take_down(&self.sandbox, context).await?;
        }
        projects::remove(context, &self.sandbox.folder.dagster()).await?;
        projects::remove(context, &self.sandbox.folder.warehouse()).await
    }
}

/// Once a code server that was just started is ready, marks the runs of an earlier one as cancelled: their workers went
/// with it, they would stay “started” for ever, and the next run would queue behind them.
pub(super) async fn clear_orphans(sandbox: &Sandbox, began: Timestamp) -> Result<(), Failure> {
    let deadline = tokio::time::Instant::now() + READY_DEADLINE;
    while probe_code_server(sandbox).await.is_err() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Dagster::of(&sandbox.folder)?.cancel_orphans(began).await.map(drop)
}

/// Dagster's home: its settings from the project, and where the code server is.
fn write_home(folder: &StackFolder) -> std::io::Result<()> {
    files::make_folder(&folder.dagster())?;
    files::make_folder(&folder.warehouse())?;
    let settings = std::fs::read(folder.project().join("dagster").join("dagster.yaml"))?;
    files::write_atomically(&folder.dagster().join("dagster.yaml"), &settings)?;
    let socket = code_socket(folder).display().to_string();
    let workspace = serde_json::json!({"load_from": [{"grpc_server": {"socket": socket, "location_name": LOCATION}}]});
    // JSON is YAML.
    files::write_atomically(&workspace_file(folder), workspace.to_string().as_bytes())
}

fn workspace_file(folder: &StackFolder) -> PathBuf {
    folder.dagster().join("workspace.yaml")
}

fn code_socket(folder: &StackFolder) -> PathBuf {
    folder.runtime().join("code.sock")
}

fn port_file(folder: &StackFolder) -> PathBuf {
    folder.dagster().join("webserver.port")
}

/// Where the webserver listens, once it was started.
pub(crate) fn webserver_url(folder: &StackFolder) -> Option<String> {
    let port = std::fs::read_to_string(port_file(folder)).ok()?;
    Some(format!("http://127.0.0.1:{}", port.trim()))
}

/// The port used last if it is free, so that bookmarks last; otherwise any.
fn choose_port(folder: &StackFolder) -> std::io::Result<u16> {
    let last = std::fs::read_to_string(port_file(folder)).ok().and_then(|port| port.trim().parse().ok());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, last.unwrap_or(0)))
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let port = listener.local_addr()?.port();
    files::write_atomically(&port_file(folder), port.to_string().as_bytes())?;
    Ok(port)
}

/// What the Python projects read, see `dagster/retailflow_pipeline/settings.py`.
pub(super) fn environment(sandbox: &Sandbox) -> Vec<(OsString, OsString)> {
    let folder = &sandbox.folder;
    let project = folder.project();
    let pairs: [(&str, OsString); 11] = [
        ("RETAILFLOW_SOURCE_DSN", postgres::dsn(folder).into()),
        ("RETAILFLOW_WAREHOUSE", folder.warehouse().join("shop.duckdb").into()),
        ("RETAILFLOW_DBT_PROJECT", project.join("dbt").into()),
        ("RETAILFLOW_CHARTS", folder.charts_file().into()),
        ("RETAILFLOW_DLT_DIR", folder.warehouse().join("dlt").into()),
        ("RETAILFLOW_REFRESH_MINUTES", sandbox.config.refresh_minutes.to_string().into()),
        ("DAGSTER_HOME", folder.dagster().into()),
        ("PYTHONPATH", project.join("dagster").into()),
        ("PYTHONUNBUFFERED", "1".into()),
        // Whatever the user set: compiled once, modules load in half the time, and the stack owns where they lie.
        ("PYTHONDONTWRITEBYTECODE", "".into()),
        ("PATH", path_with(&python::program(folder, ""))),
    ];
    pairs.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

/// The search path with the environment's programs first: Dagster starts `dbt` by its name.
fn path_with(programs: &std::path::Path) -> OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(programs.to_owned()).chain(std::env::split_paths(&rest))).unwrap_or(rest)
}

/// What parses the dbt project.
pub(super) fn manifest_command(sandbox: &Sandbox) -> (PathBuf, Vec<OsString>) {
    let python = python::program(&sandbox.folder, "python");
    (python, ["-m", "retailflow_pipeline.prepare"].map(Into::into).to_vec())
}

pub(super) fn code_server(sandbox: &Sandbox) -> ServiceSpec {
    let socket = code_socket(&sandbox.folder);
    // A killed server leaves its socket, and a new one would not bind to it.
    let _ = std::fs::remove_file(&socket);
    let words = ["-m", "dagster", "api", "grpc", "--module-name", DEFINITIONS, "--location-name", LOCATION, "--socket"];
    spec(sandbox, Service::CodeServer, "python", &words, [socket.into()])
}

pub(super) fn webserver(sandbox: &Sandbox) -> Result<ServiceSpec, Failure> {
    let port = choose_port(&sandbox.folder)
        .map_err(|error| Failure::environment("No free port on loopback").source(&error))?;
    let words = ["--host", "127.0.0.1", "--port"];
    let more = [port.to_string().into(), "--workspace".into(), workspace_file(&sandbox.folder).into()];
    Ok(spec(sandbox, Service::Webserver, "dagster-webserver", &words, more))
}

pub(super) fn daemon(sandbox: &Sandbox) -> ServiceSpec {
    let more = [workspace_file(&sandbox.folder).into()];
    spec(sandbox, Service::Daemon, "dagster-daemon", &["run", "--workspace"], more)
}

fn spec<const N: usize>(
    sandbox: &Sandbox,
    service: Service,
    program: &str,
    words: &[&str],
    more: [OsString; N],
) -> ServiceSpec {
    let folder = &sandbox.folder;
    ServiceSpec {
        mark: service.mark(sandbox),
        program: python::program(folder, program),
        args: words.iter().map(Into::into).chain(more).collect(),
        env: environment(sandbox),
        folder: folder.dagster(),
        log: folder.service_log(service.name()),
        user: None,
    }
}

pub(super) async fn probe_code_server(sandbox: &Sandbox) -> Result<String, String> {
    let connected = tokio::net::UnixStream::connect(code_socket(&sandbox.folder)).await;
    connected.map(|_| "the project is loaded".to_owned()).map_err(|_| "it is loading the project".to_owned())
}

pub(super) async fn probe_webserver(sandbox: &Sandbox) -> Result<String, String> {
    let dagster = Dagster::of(&sandbox.folder).map_err(|failure| failure.to_string())?;
    dagster.version().await.map(|version| format!("Dagster {version}")).map_err(|failure| failure.to_string())
}
