//! PostgreSQL's server.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use engine::blocking;
use engine::process::{Environment, Mark, PLACE, ProcessTable, ServiceSpec, Stop};
use protocol::Failure;
use stack::privileges;
use target::Service;
use tokio::time::{Instant, sleep};

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

/// How long the children of a killed server may take to end; they see at their next wait that it is gone.
const OUTLIVED_WITHIN: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(100);

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
        outlive_predecessor(self.site.folder.postgres()).await?;
        let socket = self.site.folder.postgres_socket();
        self.site.folder.make_runtime()?;
        privileges::make_postgres_folder(&socket)
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

/// Waits until what is left of an earlier server of the cluster has ended: while it holds the shared memory, a new server does not
/// start. Then nobody can be the process that the cluster's lock file names, be there one of that number or not.
async fn outlive_predecessor(cluster: PathBuf) -> Result<(), Failure> {
    let deadline = Instant::now() + OUTLIVED_WITHIN;
    loop {
        let there = cluster.clone();
        let left = blocking(move || Ok(ProcessTable::open()?.at_work_in(&there, "postgres"))).await?;
        let Some(first) = left.first() else { break };
        if Instant::now() > deadline {
            return Err(Failure::environment("An earlier PostgreSQL is still at work in the stack's cluster")
                .cause(format!("process {first} works in {}", cluster.display()))
                .hint("End it in the system's process monitor, then run the command again."));
        }
        sleep(POLL).await;
    }
    let lock = cluster.join("postmaster.pid");
    match std::fs::remove_file(&lock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::environment(format!("{} could not be removed", lock.display())).source(&error))
        }
        _ => Ok(()),
    }
}
