//! Commands of a test: started, waited for with a deadline, and what they printed.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::process::Found;
use serde_json::Value;

/// No command of a test takes longer.
const DEADLINE: Duration = Duration::from_mins(10);

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The values of an NDJSON output.
    pub(crate) fn json(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }
}

/// A command at work.
pub(crate) struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    what: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
        let what = arguments.join(" ");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        Self { child, stdout, stderr, what }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn wait(self) -> Ended {
        self.wait_within(DEADLINE)
    }

    pub(crate) fn wait_within(mut self, limit: Duration) -> Ended {
        let deadline = Instant::now() + limit;
        while self.lives() {
            if Instant::now() > deadline {
                self.child.kill().unwrap();
                panic!("`{}` did not end within {} s", self.what, limit.as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let status = self.child.wait().unwrap();
        Ended { code: status.code(), stdout: self.stdout.join().unwrap(), stderr: self.stderr.join().unwrap() }
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        // Kills cut output off; what came before counts.
        let _ = pipe.read_to_string(&mut text);
        text
    })
}

/// Sends a signal to processes of a test's own stack.
pub(crate) fn signal(pids: &[u32], name: &str) {
    for pid in pids {
        // A process that just ended by itself cannot be signalled, which is what crash tests are about.
        let _ = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null()).status();
    }
}

/// Kills processes of a test's own stack, or the command at work on it, and waits for the command's end.
pub(crate) fn kill_amid(running: Running, processes: &[Found], victims: &[u32]) {
    let named: Vec<&str> =
        processes.iter().filter(|found| victims.contains(&found.pid)).map(|found| found.mark.role()).collect();
    println!("  {}: killing {named:?} {victims:?}", running.what);
    signal(victims, "KILL");
    // It may succeed, fail, or be dead itself; what matters is what comes after.
    println!("    it ended with {:?}", running.wait().code);
}

/// Waits until something holds, or fails saying what.
pub(crate) fn wait_until(what: &str, limit: Duration, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come within {} s", limit.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A number that the environment may set, to make more of a test or the same again.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}
