//! A real PostgreSQL that listens on loopback and asks for a password, as the stack's does.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

/// Names the folder with `postgres` and `initdb`.
const BINARIES: &str = "RETAILFLOW_TEST_POSTGRES_BIN";
/// PostgreSQL refuses to run as root; root runs it as this user, nobody.
const NOBODY: u32 = 65_534;

/// The user that the service PostgreSQL is made with.
pub(crate) const USER: &str = "shop";
/// That user's password, with what a careless program would trip over.
pub(crate) const PASSWORD: &str = r#"correct-horse "battery" \staple'%41"#;
/// The part of it that no output may have, however it is escaped there.
pub(crate) const TELLTALE: &str = "correct-horse";

/// A server that goes away with this value.
pub(crate) struct Postgres {
    folder: TempDir,
    binaries: PathBuf,
    pub(crate) port: u16,
    process: Option<Child>,
}

impl Postgres {
    /// Makes a server and starts it.
    ///
    /// # Panics
    /// If there are no binaries or they do not work: then nothing that needs the server can be tested.
    pub(crate) async fn start() -> Self {
        let Some(binaries) = std::env::var_os(BINARIES).map(PathBuf::from) else {
            panic!("set {BINARIES} to the folder with PostgreSQL's initdb and postgres, e.g. `pg_config --bindir`");
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let mut server = Self { folder, binaries, port, process: None };
        server.initialise();
        server.resume().await;
        server
    }

    fn initialise(&self) {
        let path = self.folder.path();
        std::fs::write(path.join("log"), "").expect("a log");
        std::fs::write(path.join("password"), PASSWORD).expect("the password's file");
        if self.is_root() {
            for path in [path, &path.join("password")] {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("handing it to nobody");
            }
        }
        let made = self
            .command("initdb")
            .args(["--auth=scram-sha-256", "--pwfile=password", "--encoding=UTF8", "--no-locale", "--no-sync"])
            .args(["--pgdata=data", "--username", USER])
            .status()
            .expect("running initdb");
        assert!(made.success(), "initdb failed: {}", self.log());
    }

    /// Starts it again, on the port it had.
    pub(crate) async fn resume(&mut self) {
        let process = self
            .command("postgres")
            .args(["-D", "data", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c"])
            .arg(format!("port={}", self.port))
            .args(["-c", "fsync=off"])
            .spawn()
            .expect("starting postgres");
        self.process = Some(process);
        for _ in 0..300 {
            if connect(&self.config("postgres")).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("PostgreSQL did not come up within 30 s; its log:\n{}", self.log());
    }

    /// Stops it, with every connection.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = self.command("pg_ctl").args(["stop", "--mode=immediate", "--silent", "--pgdata=data"]).status();
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Where a database of it is.
    pub(crate) fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user(USER).password(PASSWORD).dbname(database);
        config
    }

    /// A connection of the test's own.
    pub(crate) async fn client(&self, database: &str) -> Client {
        connect(&self.config(database)).await.expect("connecting")
    }

    /// Runs statements in the database that every connection can be made to.
    pub(crate) async fn execute(&self, statements: &[&str]) {
        let client = self.client("postgres").await;
        for statement in statements {
            client.batch_execute(statement).await.expect(statement);
        }
    }

    /// One of PostgreSQL's programs, writing to the log, and as nobody if this is root.
    fn command(&self, name: &str) -> Command {
        let log = File::options().append(true).open(self.folder.path().join("log")).expect("a log");
        let mut command = Command::new(self.binaries.join(name));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("the log")).stderr(log);
        if self.is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Whether this process is root: then the log, which it made, is root's.
    fn is_root(&self) -> bool {
        std::fs::metadata(self.folder.path().join("log")).expect("the log").uid() == 0
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
