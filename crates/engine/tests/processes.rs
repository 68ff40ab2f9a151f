//! Services as real processes: started, found by their marks, stopped, killed.

#![expect(clippy::unwrap_used, reason = "in a test, to panic is to fail")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use retailflow_engine::process::{Environment, Found, Mark, PLACE, ProcessTable, ServiceSpec, Stop, spawn_detached};

/// The mark of a stack that nobody else has.
fn mark(folder: &Path, role: &str) -> Mark {
    Mark::new(&folder.to_string_lossy(), role)
}

fn shell(folder: &Path, role: &str, script: &str) -> ServiceSpec {
    ServiceSpec {
        mark: mark(folder, role),
        program: PathBuf::from("/bin/sh"),
        args: vec!["-c".into(), script.into()],
        env: Environment::inheriting(&[PLACE]).with([("GIVEN", "given")]),
        folder: folder.to_owned(),
        log: folder.join(format!("{role}.log")),
        user: None,
    }
}

fn start(spec: &ServiceSpec) -> u32 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pid = runtime.block_on(async { spawn_detached(spec) }).unwrap().pid();
    // The runtime that started it ends here, as an agent does: the service must go on.
    drop(runtime);
    pid
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn living(mark: &Mark) -> Vec<Found> {
    ProcessTable::open().unwrap().in_role(mark)
}

/// What it has written so far.
fn logged(spec: &ServiceSpec) -> String {
    std::fs::read_to_string(&spec.log).unwrap_or_default()
}

/// Ends what a failed test would leave.
struct Ended<'a>(&'a Mark);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let _ = ProcessTable::open().unwrap().kill(self.0);
    }
}

#[test]
fn a_program_at_work_in_a_folder_is_seen_without_a_mark() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    let at_work = |folder: &Path, program: &str| ProcessTable::open().unwrap().at_work_in(folder, program);
    let mut sleeper = std::process::Command::new("sleep").arg("60").current_dir(folder.path()).spawn().unwrap();
    eventually("the program", || at_work(&link, "sleep") == [sleeper.id()]);
    assert!(at_work(folder.path(), "postgres").is_empty());
    assert!(at_work(&folder.path().join("none"), "sleep").is_empty());
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    assert!(at_work(folder.path(), "sleep").is_empty());
}

#[test]
fn a_service_outlives_its_starter_and_is_found_with_its_descendants() {
    let folder = tempfile::tempdir().unwrap();
    let spec = shell(folder.path(), "web", "echo started $GIVEN; sleep 60 & sleep 60; true");
    let _ended = Ended(&spec.mark);
    let pid = start(&spec);
    eventually("its two children", || living(&spec.mark).len() == 3);
    let found = living(&spec.mark);
    let roots: Vec<u32> = found.iter().filter(|found| found.root).map(|found| found.pid).collect();
    assert_eq!(roots, [pid], "only the service itself is a root: {found:?}");
    assert_eq!(logged(&spec), "started given\n");
    assert!(living(&mark(folder.path(), "other")).is_empty());
    assert!(ProcessTable::open().unwrap().of_stack("elsewhere").is_empty());

    let mut table = ProcessTable::open().unwrap();
    let root = found.iter().find(|found| found.root).unwrap();
    assert!(table.lives(root));
    table.stop(&spec.mark, Stop::terminate(Duration::from_millis(300))).unwrap();
    assert!(living(&spec.mark).is_empty(), "stopping ends descendants too");
    assert!(!table.lives(root));
}

#[test]
fn what_ignores_the_signal_is_killed_after_its_grace_and_so_are_sessions_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; echo ready; \
        setsid sh -c \"trap '' TERM; echo ready; while true; do sleep 0.1; done\" & while true; do sleep 0.1; done";
    let spec = shell(folder.path(), "stubborn", script);
    let _ended = Ended(&spec.mark);
    start(&spec);
    eventually("both traps", || logged(&spec) == "ready\nready\n");
    let began = Instant::now();
    let grace = Duration::from_millis(500);
    ProcessTable::open().unwrap().stop(&spec.mark, Stop::terminate(grace)).unwrap();
    assert!(began.elapsed() >= grace, "it must get its grace");
    assert!(living(&spec.mark).is_empty());
}

