//! Properties of journals that must hold for any input.

#![expect(clippy::unwrap_used, reason = "in a test, to panic is to fail")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use protocol::{Event, EventKind, Operation, RunId, RunOutcome, RunState, StepOutcome, StepPlan};
use retailflow_engine::Outputs;
use retailflow_engine::journal::{self, Journal};

/// What may happen to a step of a run.
fn kinds() -> impl Strategy<Value = EventKind> {
    let step = prop_oneof![Just("a"), Just("b"), Just("c")];
    (step, 0..4_u8).prop_map(|(step, what)| match what {
        0 => EventKind::StepStarted { step: step.into() },
        1 => EventKind::StepFinished { step: step.into(), outcome: StepOutcome::Done { outputs: Outputs::new() } },
        2 => EventKind::StepFinished { step: step.into(), outcome: StepOutcome::Cancelled },
        _ => EventKind::CancelRequested,
    })
}

fn plan(id: &str) -> StepPlan {
    StepPlan { id: id.into(), title: id.to_owned(), summary: String::new(), needs: Vec::new() }
}

/// Writes a journal and gives its run and its events.
fn write(runs: &Path, kinds: Vec<EventKind>) -> (RunId, Vec<Event>) {
    let mut journal = Journal::begin(runs, Operation::Up).unwrap();
    let run = journal.run().clone();
    let begin = EventKind::RunStarted { operation: Operation::Up, steps: ["a", "b", "c"].map(plan).to_vec() };
    let events: Vec<Event> = std::iter::once(begin)
        .chain(kinds)
        .zip(1..)
        .map(|(kind, seq)| Event { seq, at: jiff::Timestamp::UNIX_EPOCH, run: Some(run.clone()), kind })
        .collect();
    for event in &events {
        journal.append(event).unwrap();
    }
    (run, events)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A kill may cut a journal anywhere. What was whole counts, the run is interrupted, and mending again adds nothing.
    #[test]
    fn a_journal_cut_anywhere_is_mended(kinds in prop::collection::vec(kinds(), 0..20), cut in 0.0..1.0_f64) {
        let runs = tempfile::tempdir().unwrap();
        let (run, events) = write(runs.path(), kinds);
        let file = runs.path().join(&run.0).join("journal.jsonl");
        let bytes = fs::read(&file).unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small length")]
        let cut = (bytes.len() as f64 * cut) as usize;
        OpenOptions::new().write(true).open(&file).unwrap().set_len(cut as u64).unwrap();

        let whole = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
        let expected = RunState::replay(&events[..whole]);
        let mended = journal::recover(runs.path()).unwrap();
        match (expected, &mended.latest) {
            (None, None) => {}
            (Some(mut expected), Some(found)) => {
                prop_assert_eq!(found.outcome.as_ref(), Some(&RunOutcome::Interrupted));
                let end = journal::read(runs.path(), &run).pop().unwrap();
                expected.apply(&end);
                prop_assert_eq!(&expected, found);
                prop_assert_eq!(mended.last_seq, whole as u64 + 1);
            }
            (expected, found) => prop_assert!(false, "expected {:?}, found {:?}", expected, found),
        }
        let again = journal::recover(runs.path()).unwrap();
        prop_assert_eq!(again.latest, mended.latest);
        prop_assert_eq!(again.last_seq, mended.last_seq);
    }

    /// Lines from elsewhere never stop a journal from being read, and change nothing.
    #[test]
    fn foreign_lines_are_passed_over(kinds in prop::collection::vec(kinds(), 0..10), line in "[^\n\r]{0,40}") {
        let runs = tempfile::tempdir().unwrap();
        let (run, events) = write(runs.path(), kinds);
        prop_assume!(serde_json::from_str::<Event>(&line).is_err());
        let mut file = OpenOptions::new().append(true).open(runs.path().join(&run.0).join("journal.jsonl")).unwrap();
        writeln!(file, "{line}").unwrap();
        prop_assert_eq!(journal::read(runs.path(), &run), events);
    }
}
