//! Dagster's three processes. One code server holds the loaded project; webserver and daemon both ask it over a private socket, so
//! the project is loaded once and only the webserver takes a port, on loopback.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use async_trait::async_trait;
use engine::process::{Mark, ServiceSpec};
use jiff::Timestamp;
use protocol::Failure;
use stack::{files, wire};
use target::Service;

use crate::dagster::{Dagster, LOCATION};
use crate::environment;
use crate::site::Site;

/// What the code server loads.
const DEFINITIONS: &str = "retailflow_pipeline.definitions";

/// How long a code server that was started again may take until the runs of its predecessor are cleared away.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// The process that holds the loaded project.
pub(crate) struct CodeServer {
    site: Site,
}

/// Dagster's page and its GraphQL.
pub(crate) struct Webserver {
    site: Site,
}

/// What starts scheduled and queued runs.
pub(crate) struct Daemon {
    site: Site,
}

impl CodeServer {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone() }
    }
}

impl Webserver {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone() }
    }
}

impl Daemon {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone() }
    }
}

#[async_trait]
impl Service for CodeServer {
    fn name(&self) -> &'static str {
        "dagster-code"
    }

    fn title(&self) -> &'static str {
        "Dagster code server"
    }

    fn mark(&self) -> Mark {
        self.site.service(self.name())
    }

    fn spec(&self) -> Result<ServiceSpec, Failure> {
        let words =
            ["-m", "dagster", "api", "grpc", "--module-name", DEFINITIONS, "--location-name", LOCATION, "--socket"];
        Ok(spec(&self.site, self, "python", &words, [self.site.code_socket().into()]))
    }

    /// A killed server leaves its socket, and a new one would not bind to it.
    async fn prepare(&self) -> Result<(), Failure> {
        let socket = self.site.code_socket();
        wire::remove(&socket)
            .map_err(|error| Failure::environment(format!("{} could not be removed", socket.display())).source(&error))
    }

    async fn probe(&self) -> Result<String, Failure> {
        let connected = tokio::net::UnixStream::connect(self.site.code_socket()).await;
        connected
            .map(|_| "the project is loaded".to_owned())
            .map_err(|_| Failure::environment("The code server is loading the project"))
    }

    /// The runs of the one before went with it: they would stay “started” for ever, and the next run would queue behind them.
    async fn recover(&self) -> Result<(), Failure> {
        let began = Timestamp::now();
        let deadline = tokio::time::Instant::now() + READY_WITHIN;
        while self.probe().await.is_err() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Dagster::of(&self.site)?.cancel_orphans(began).await.map(drop)
    }
}

#[async_trait]
impl Service for Webserver {
    fn name(&self) -> &'static str {
        "dagster-webserver"
    }

    fn title(&self) -> &'static str {
        "Dagster webserver"
    }

    fn mark(&self) -> Mark {
        self.site.service(self.name())
    }

    fn spec(&self) -> Result<ServiceSpec, Failure> {
        let port = last_port(&self.site).unwrap_or_default();
        let more = [port.to_string().into(), "--workspace".into(), self.site.workspace_file().into()];
        Ok(spec(&self.site, self, "dagster-webserver", &["--host", "127.0.0.1", "--port"], more))
    }

    async fn prepare(&self) -> Result<(), Failure> {
        choose_port(&self.site).map_err(|error| Failure::environment("No free port on loopback").source(&error))
    }

    async fn probe(&self) -> Result<String, Failure> {
        Ok(format!("Dagster {}", Dagster::of(&self.site)?.version().await?))
    }
}

#[async_trait]
impl Service for Daemon {
    fn name(&self) -> &'static str {
        "dagster-daemon"
    }

    fn title(&self) -> &'static str {
        "Dagster daemon"
    }

    fn mark(&self) -> Mark {
        self.site.service(self.name())
    }

    fn spec(&self) -> Result<ServiceSpec, Failure> {
        let more = [self.site.workspace_file().into()];
        Ok(spec(&self.site, self, "dagster-daemon", &["run", "--workspace"], more))
    }
}

fn spec<const N: usize>(
    site: &Site,
    service: &dyn Service,
    program: &str,
    words: &[&str],
    more: [OsString; N],
) -> ServiceSpec {
    ServiceSpec {
        mark: service.mark(),
        program: site.program(program),
        args: words.iter().map(Into::into).chain(more).collect(),
        env: environment::of_python(site),
        folder: site.folder.dagster(),
        log: site.folder.service_log(service.name()),
        user: None,
    }
}

fn last_port(site: &Site) -> Option<u16> {
    std::fs::read_to_string(site.port_file()).ok()?.trim().parse().ok()
}

/// The port used last if it is free, so that bookmarks last; otherwise any.
fn choose_port(site: &Site) -> io::Result<()> {
    let any = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = match last_port(site) {
        Some(port) => TcpListener::bind((Ipv4Addr::LOCALHOST, port)).or_else(|_| any())?,
        None => any()?,
    };
    files::write_atomically(&site.port_file(), listener.local_addr()?.port().to_string().as_bytes())
}
