//! Services as real processes: started, found by their marks, stopped, killed.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test, to panic is to fail")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use retailflow_engine::process::{Found, Mark, ProcessTable, ServiceSpec, StopSignal, spawn_detached};

fn shell(folder: &Path, role: &str, script: &str) -> ServiceSpec {
    ServiceSpec {
        mark: Mark::new(folder, role),
        program: PathBuf::from("/bin/sh"),
        args: vec!["-c".into(), script.into()],
        env: vec![("GIVEN".into(), "given".into())],
        folder: folder.to_owned(),
        log: folder.join(format!("{role}.log")),
        user: None,
    }
}

fn start(spec: &ServiceSpec) -> u32 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pid = runtime.block_on(async { spawn_detached(spec) }).unwrap();
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
    assert!(living(&Mark::new(folder.path(), "other")).is_empty());
    assert!(ProcessTable::open().unwrap().of_stack(Path::new("/elsewhere")).is_empty());

    let mut table = ProcessTable::open().unwrap();
    let root = found.iter().find(|found| found.root).unwrap();
    assert!(table.lives(root));
    table.stop(&spec.mark, StopSignal::Terminate, Duration::from_millis(300)).unwrap();
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
    ProcessTable::open().unwrap().stop(&spec.mark, StopSignal::Terminate, grace).unwrap();
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
    ProcessTable::open().unwrap().stop(&spec.mark, StopSignal::Interrupt, grace).unwrap();
    assert!(began.elapsed() < grace);
    assert_eq!(logged(&spec), "ready\nbye\n");
}

#[test]
fn a_grown_log_is_put_aside_when_its_service_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let spec = shell(folder.path(), "chatty", "echo fresh");
    std::fs::write(&spec.log, vec![b'x'; (16 << 20) + 1]).unwrap();
    start(&spec);
    eventually("the fresh log", || logged(&spec) == "fresh\n");
    assert!(std::fs::metadata(folder.path().join("chatty.log.1")).unwrap().len() > 16 << 20);
}
