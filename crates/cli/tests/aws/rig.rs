//! The rig, and the program in its world.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use engine::process::{Found, ProcessTable};
use serde_json::Value;
use stack::StackFolder;

use crate::command::{Ended, Running, wait_until};
use crate::recording::{HOME, Recorder, SOCKETS};
use crate::world::World;

/// The name of every test's stack.
pub(crate) const STACK: &str = "shop";

/// The first `up` of a stack, with its settings.
pub(crate) const FIRST: [&str; 7] = ["up", "--yes", "--json", "--target", "aws", "--region", "eu-central-1"];

/// How long the rig may take to start.
const START: Duration = Duration::from_mins(2);

/// How long it may take to end.
const END: Duration = Duration::from_mins(1);

/// An AWS of a test's own, and a registry with the images that the stack's are made from.
pub(crate) struct Rig {
    folder: tempfile::TempDir,
    parts: Vec<Child>,
    content: Value,
}

impl Rig {
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("rf-aws-").tempdir().unwrap();
        let python = std::env::var("RETAILFLOW_TEST_RIG_PYTHON")
            .expect("RETAILFLOW_TEST_RIG_PYTHON must name the Python of the offline rig, see tests/rig/README.md");
        let mut rig = Command::new(python)
            .args(["-m", "retailflow_rig.up", "--state-dir"])
            .arg(folder.path().join("rig"))
            .env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/rig"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(rig.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let content = serde_json::from_slice(&std::fs::read(line.trim()).expect("the rig did not start")).unwrap();
        let mut rig = Self { folder, parts: vec![rig], content };
        rig.share_layers();
        rig.publish_base_images();
        rig
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The layer of Python packages is packed once for all tests of a run.
    fn share_layers(&self) {
        let (shared, cache) = (std::env::temp_dir().join("aws-layers"), self.home().join("cache"));
        std::fs::create_dir_all(&shared).unwrap();
        std::fs::create_dir_all(&cache).unwrap();
        std::os::unix::fs::symlink(shared, cache.join("images")).unwrap();
    }

    /// A registry that anybody may read, as the public ones are, with a small image for each of the stack's.
    fn publish_base_images(&mut self) {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n",
            self.path("public").display()
        );
        std::fs::write(self.path("public.yml"), config).unwrap();
        let quiet = Stdio::null;
        let serve = Command::new("docker-registry")
            .arg("serve")
            .arg(self.path("public.yml"))
            .stdout(quiet())
            .stderr(quiet())
            .spawn();
        self.parts.push(serve.expect("docker-registry must be installed (Debian: apt install docker-registry)"));
        wait_until("the public registry", START, || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        let mut sources = String::new();
        for name in ["postgres", "metabase", "dagster"] {
            let digest = self.publish(name, port);
            writeln!(sources, "{name} = \"127.0.0.1:{port}/library/{name}@{digest}\"").unwrap();
        }
        std::fs::write(self.path("images.toml"), sources).unwrap();
    }

