//! The shop's PostgreSQL on its host of the rig, as ECS would run it there, with the login of the stack's secret.

use std::fs::File;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use generator::{Advance, Config, Writer};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::rig::{Rig, STACK};

/// Names the folder with `postgres` and `initdb`.
const BINARIES: &str = "RETAILFLOW_TEST_POSTGRES_BIN";
/// PostgreSQL refuses to run as root; root runs it as this user, nobody.
const NOBODY: u32 = 65_534;

const SHOP: Config = Config { seed: 1, tick_seconds: 60, backfill_days: 0, orders_per_day: 43_200.0, tick_days: 7 };

/// The server. It ends with this.
pub(crate) struct Postgres {
    folder: TempDir,
    process: Option<Child>,
}

impl Postgres {
    /// Makes it and starts it, with an open shop whose live ticks began an hour ago.
    pub(crate) async fn on_its_host(rig: &Rig) -> Self {
        let hosts = rig.ask("GET", "/rig/hosts", None);
        let name = format!("{STACK}-postgres");
        let host = hosts.as_array().unwrap().iter().find(|host| host["name"] == name.as_str()).unwrap();
        let secret = json!({"SecretId": format!("{STACK}/postgres")});
        let secret = rig.call("secretsmanager", "secretsmanager.GetSecretValue", &secret);
        let login: Value = serde_json::from_str(secret["SecretString"].as_str().unwrap()).unwrap();
        let mut server = Self { folder: tempfile::tempdir().unwrap(), process: None };
        server.initialise(login["username"].as_str().unwrap(), login["password"].as_str().unwrap());
        server.start(host);
        server.open_the_shop().await;
        server
    }

    fn initialise(&self, user: &str, password: &str) {
        let folder = self.folder.path();
        std::fs::write(folder.join("log"), "").unwrap();
        std::fs::write(folder.join("password"), password).unwrap();
        if self.is_root() {
            for path in [folder, &folder.join("password")] {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let made = self
            .command("initdb")
            .args(["--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile=password", "--username", user])
            .args(["--encoding=UTF8", "--no-locale", "--no-sync", "--pgdata=data"])
            .status();
        assert!(made.unwrap().success(), "initdb failed: {}", self.log());
    }

    /// It listens in the host's own network; the test speaks to it through a socket, which is in none.
    fn start(&mut self, host: &Value) {
        let mut command = self.command("postgres");
        command.args(["-D", "data", "-c", "port=5432", "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-k"]);
        command.arg(self.folder.path());
        command.env("LD_PRELOAD", host["preload"].as_str().unwrap());
        command.env("SOCKET_WRAPPER_DIR", host["network"].as_str().unwrap());
        self.process = Some(command.spawn().unwrap());
    }

    async fn open_the_shop(&self) {
        let begun = std::time::Instant::now();
        let client = loop {
            match self.config("postgres").connect(tokio_postgres::NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    break client;
                }
                Err(error) if begun.elapsed().as_secs() > 30 => panic!("{error}: {}", self.log()),
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        };
        client.batch_execute("CREATE DATABASE shop").await.unwrap();
        let mut writer = self.writer().await;
        writer.prepare().await.unwrap();
        writer.open(&SHOP, Timestamp::now() - SignedDuration::from_hours(1)).await.unwrap();
    }

    /// Writes the shop's next ticks; gives the number of the last.
    pub(crate) async fn write_ticks(&self, count: usize) -> i64 {
        let mut writer = self.writer().await;
        for _ in 0..count {
            let advance = writer.advance(&SHOP, 30.0, Timestamp::now()).await.unwrap();
            assert!(matches!(advance, Advance::Wrote(_)), "{advance:?}");
        }
        writer.last_tick().await.unwrap().unwrap().tick
    }

    async fn writer(&self) -> Writer {
        Writer::connect(&self.config("shop")).await.unwrap()
    }

    fn config(&self, database: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host_path(self.folder.path()).user("shop").dbname(database);
        config
    }

    /// One of PostgreSQL's programs, writing to the log, and as nobody if this is root.
    fn command(&self, name: &str) -> Command {
        let binaries = std::env::var_os(BINARIES).map(PathBuf::from);
        let binaries = binaries.unwrap_or_else(|| panic!("set {BINARIES}, for example to `pg_config --bindir`"));
        let log = File::options().append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(binaries.join(name));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        if self.is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    /// Whether this process is root: then the log, which it made, is root's.
    fn is_root(&self) -> bool {
        std::fs::metadata(self.log_file()).unwrap().uid() == 0
    }

    fn log_file(&self) -> PathBuf {
        Path::join(self.folder.path(), "log")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = self.command("pg_ctl").args(["stop", "--mode=immediate", "--silent", "--pgdata=data"]).status();
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
