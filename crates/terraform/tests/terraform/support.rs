//! Roots to work on, and ears to hear what is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use engine::process::{Environment, Mark, PLACE, ProcessTable};
use protocol::{Level, ResourceAction};
use retailflow_terraform::{Listener, Root, Wish};
use tokio_util::sync::CancellationToken;

/// Remembers what it hears.
#[derive(Default)]
pub(crate) struct Ear {
    pub(crate) stop: CancellationToken,
    log: Mutex<Vec<String>>,
    progress: Mutex<Vec<(u64, Option<u64>, String)>>,
    resources: Mutex<Vec<(ResourceAction, String)>>,
}

#[async_trait]
impl Listener for Ear {
    async fn log(&self, _: Level, line: &str) {
        self.log.lock().unwrap().push(line.to_owned());
    }

    fn progress(&self, done: u64, total: Option<u64>, words: String) {
        self.progress.lock().unwrap().push((done, total, words));
    }

    async fn resource(&self, action: ResourceAction, _: &str, address: &str) {
        self.resources.lock().unwrap().push((action, address.to_owned()));
    }

    fn stopping(&self) -> &CancellationToken {
        &self.stop
    }
}

impl Ear {
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    pub(crate) fn progress(&self) -> Vec<(u64, Option<u64>, String)> {
        self.progress.lock().unwrap().clone()
    }

    /// The addresses of what was made or removed, in order of address.
    pub(crate) fn resources(&self, action: ResourceAction) -> Vec<String> {
        let all = self.resources.lock().unwrap();
        let mut found: Vec<String> =
            all.iter().filter(|(did, _)| *did == action).map(|(_, address)| address.clone()).collect();
        found.sort_unstable();
        found
    }

    pub(crate) async fn until_log(&self, words: &str) {
        eventually(&format!("“{words}” in the log"), || self.log().contains(words)).await;
    }
}

/// A stack with one root, removed with all its processes in the end.
pub(crate) struct Stack {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) root: Root,
}

impl Drop for Stack {
    fn drop(&mut self) {
        let mut table = ProcessTable::open().unwrap();
        for found in table.of_stack(&identity(self.folder.path())) {
            let _ = table.kill(&found.mark);
        }
    }
}

impl Stack {
    /// A stack whose root has this configuration, with Terraform from the search path.
    pub(crate) fn new(configuration: &str) -> Self {
        Self::with(configuration, terraform())
    }

    pub(crate) fn with(configuration: &str, program: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = root_of(folder.path(), program);
        fs::create_dir_all(root.folder()).unwrap();
        fs::write(root.folder().join("main.tf"), configuration).unwrap();
        Self { folder, root }
    }

    /// One whose providers are installed.
    pub(crate) async fn ready(configuration: &str) -> Self {
        let stack = Self::new(configuration);
        stack.root.init(&Ear::default(), "1").await.unwrap();
        stack
    }

    /// One that stands.
    pub(crate) async fn standing(configuration: &str) -> Self {
        let stack = Self::ready(configuration).await;
        stack.plan().await;
        stack.root.apply(&Ear::default(), "up.tfplan").await.unwrap();
        stack
    }

    /// Plans to make everything; gives the addresses that would change.
    pub(crate) async fn plan(&self) -> Vec<String> {
        let changes = self.root.plan(&Ear::default(), &Wish::make("up.tfplan")).await.unwrap();
        changes.planned.into_iter().map(|change| change.address).collect()
    }

    /// Lets every [`waiter`] go on.
    pub(crate) fn go(&self) {
        fs::write(self.folder.path().join("go"), "").unwrap();
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.root.folder().join("terraform.tfstate")
    }

    /// The processes of the stack that still live.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let found = ProcessTable::open().unwrap().of_stack(&identity(self.folder.path()));
        found.into_iter().map(|found| found.pid).collect()
    }

    /// The mark of a process of the stack.
    pub(crate) fn mark(&self, role: &str) -> Mark {
        Mark::new(&identity(self.folder.path()), role)
    }
}

/// The identity of the stack in a folder, which nobody else has.
fn identity(stack: &Path) -> String {
    stack.to_string_lossy().into_owned()
}

/// The root of a stack in a folder.
pub(crate) fn root_of(stack: &Path, program: PathBuf) -> Root {
    // A configuration file of the user's must not decide over a test.
    let nothing = stack.join("terraform.rc");
    fs::write(&nothing, "").unwrap();
    let environment = Environment::inheriting(&[PLACE]).with([("TF_CLI_CONFIG_FILE", nothing)]);
    Root::new("demo", &identity(stack), stack.join("terraform/demo"), program, environment)
}

/// Terraform on the search path.
pub(crate) fn terraform() -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|folder| folder.join("terraform")).find(|path| path.is_file());
    found.expect("these tests need Terraform 1.11 or newer on the PATH")
}

/// A stack whose Terraform is a script.
pub(crate) fn pretender(script: &str) -> Stack {
    let mut stack = Stack::with("", PathBuf::from("/nonexistent"));
    let program = stack.folder.path().join("pretender");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    stack.root = root_of(stack.folder.path(), program);
    stack
}

pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A resource whose making waits until [`Stack::go`], and then ends with a status.
pub(crate) fn waiter(name: &str, status: u8) -> String {
    // Terraform's working folder is the root's, two below the stack's.
    let command = format!("while [ ! -e ../../go ]; do sleep 0.05; done; exit {status}");
    format!(
        "resource \"terraform_data\" \"{name}\" {{\n  provisioner \"local-exec\" {{\n    command = \"{command}\"\n  }}\n}}\n"
    )
}

/// Resources that take as long to make as their names say: `a = 0.5` is half a second.
pub(crate) fn sleepers(seconds: &[(&str, &str)]) -> String {
    let sleeper = |(name, seconds): &(&str, &str)| {
        format!(
            "resource \"terraform_data\" \"{name}\" {{\n  provisioner \"local-exec\" {{\n    command = \"sleep {seconds}\"\n  }}\n}}\n"
        )
    };
    seconds.iter().map(sleeper).collect()
}