#[test]
fn one_that_heeds_the_signal_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let spec =
        shell(folder.path(), "polite", "trap 'echo bye; exit 0' INT; echo ready; while true; do sleep 0.05; done");
    let _ended = Ended(&spec.mark);
    start(&spec);
    eventually("its trap", || logged(&spec) == "ready\n");
    let (began, grace) = (Instant::now(), Duration::from_mins(10));
    ProcessTable::open().unwrap().stop(&spec.mark, Stop::interrupt(grace)).unwrap();
    assert!(began.elapsed() < grace);
    assert_eq!(logged(&spec), "ready\nbye\n");
}

/// Asks a runtime of this process, and not a runtime that ends, what became of a service.
#[tokio::test]
async fn one_that_ends_at_once_leaves_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let spec = shell(folder.path(), "brief", "echo one; echo two >&2; exit 3");
    std::fs::write(&spec.log, "an earlier one\n").unwrap();
    let mut started = spawn_detached(&spec).unwrap();
    let status = loop {
        match started.ended() {
            Some(status) => break status,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    assert_eq!(status.code(), Some(3));
    assert_eq!(started.last_words(5), ["one", "two"]);
}

#[tokio::test]
async fn nothing_is_started_in_a_folder_that_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("gone");
    let spec = ServiceSpec { log: folder.join("logs/web.log"), ..shell(home.path(), "web", "true") };
    let failure = spawn_detached(&spec).unwrap_err();
    assert!(failure.causes[0].contains("web.log"), "{failure:?}");
    assert!(!folder.exists(), "to start something is not to make the folder anew");
}

/// A program that was started with its signals ignored and blocked starts others with neither.
#[cfg(target_os = "linux")]
#[test]
fn a_service_begins_with_default_signals_whatever_its_starter_began_with() {
    let signals = "HUP,INT,QUIT,TERM";
    let inner = std::process::Command::new("env")
        .args([format!("--ignore-signal={signals}"), format!("--block-signal={signals}")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "inner::tells_its_signals", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&inner.stdout).into_owned();
    assert!(inner.status.success(), "{said}{}", String::from_utf8_lossy(&inner.stderr));
    let set = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{said}"));
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    let asked = [1, 2, 3, 15].iter().fold(0, |set, signal| set | 1_u64 << (signal - 1));
    assert_eq!(set("own SigIgn:") & asked, asked, "the test's own premise");
    assert_eq!(set("own SigBlk:") & asked, asked, "the test's own premise");
    assert_eq!(set("its SigIgn:") & asked, 0, "{said}");
    assert_eq!(set("its SigBlk:"), 0, "{said}");
}

#[cfg(target_os = "linux")]
mod inner {
    use super::*;

    /// The sets of signals in the text of `/proc/<pid>/status`.
    fn sets(status: &str) -> Vec<String> {
        status
            .lines()
            .filter(|line| line.starts_with("SigIgn") || line.starts_with("SigBlk"))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    #[ignore = "is started by another test, with its signals ignored and blocked"]
    fn tells_its_signals() {
        let own = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        for line in sets(&own) {
            println!("own {line}");
        }
        let folder = tempfile::tempdir().unwrap();
        let spec = ServiceSpec {
            program: "/bin/cat".into(),
            args: vec!["/proc/self/status".into()],
            ..shell(folder.path(), "signals", "")
        };
        let _ended = Ended(&spec.mark);
        start(&spec);
        eventually("its signals", || sets(&logged(&spec)).len() == 2);
        for line in sets(&logged(&spec)) {
            println!("its {line}");
        }
    }
}
