//! An account of Amazon's own, for the tests that are asked to go there.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::command::{Ended, Running};
use crate::rig::{STACK, printed};
use crate::world::World;

/// How long a command may take: hosts are started and stopped, networks let go of.
const DEADLINE: Duration = Duration::from_hours(2);

/// The account that AWS's own tools are signed in to, in the region that `AWS_REGION` names.
pub(crate) struct Account {
    home: tempfile::TempDir,
    region: String,
}

impl Account {
    pub(crate) fn signed_in() -> Self {
        let region = std::env::var("AWS_REGION").expect("AWS_REGION must name the region to make the stack in");
        // Kept if the test fails: it holds the state of what is in the account.
        let home = tempfile::Builder::new().prefix("rf-real-").tempdir().unwrap();
        Self { home, region }
    }

    fn home(&self) -> PathBuf {
        self.home.path().to_owned()
    }

    /// AWS's own command line, which knows nothing of the product.
    fn aws(&self, args: &[&str]) -> Value {
        let text = printed("aws", &[args, &["--region", &self.region, "--output", "json"]].concat());
        if text.trim().is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }
}

impl World for Account {
    fn run(&self, args: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retailflow"));
        command.args(["--stack", STACK]).args(args).env("RETAILFLOW_HOME", self.home()).env("NO_COLOR", "1");
        command.stdin(Stdio::null());
        Running::start(command).wait_within(DEADLINE)
    }

    fn region(&self) -> &str {
        &self.region
    }

    fn remains(&self) -> Vec<String> {
        let filter = format!("Key=retailflow:stack,Values={STACK}");
        let found = self.aws(&["resourcegroupstaggingapi", "get-resources", "--tag-filters", &filter]);
        let resources = found["ResourceTagMappingList"].as_array().unwrap();
        resources.iter().map(|resource| resource["ResourceARN"].as_str().unwrap().to_owned()).collect()
    }

    fn disable_rule(&self, name: &str) {
        self.aws(&["events", "disable-rule", "--name", name]);
    }

    fn assert_nothing_is_left(&self) {
        assert_eq!(self.remains(), [] as [String; 0], "left in the account");
        assert!(!self.home().join("stacks").join(STACK).exists(), "the folder is left");
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.home.disable_cleanup(true);
            eprintln!(
                "The stack may still be there. Remove it with: RETAILFLOW_HOME={} retailflow --stack {STACK} down",
                self.home.path().display()
            );
        }
    }
}
