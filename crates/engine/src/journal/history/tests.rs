use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use protocol::event::EVENT_VERSION;
use ulid::Ulid;

use super::super::{Journal, RunHead, read};
use super::*;

fn event(seq: u64, run: &RunId, kind: EventKind) -> Event {
    Event { seq, at: Timestamp::now(), run: Some(run.clone()), kind }
}

fn started() -> EventKind {
    EventKind::RunStarted { operation: Operation::Up, steps: Vec::new() }
}

#[test]
fn a_killed_run_is_mended_and_marked_interrupted() {
    let runs = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(runs.path(), Operation::Up).unwrap();
    let run = journal.run().clone();
    journal.append(&event(1, &run, started())).unwrap();
    journal.append(&event(5, &run, EventKind::StepStarted { step: "a".into() })).unwrap();
    journal.file.write_all(b"{\"seq\":6,\"at\":\"20").unwrap();
    drop(journal);

    let seen = peek(runs.path()).unwrap();
    assert_eq!((seen.last_seq, seen.latest.unwrap().outcome), (6, Some(RunOutcome::Interrupted)));
    assert_eq!(read(runs.path(), &run).len(), 2, "to look is to change nothing");
    let history = recover(runs.path()).unwrap();
    assert_eq!(history.last_seq, 6);
    assert_eq!(history.latest.unwrap().outcome, Some(RunOutcome::Interrupted));
    let again = recover(runs.path()).unwrap();
    assert_eq!(again.last_seq, 6, "mending twice changes nothing");
    assert_eq!(read(runs.path(), &run).len(), 3);
}

#[test]
fn a_run_killed_before_its_first_event_hides_no_earlier_one() {
    let runs = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(runs.path(), Operation::Up).unwrap();
    let run = journal.run().clone();
    journal.append(&event(8, &run, started())).unwrap();
    journal.append(&event(9, &run, EventKind::RunFinished { outcome: RunOutcome::Succeeded })).unwrap();
    let silent = Journal::begin(runs.path(), Operation::Refresh).unwrap();
    fs::remove_file(silent.folder.join(JOURNAL_FILE)).unwrap();

    assert_eq!(peek_latest(runs.path()).unwrap().unwrap().run, run);
    for _ in 0..2 {
        let history = recover(runs.path()).unwrap();
        assert_eq!(history.latest.unwrap().outcome, Some(RunOutcome::Succeeded));
        assert_eq!(history.last_seq, 10, "numbers go on after the earlier run's");
    }
    let outcomes: Vec<_> = summaries(runs.path(), 10).unwrap().into_iter().map(|summary| summary.outcome).collect();
    assert_eq!(outcomes, [Some(RunOutcome::Interrupted), Some(RunOutcome::Succeeded)]);
}

#[test]
fn a_clock_set_back_does_not_reorder_runs() {
    let runs = tempfile::tempdir().unwrap();
    let tomorrow = Ulid::from_datetime(std::time::SystemTime::now() + std::time::Duration::from_hours(24));
    let head = |run: String| RunHead {
        version: EVENT_VERSION,
        run: RunId(run),
        operation: Operation::Up,
        started_at: Timestamp::now(),
    };
    Journal::create(Arc::new(RealDisk), runs.path(), &head(tomorrow.to_string())).unwrap();
    let later = Journal::begin(runs.path(), Operation::Down).unwrap().run().clone();
    assert_eq!(summaries(runs.path(), 1).unwrap()[0].run, later);
}

#[test]
fn only_the_newest_run_can_be_under_way() {
    let runs = tempfile::tempdir().unwrap();
    Journal::begin(runs.path(), Operation::Up).unwrap();
    Journal::begin(runs.path(), Operation::Up).unwrap();
    let outcomes: Vec<_> = summaries(runs.path(), 10).unwrap().into_iter().map(|summary| summary.outcome).collect();
    assert_eq!(outcomes, [None, Some(RunOutcome::Interrupted)]);
}

#[test]
fn runs_are_listed_newest_first() {
    let runs = tempfile::tempdir().unwrap();
    let first = Journal::begin(runs.path(), Operation::Up).unwrap().run().clone();
    let second = Journal::begin(runs.path(), Operation::Down).unwrap().run().clone();
    let listed: Vec<RunId> = summaries(runs.path(), 10).unwrap().into_iter().map(|summary| summary.run).collect();
    assert_eq!(listed, [second, first]);
}

