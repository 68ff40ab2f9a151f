//! PostgreSQL's server.

use std::time::Duration;

use async_trait::async_trait;
use engine::process::{Environment, Mark, PLACE, ServiceSpec, Stop};
use protocol::Failure;
use stack::{files, privileges};
use target::Service;

use crate::database;
use crate::site::Site;

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

/// PostgreSQL's server.
pub(crate) struct Postgres {
    site: Site,
}

impl Postgres {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone() }
    }
}

#[async_trait]
impl Service for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn title(&self) -> &'static str {
        "PostgreSQL"
    }

    fn mark(&self) -> Mark {
        self.site.service(self.name())
    }

    fn spec(&self) -> Result<ServiceSpec, Failure> {
        let folder = &self.site.folder;
        let mut args = vec!["-D".into(), folder.postgres().into(), "-k".into(), folder.postgres_socket().into()];
        args.extend(SETTINGS.iter().flat_map(|setting| ["-c".into(), (*setting).into()]));
        Ok(ServiceSpec {
            mark: self.mark(),
            program: self.site.postgres_programs()?.join("postgres"),
            args,
            env: Environment::inheriting(&[PLACE]),
            folder: folder.postgres(),
            log: folder.service_log(self.name()),
            user: privileges::postgres_user(),
        })
    }

    async fn prepare(&self) -> Result<(), Failure> {
        let (runtime, socket) = (self.site.folder.runtime(), self.site.folder.postgres_socket());
        files::make_folder(&runtime)
            .and_then(|()| privileges::make_postgres_folder(&socket))
            .map_err(|error| Failure::environment(format!("{} could not be written", socket.display())).source(&error))
    }

    async fn probe(&self) -> Result<String, Failure> {
        let folder = &self.site.folder;
        let server = database::connect(folder, database::FIRST).await?;
        let asked = server.query_one("show server_version", &[]).await;
        let row = asked.map_err(|error| Failure::environment("PostgreSQL does not answer").source(&error))?;
        Ok(format!("{} at {}", row.get::<_, &str>(0), database::dsn(folder)))
    }

    fn stop(&self) -> Stop {
        // “Fast shutdown”, which does not wait for clients; it writes what it holds to disk.
        Stop::interrupt(Duration::from_secs(20))
    }
}