    /// Makes an image with one file and pushes it; gives its digest.
    fn publish(&self, name: &str, port: u16) -> String {
        let layout = self.path("layout");
        let image = format!("{}:{name}", layout.display());
        let content = self.path(name);
        std::fs::write(&content, format!("the image of {name}\n").repeat(1000)).unwrap();
        if !layout.exists() {
            printed("umoci", &["init", "--layout", &layout.display().to_string()]);
        }
        printed("umoci", &["new", "--image", &image]);
        printed("umoci", &["insert", "--image", &image, &content.display().to_string(), "/etc/name"]);
        let target = format!("docker://127.0.0.1:{port}/library/{name}:1");
        printed("skopeo", &["copy", "--quiet", "--dest-tls-verify=false", &format!("oci:{image}"), &target]);
        printed("skopeo", &["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &target]).trim().to_owned()
    }

    /// Speaks to the rig's controls.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Value {
        let url = format!("{}{path}", self.content["endpoint"].as_str().unwrap());
        let mut args = vec!["--silent", "--show-error", "--fail-with-body", "-X", method, &url];
        if let Some(body) = body {
            args.extend(["--data", body]);
        }
        let answer = printed("curl", &args);
        if answer.trim().is_empty() { Value::Null } else { serde_json::from_str(&answer).unwrap() }
    }

    /// Asks a service of the account, as anybody who is signed in to it can. The rig does not look at the signature.
    pub(crate) fn call(&self, service: &str, target: &str, body: &Value) -> Value {
        let (region, url) = (self.region(), self.content["endpoint"].as_str().unwrap());
        let scope = format!("AKIA/20260101/{region}/{service}/aws4_request");
        let headers = [
            format!("Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
            format!("X-Amz-Target: {target}"),
            "Content-Type: application/x-amz-json-1.1".to_owned(),
        ];
        let body = body.to_string();
        let mut args = vec!["--silent", "--fail-with-body", "--data", &body, url];
        args.extend(headers.iter().flat_map(|header| ["-H", header]));
        let answer = printed("curl", &args);
        if answer.trim().is_empty() { Value::Null } else { serde_json::from_str(&answer).unwrap() }
    }

    /// A program in the rig's world: signed in to its account, its registry and its provider at hand.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retailflow"));
        command.args(["--stack", STACK]).args(args).env("RETAILFLOW_HOME", self.home()).env("NO_COLOR", "1");
        for (name, value) in self.content["environment"].as_object().unwrap() {
            command.env(name, value.as_str().unwrap());
        }
        let function = self.path("function");
        std::fs::write(&function, a_program()).unwrap();
        command.env("RETAILFLOW_IMAGES", self.path("images.toml")).env("RETAILFLOW_FUNCTION", function);
        command.stdin(Stdio::null());
        command
    }

    /// Starts the program.
    pub(crate) fn spawn(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    /// The data directory.
    pub(crate) fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Another data directory, as if on another computer.
    pub(crate) fn elsewhere(&self) -> PathBuf {
        self.path("elsewhere")
    }

    /// The living processes of the stack.
    pub(crate) fn processes(&self) -> Vec<Found> {
        ProcessTable::open().unwrap().of_stack(self.stack().id())
    }

    /// Waits until the stack's agent, whom nobody needs any more, is gone.
    pub(crate) fn wait_for_the_agent(&self) {
        wait_until("the agent's leave", END, || self.processes().is_empty());
    }

    /// Orders a fault.
    pub(crate) fn order(&self, fault: &Value) {
        self.ask("POST", "/rig/faults", Some(&fault.to_string()));
    }

    /// Forgets the faults that were ordered.
    pub(crate) fn forget_faults(&self) {
        self.ask("DELETE", "/rig/faults", None);
    }

    /// The calls made so far, as `service:action`.
    pub(crate) fn calls(&self) -> BTreeSet<String> {
        let calls = self.ask("GET", "/rig/calls", None);
        let text = |call: &Value, key: &str| call[key].as_str().unwrap().to_owned();
        calls.as_array().unwrap().iter().map(|call| text(call, "service") + ":" + &text(call, "action")).collect()
    }

    /// The stack's folder.
    pub(crate) fn stack_folder(&self) -> PathBuf {
        self.home().join("stacks").join(STACK)
    }

    /// The stack as it is now, or as it was.
    pub(crate) fn stack(&self) -> StackFolder {
        StackFolder::new(self.stack_folder())
    }
}

impl World for Rig {
    fn run(&self, args: &[&str]) -> Ended {
        self.spawn(args).wait()
    }

    fn follow(&self, operation: &str, args: &[&str]) -> Ended {
        let path = |path: &Path| path.display().to_string();
        let words = vec![(path(&self.home()), HOME), (path(&self.stack().runtime()), SOCKETS)];
        let recorder = Recorder { target: "aws", folder: self.stack_folder(), words };
        recorder.follow(operation, || self.spawn(args))
    }

    fn region(&self) -> &str {
        self.content["region"].as_str().unwrap()
    }

    /// What is left in the account beyond a fresh one, as `service kind id`.
    fn remains(&self) -> Vec<String> {
        let found = self.ask("GET", "/rig/remains", None);
        let text = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
        let line = |item: &Value| format!("{} {} {}", text(item, "service"), text(item, "kind"), text(item, "id"));
        found.as_array().unwrap().iter().map(line).collect()
    }

    fn disable_rule(&self, name: &str) {
        self.call("events", "AWSEvents.DisableRule", &serde_json::json!({"Name": name}));
    }

    fn assert_nothing_is_left(&self) {
        assert_eq!(self.remains(), [] as [String; 0], "left in the account");
        assert_eq!(self.processes(), [], "processes are left");
        assert!(!self.stack_folder().exists(), "the folder is left");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if std::thread::panicking() && self.stack_folder().exists() {
            let _ = self.command(&["logs", "--lines", "60"]).status();
        }
        // A stack that was not taken down leaves the folder of its sockets.
        let mut table = ProcessTable::open().unwrap();
        for home in [self.home(), self.elsewhere()] {
            let stack = StackFolder::new(home.join("stacks").join(STACK));
            for found in table.of_stack(stack.id()) {
                let _ = table.kill(&found.mark);
            }
            let _ = std::fs::remove_dir_all(stack.runtime());
        }
        for part in &mut self.parts {
            // The rig ends with its input, the registry when it is told to.
            if part.stdin.take().is_none() {
                let _ = part.kill();
            }
            let until = Instant::now() + END;
            while part.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = part.kill();
            let _ = part.wait();
        }
    }
}

/// The head of a program for Linux on x86-64, which is all that the rig looks at: it runs no function.
fn a_program() -> Vec<u8> {
    let mut program = vec![0; 64];
    program[..6].copy_from_slice(b"\x7fELF\x02\x01");
    program[18] = 62;
    program
}

/// The last value of an NDJSON output that has this key.
pub(crate) fn value(ended: &Ended, key: &str) -> Value {
    let last = ended.json().into_iter().rfind(|value| !value[key].is_null());
    last.unwrap_or_else(|| panic!("no {key}: {ended:#?}"))[key].take()
}

/// What a program prints that must succeed.
pub(crate) fn printed(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let output =
        output.unwrap_or_else(|error| panic!("{program} must be installed (Debian: apt install {program}): {error}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
