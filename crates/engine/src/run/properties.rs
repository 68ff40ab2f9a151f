//! What holds for any plan and whatever its steps do.

use std::collections::BTreeSet;

use proptest::prelude::*;
use protocol::RunOutcome;

use super::testing::{Act, Scripted};
use super::tests::Bench;
use crate::plan::Direction;

const IDS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// For each step the earlier ones it needs, and what it does.
type Shape = Vec<(Vec<&'static str>, Act)>;

fn shapes() -> impl Strategy<Value = Shape> {
    let act = prop_oneof![5 => Just(Act::Succeed), 1 => Just(Act::Fail), 1 => Just(Act::Panic)];
    let steps: Vec<_> = (0..IDS.len())
        .map(|earlier| (proptest::sample::subsequence(&IDS[..earlier], 0..=earlier), act.clone()))
        .collect();
    (steps, 1..=IDS.len()).prop_map(|(mut steps, count)| {
        steps.truncate(count);
        steps
    })
}

fn steps(shape: &Shape, act: impl Fn(Act) -> Act) -> Vec<Scripted> {
    let scripted = |(id, (needs, its)): (&&'static str, &(Vec<_>, Act))| Scripted::new(id, needs).act(act(*its));
    IDS.iter().zip(shape).map(scripted).collect()
}

/// Where each event of the history is, for a step.
fn at(history: &[String], id: &str, what: &str) -> Option<usize> {
    history.iter().position(|entry| *entry == format!("{id} {what}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// No step begins before what it needs has ended; none begins twice; whatever fails, the next run does just the
    /// rest; and a teardown removes everything, each step after those that need it.
    #[test]
    fn any_plan_is_built_resumed_and_torn_down_in_order(shape in shapes()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            let (first, _) = bench.run(Direction::Build, steps(&shape, |act| act)).await;
            let broken = shape.iter().any(|(_, act)| *act != Act::Succeed);
            assert_eq!(first == RunOutcome::Succeeded, !broken);
            let made = bench.exists();
            let tried = bench.history();
            let (second, _) = bench.run(Direction::Build, steps(&shape, |_| Act::Succeed)).await;
            assert_eq!(second, RunOutcome::Succeeded);
            let history = bench.history();
            for (id, (needs, _)) in IDS.iter().zip(&shape) {
                let again = history[tried.len()..].contains(&format!("{id} begins"));
                assert_eq!(again, !made.contains(*id), "{id} must be made exactly once: {history:?}");
                let ends = at(&history, id, "ends").unwrap();
                assert!(needs.iter().all(|need| at(&history, need, "ends").unwrap() < ends), "{id}: {history:?}");
                let begun = at(&history, id, "begins").unwrap();
                assert!(needs.iter().all(|need| at(&history, need, "ends").unwrap() < begun), "{id}: {history:?}");
            }
            let built = history.len();
            let (down, _) = bench.run(Direction::Teardown, steps(&shape, |_| Act::Succeed)).await;
            assert_eq!(down, RunOutcome::Succeeded);
            assert_eq!(bench.exists(), BTreeSet::new());
            let history = &bench.history()[built..];
            for (id, (needs, _)) in IDS.iter().zip(&shape) {
                let gone = at(history, id, "ends").unwrap();
                assert!(needs.iter().all(|need| gone < at(history, need, "begins").unwrap()), "{id}: {history:?}");
            }
        });
    }
}
