//! The runs that the page's stand-in for the engine plays: recorded here, from the product itself, and held against it.
//!
//! What is recorded of a run is what the product leaves of it: its events as `--json` prints them, and its log.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::command::{Ended, Running};

/// Set to write the recordings instead of holding them against the program.
const WRITE: &str = "RETAILFLOW_RECORD";

/// Where the page's stand-in finds them, a folder for each target.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/host/fake/recorded");

/// The home of whoever it might be.
const YOU: &str = "/home/you";

/// Where a user's stacks and their sockets are, which is said instead of where a test's are.
pub(crate) const HOME: &str = "/home/you/.local/share/retailflow";
pub(crate) const SOCKETS: &str = "/run/user/1000/rf-6d0f5e";

/// A step's progress is recorded once in so long: that is for people to look at.
const PROGRESS_PAUSE: Duration = Duration::from_millis(250);

/// A stack whose runs are recorded.
pub(crate) struct Recorder {
    pub(crate) target: &'static str,
    /// The stack's folder.
    pub(crate) folder: PathBuf,
    /// What is of this test alone, with what is said instead.
    pub(crate) words: Vec<(String, &'static str)>,
}

impl Recorder {
    /// Starts a run of the stack, which prints its events, waits for its end, and records it or holds it against what was
    /// recorded: the same steps must come to the same ends, with the same sorts of things made and removed.
    pub(crate) fn follow(&self, operation: &str, start: impl FnOnce() -> Running) -> Ended {
        let (mut run, mut log) = (self.newest_run(), None);
        let mut running = start();
        while running.lives() {
            if let Some(newest) = self.newest_run().filter(|newest| Some(newest) != run.as_ref()) {
                // Opened while it is there: a teardown removes it, and what is open can still be read.
                log = File::open(newest.join("run.log")).ok();
                run = log.as_ref().map(|_| newest);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let ended = running.wait().succeeded();
        let events = thinned(ended.json());
        let seen = shape(&events);
        let file = Path::new(FOLDER).join(self.target).join(operation);
        if std::env::var_os(WRITE).is_some() {
            let mut text = String::new();
            log.expect("a run has a log").read_to_string(&mut text).unwrap();
            let lines: Vec<String> = events.iter().map(Value::to_string).collect();
            self.write(&file.with_extension("jsonl"), &(lines.join("\n") + "\n"));
            self.write(&file.with_extension("log"), &text);
        }
        let recorded = fs::read_to_string(file.with_extension("jsonl")).unwrap_or_default();
        let known: Vec<Value> = recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(shape(&known), seen, "{} is not what happens. Run this test again with {WRITE}=1.", file.display());
        ended
    }

    /// The folder of the latest run. Runs are named in the order of their beginnings.
    fn newest_run(&self) -> Option<PathBuf> {
        fs::read_dir(self.folder.join("runs")).ok()?.flatten().map(|entry| entry.path()).max()
    }

    fn write(&self, path: &Path, text: &str) {
        let mut text = self.words.iter().fold(text.to_owned(), |text, (own, said)| text.replace(own, said));
        if let Some(own) = std::env::home_dir() {
            text = text.replace(&*own.to_string_lossy(), YOU);
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// The events of the last run that was told of: an `up` may plan first. Without those that only say how long its log is, and of
/// progress what can be seen.
fn thinned(told: Vec<Value>) -> Vec<Value> {
    let run = told.iter().rfind(|event| event["kind"]["type"] == "run_finished").unwrap()["run"].clone();
    // When a step's next progress may be told.
    let mut dues: BTreeMap<String, Timestamp> = BTreeMap::new();
    let mut worth_it = |event: &Value| match event["kind"]["type"].as_str() {
        None | Some("log_grew") => false,
        Some("progress") if event["run"] == run => {
            let at: Timestamp = event["at"].as_str().unwrap().parse().unwrap();
            let due = dues.entry(event["kind"]["step"].to_string()).or_default();
            let told = at >= *due;
            if told {
                *due = at + PROGRESS_PAUSE;
            }
            told
        }
        Some(_) => event["run"] == run,
    };
    told.into_iter().filter(|event| worth_it(event)).collect()
}

/// What must be the same each time: of every step, which sorts of things it made or removed, and how it ended.
fn shape(events: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut steps: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for kind in events.iter().map(|event| &event["kind"]) {
        let word = |key: &str| kind[key].as_str().unwrap_or_default().to_owned();
        let said = match kind["type"].as_str() {
            Some("resource") => format!("{} {}", word("action"), word("resource")),
            Some("step_finished") => kind["outcome"]["result"].as_str().unwrap().to_owned(),
            _ => continue,
        };
        steps.entry(word("step")).or_default().push(said);
    }
    // Side by side, things are made in any order.
    for said in steps.values_mut() {
        said.sort();
    }
    steps
}