#[test]
fn what_a_newer_version_wrote_is_refused_and_not_touched() {
    let runs = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(runs.path(), Operation::Up).unwrap();
    let run = journal.run().clone();
    journal.append(&event(1, &run, started())).unwrap();
    let folder = runs.path().join(&run.0);
    fs::write(folder.join(RUN_FILE), format!("{{\"version\":{},\"surprise\":[]}}", EVENT_VERSION + 1)).unwrap();
    fs::write(folder.join(JOURNAL_FILE), "{\"half\": a li").unwrap();
    for refused in
        [recover(runs.path()).unwrap_err(), peek(runs.path()).unwrap_err(), peek_latest(runs.path()).unwrap_err()]
    {
        assert!(refused.summary.contains("newer version"), "{refused}");
    }
    assert_eq!(fs::read_to_string(folder.join(JOURNAL_FILE)).unwrap(), "{\"half\": a li");
    let listed = summaries(runs.path(), 9).unwrap().remove(0);
    assert_eq!((listed.operation, listed.outcome), (None, None));
    assert!(listed.damage.unwrap().summary.contains("newer version"));
}

#[test]
fn a_damaged_line_is_told_of_and_hides_no_run() {
    let runs = tempfile::tempdir().unwrap();
    let mut earlier = Journal::begin(runs.path(), Operation::Up).unwrap();
    let up = earlier.run().clone();
    earlier.append(&event(1, &up, started())).unwrap();
    earlier.append(&event(2, &up, EventKind::RunFinished { outcome: RunOutcome::Succeeded })).unwrap();
    let mut journal = Journal::begin(runs.path(), Operation::Down).unwrap();
    let down = journal.run().clone();
    // Its first line is the damaged one.
    journal.file.write_all(b"\0\0\0\n").unwrap();
    journal.append(&event(4, &down, EventKind::CancelRequested)).unwrap();
    journal.append(&event(5, &down, EventKind::RunFinished { outcome: RunOutcome::Cancelled })).unwrap();

    let history = recover(runs.path()).unwrap();
    let latest = history.latest.unwrap();
    assert_eq!((latest.run, latest.operation, history.last_seq), (down, Operation::Down, 5));
    assert_eq!(latest.outcome, Some(RunOutcome::Cancelled));
    let told = &latest.diagnostics[0].failure;
    assert!(told.causes[0].ends_with("cannot be read in line 1"), "{told:?}");
    let listed = summaries(runs.path(), 9).unwrap();
    assert!(listed[0].damage.is_some() && listed[1].damage.is_none());
}

#[test]
fn a_damaged_head_is_told_of() {
    let runs = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(runs.path(), Operation::Up).unwrap();
    let run = journal.run().clone();
    journal.append(&event(1, &run, started())).unwrap();
    fs::write(runs.path().join(&run.0).join(RUN_FILE), "{").unwrap();
    let latest = recover(runs.path()).unwrap().latest.unwrap();
    assert_eq!(latest.outcome, Some(RunOutcome::Interrupted));
    assert!(latest.diagnostics[0].failure.summary.contains(RUN_FILE));
    let listed = summaries(runs.path(), 9).unwrap().remove(0);
    assert_eq!(listed.operation, Some(Operation::Up));
    assert!((listed.started_at.as_millisecond() - latest.started_at.as_millisecond()).abs() < 60_000);
}

#[test]
fn of_each_operation_the_newest_runs_are_kept_and_the_first() {
    let runs = tempfile::tempdir().unwrap();
    let begin = |operation| Journal::begin(runs.path(), operation).unwrap().run().clone();
    let ups: Vec<RunId> = (0..6).map(|_| begin(Operation::Up)).collect();
    let plan = begin(Operation::Plan);
    let never_began = runs.path().join(Ulid::generate().to_string());
    fs::create_dir(&never_began).unwrap();
    File::create(never_began.join("run.json.draft")).unwrap();
    let foreign = runs.path().join("notes");
    fs::create_dir(&foreign).unwrap();

    for _ in 0..2 {
        prune(runs.path(), 2).unwrap();
        let mut left: Vec<RunId> = all_runs(runs.path()).unwrap();
        left.reverse();
        assert_eq!(left, [&ups[0], &ups[4], &ups[5], &plan].map(RunId::clone));
        assert!(!never_began.exists() && foreign.exists());
    }
}

#[test]
fn what_cannot_be_looked_at_is_not_taken_for_nothing() {
    let home = tempfile::tempdir().unwrap();
    let runs = home.path().join("runs");
    assert_eq!(all_runs(&runs), Ok(Vec::new()), "before the first run there is no folder");
    let mut journal = Journal::begin(&runs, Operation::Up).unwrap();
    let run = journal.run().clone();
    journal.append(&event(1, &run, started())).unwrap();
    // No user can read a folder as a file, not even root.
    fs::remove_file(runs.join(&run.0).join(JOURNAL_FILE)).unwrap();
    fs::create_dir(runs.join(&run.0).join(JOURNAL_FILE)).unwrap();
    assert!(summaries(&runs, 9).unwrap().remove(0).damage.unwrap().causes[0].contains(JOURNAL_FILE));
    fs::remove_dir_all(&runs).unwrap();
    File::create(&runs).unwrap();
    for refused in [recover(&runs).unwrap_err(), peek(&runs).unwrap_err(), summaries(&runs, 9).unwrap_err()] {
        assert!(refused.summary.contains("could not be read"), "{refused}");
    }
}
