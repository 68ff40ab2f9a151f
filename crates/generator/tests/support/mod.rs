//! A throw-away PostgreSQL server on a unix socket, for tests and benchmarks that need the real thing.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

/// Names the folder with `postgres`, `initdb` and `psql`.
pub(crate) const BINARIES: &str = "RETAILFLOW_TEST_POSTGRES_BIN";
/// PostgreSQL refuses to run as root; root runs it as this user, nobody.
const NOBODY: u32 = 65_534;

/// A running server that goes away with this value.
pub(crate) struct Server {
    folder: TempDir,
    binaries: PathBuf,
    process: Child,
}

impl Server {
    /// Starts a server with the given settings, each `name=value`.
    ///
    /// # Panics
    /// If there are no binaries or they do not work: then nothing that needs the server can be tested.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let Some(binaries) = std::env::var_os(BINARIES).map(PathBuf::from) else {
            panic!("set {BINARIES} to the folder with PostgreSQL's initdb and postgres, e.g. `pg_config --bindir`");
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        if is_root(folder.path()) {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("handing the folder to nobody");
        }
        let data = folder.path().join("data");
        let made = command(&binaries, "initdb", folder.path())
            .args(["--auth=trust", "--username=shop", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .expect("running initdb");
        assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        let mut postgres = command(&binaries, "postgres", folder.path());
        postgres.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-c", "listen_addresses="]);
        for setting in settings {
            postgres.args(["-c", setting]);
        }
        let process = postgres.spawn().expect("starting postgres");
        let server = Self { folder, binaries, process };
        server.wait().await;
        server
    }

    /// Where a database of the server is.
    pub(crate) fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host_path(self.folder.path()).user("shop").dbname(database);
        config
    }

    /// Creates an empty database.
    pub(crate) async fn database(&self, name: &str) -> Config {
        let client = self.client("postgres").await;
        client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("creating a database");
        self.config(name)
    }

    /// A plain connection.
    pub(crate) async fn client(&self, database: &str) -> Client {
        connect(&self.config(database)).await.expect("connecting")
    }

    async fn wait(&self) {
        for _ in 0..300 {
            if connect(&self.config("postgres")).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("PostgreSQL did not come up within 30 s; its log:\n{log}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = command(&self.binaries, "pg_ctl", self.folder.path())
            .args(["stop", "--mode=immediate", "--silent", "-D"])
            .arg(self.folder.path().join("data"))
            .status();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One of PostgreSQL's binaries, writing to the log in `folder`, and as nobody if this is root.
fn command(binaries: &Path, name: &str, folder: &Path) -> Command {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).expect("a log");
    let mut command = Command::new(binaries.join(name));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    // The folder is nobody's already; this process is root if one of its own making is root's.
    if is_root(&folder.join("log")) {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Whether `path`, which this process made, belongs to root.
fn is_root(path: &Path) -> bool {
    std::fs::metadata(path).expect("a file of one's own").uid() == 0
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
