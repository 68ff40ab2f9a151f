//! An AWS of a test's own, from `tests/rig/`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cloud::Session;
use protocol::{AwsAccess, AwsPlace};
use serde_json::{Value, json};

/// A rig that lives as long as the test.
pub(crate) struct Rig {
    _folder: tempfile::TempDir,
    python: String,
    process: Child,
    content: Value,
}

impl Rig {
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("rf-cloud-").tempdir().unwrap();
        let python = std::env::var("RETAILFLOW_TEST_RIG_PYTHON")
            .expect("RETAILFLOW_TEST_RIG_PYTHON must name the Python of the offline rig, see tests/rig/README.md");
        let mut process = Command::new(&python)
            .args(["-m", "retailflow_rig.up", "--state-dir"])
            .arg(folder.path())
            .env("PYTHONPATH", repository().join("tests/rig"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let content = serde_json::from_slice(&std::fs::read(line.trim()).expect("the rig did not start")).unwrap();
        Self { _folder: folder, python, process, content }
    }

    fn text(&self, key: &str) -> &str {
        self.content[key].as_str().unwrap()
    }

    pub(crate) fn endpoint(&self) -> &str {
        self.text("endpoint")
    }

    /// Signed in, in the rig's region.
    pub(crate) async fn session(&self) -> Session {
        self.session_in(self.text("region")).await
    }

    pub(crate) async fn session_in(&self, region: &str) -> Session {
        let access = AwsAccess::Key { id: self.text("access_key_id").to_owned() };
        let place = AwsPlace { access, region: region.to_owned() };
        let secret = self.text("secret_access_key").to_owned();
        Session::open_at(&place, Some(secret), Some(self.endpoint())).await.unwrap()
    }

    /// Makes a stack's things with AWS's own Python SDK, and waits until its container runs.
    pub(crate) async fn make_stack(&self, what: &str, stack: &str) {
        self.make(what, stack);
        let until = Instant::now() + Duration::from_mins(1);
        while !self.remains().await.iter().any(|line| line.starts_with("ecs task ") && line.contains(stack)) {
            assert!(Instant::now() < until, "the container of {stack} does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Makes things with AWS's own Python SDK.
    pub(crate) fn make(&self, what: &str, stack: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/account/leftovers.py");
        let made =
            Command::new(&self.python).arg(script).args([self.endpoint(), self.text("region"), what, stack]).output();
        let made = made.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Everything in the account beyond a fresh one: `service kind id`.
    pub(crate) async fn remains(&self) -> Vec<String> {
        let found = self.ask("GET", "/rig/remains", &Value::Null).await;
        let line = |item: &Value| format!("{} {} {}", item["service"], item["kind"], item["id"]).replace('"', "");
        found.as_array().unwrap().iter().map(line).collect()
    }

    /// The calls so far, as IAM names them.
    pub(crate) async fn calls(&self) -> Vec<String> {
        let found = self.ask("GET", "/rig/calls", &Value::Null).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        found
            .as_array()
            .unwrap()
            .iter()
            .map(|call| format!("{}:{}", text(&call["service"]), text(&call["action"])))
            .collect()
    }

    pub(crate) async fn order(&self, fault: &Value) {
        self.ask("POST", "/rig/faults", fault).await;
    }

    pub(crate) async fn forget_faults(&self) {
        self.ask("DELETE", "/rig/faults", &Value::Null).await;
    }

    pub(crate) async fn set(&self, name: &str, value: &Value) {
        self.ask("PATCH", "/rig/settings", &json!({ name: value })).await;
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.endpoint());
        let request = reqwest::Client::new().request(method.parse().unwrap(), url);
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
        if answer.is_empty() { Value::Null } else { serde_json::from_str(&answer).unwrap() }
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Drop for Rig {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let until = Instant::now() + Duration::from_mins(1);
        while self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            if Instant::now() > until {
                let _ = self.process.kill();
                let _ = self.process.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
