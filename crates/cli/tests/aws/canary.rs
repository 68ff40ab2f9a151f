//! Secrets planted in the credentials show up nowhere: in no file, log, process argument, state or message.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::command::{Ended, Running};
use crate::keyring::Session;
use crate::rig::{FIRST, Rig};
use crate::world::World;

const KEY: &str = "AKIACANARY0000000001";
const SECRET: &str = "canary/of-the-test+secret-half-0123456789";

/// The only processes that are given the secret half of the key: Terraform and the provider it starts.
const SIGNED_IN: &str = "#terraform:";

#[test]
fn a_planted_secret_is_found_nowhere() {
    let rig = Rig::start();
    let session = Session::start(&rig.home().with_file_name("keyring"));
    let run = |args: &[&str]| {
        let mut command = rig.command(args);
        // Only the key in the keyring is to sign in.
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
            command.env_remove(name);
        }
        session.enter(&mut command);
        command
    };
    keep(run(&["key", KEY]));
    let leaks = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        // Gone when all is done, or when something fails: either way nobody looks on.
        let (_looking, over) = mpsc::channel::<()>();
        let (rig, leaks) = (&rig, &leaks);
        scope.spawn(move || {
            while over.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
                leaks.lock().unwrap().extend(seen_in_processes(rig));
            }
        });
        let first = Running::start(run(&[&FIRST[..], &["--key", KEY]].concat())).wait();
        assert_silent(&first);
        assert_in_no_file(rig);
        assert_silent(&Running::start(run(&["plan", "--json"])).wait());
        assert_silent(&Running::start(run(&["status", "--json"])).wait());
        assert_silent(&Running::start(run(&["logs", "--lines", "100000"])).wait());
        assert_silent(&Running::start(run(&["down", "--yes", "--json"])).wait());
    });
    assert_in_no_file(&rig);
    assert_eq!(leaks.into_inner().unwrap(), BTreeSet::new(), "processes that show the secret");
    rig.assert_nothing_is_left();
}

/// Keeps the key in the keyring, as a person would: the secret half is typed.
fn keep(mut command: Command) {
    let mut keeping = command.stdin(Stdio::piped()).spawn().unwrap();
    keeping.stdin.take().unwrap().write_all(SECRET.as_bytes()).unwrap();
    assert!(keeping.wait().unwrap().success());
}

/// Whatever a command prints, every event that the agent sends it among it.
fn assert_silent(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(!ended.stdout.contains(SECRET) && !ended.stderr.contains(SECRET), "it was printed");
}

/// All that the stack, its agent and Terraform keep; the keyring's own files too, which are encrypted.
fn assert_in_no_file(rig: &Rig) {
    for folder in [rig.home(), rig.home().with_file_name("keyring")] {
        let found = Command::new("grep").args(["-rlaF", SECRET]).arg(&folder).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "the secret lies in a file");
    }
}

/// The stack's processes that show the secret in their arguments, or hold it in their environment without needing it.
fn seen_in_processes(rig: &Rig) -> Vec<String> {
    let read = |path: String| String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
    let mut seen = Vec::new();
    for found in rig.processes() {
        let (pid, role) = (found.pid, found.mark.role());
        if read(format!("/proc/{pid}/cmdline")).contains(SECRET) {
            seen.push(format!("{role}: arguments"));
        }
        let environment = read(format!("/proc/{pid}/environ"));
        // One that was still a copy of the agent when it was found may be Terraform by now: what was read says which.
        let signed_in =
            environment.split('\0').any(|one| one.starts_with("RETAILFLOW_PROCESS=") && one.contains(SIGNED_IN));
        if environment.contains(SECRET) && !signed_in {
            seen.push(format!("{role}: environment"));
        }
    }
    seen
}
