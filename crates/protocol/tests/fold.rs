//! The fold of a run, against journals shared with `ui/tests/unit`: both languages must reach the same state.

use std::fs;
use std::path::{Path, PathBuf};

use retailflow_protocol::{Event, RunState};

fn journals() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals");
    let entries = fs::read_dir(folder).expect("the journals are there").map(|entry| entry.expect("readable").path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_journal_folds_to_its_state() {
    let journals = journals();
    assert!(journals.len() >= 5, "journals are missing: {journals:?}");
    for path in journals {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let events: Vec<Event> = read(&path).lines().map(parse).collect();
        let state = RunState::replay(&events).unwrap_or_else(|| panic!("{}: no run", path.display()));
        let expected = read(&path.with_extension("state.json"));
        let expected: RunState = serde_json::from_str(&expected).expect("a state");
        assert_eq!(state, expected, "{}", path.display());
    }
}

#[test]
fn the_longest_chain_is_what_the_run_waited_for() {
    let chain_of = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals").join(name);
        let state: RunState = serde_json::from_str(&read(&path)).expect("a state");
        state.longest_chain().iter().map(|step| step.plan.id.to_string()).collect::<Vec<_>>()
    };
    // History is needed too, and ended before Dagster did.
    assert_eq!(chain_of("up-succeeded.state.json"), ["python", "dagster", "load"]);
    assert_eq!(chain_of("down-succeeded.state.json"), ["stop-dagster", "stop-postgres", "remove-files"]);
}
