//! Terraform itself is killed, at any moment: its state or a copy of it is usable, and a rerun reaches the end.
//!
//! A round is one stack. `./dev soak` sets `RETAILFLOW_SOAK_ROUNDS` and `RETAILFLOW_SOAK_SEED`.

use std::time::Duration;

use engine::process::ProcessTable;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use retailflow_terraform::{Cause, Invocation};

use crate::support::{Ear, Stack};

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

/// Kills on the way to one stack. Each apply goes on where the last kill left it.
const KILLS: u64 = 3;

/// Many quick resources, so that the state is rewritten all the time.
const MANY: &str = r#"
resource "terraform_data" "one" {
  count = 40
  input = join("", [for n in range(200) : "padding ${count.index}"])
}
resource "terraform_data" "two" {
  count      = 10
  input      = terraform_data.one[count.index].output
  provisioner "local-exec" { command = "sleep 0.05" }
}
"#;

/// Kills Terraform alone, as the system does that is short of memory.
fn kill(at_work: &Invocation) {
    if let Some(pid) = at_work.pid().and_then(|pid| rustix::process::Pid::from_raw(pid.try_into().unwrap())) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

#[tokio::test]
#[ignore = "strikes at random moments, which is for ./dev soak"]
async fn killed_at_random_moments_a_rerun_completes() {
    let seed = number("RETAILFLOW_SOAK_SEED", 20_261_123);
    let stack = Stack::ready(MANY).await;
    for round in 0..number("RETAILFLOW_SOAK_ROUNDS", 1) {
        println!("round {round}, seed {}", seed + round);
        let mut random = StdRng::seed_from_u64(seed + round);
        let mut kills = 0;
        loop {
            restore_if_damaged(&stack);
            if stack.plan().await.is_empty() {
                break;
            }
            // What is half-made is replaced, so it may be gone when the next kill comes.
            let before = stack.root.resources().len() - stack.root.tainted().len();
            let at_work = stack.root.start("up.tfplan").await.unwrap();
            if kills < KILLS {
                tokio::time::sleep(Duration::from_millis(random.random_range(0..600))).await;
                kill(&at_work);
                kills += 1;
            }
            let ended = at_work.follow(&Ear::default()).await;
            assert!(stack.processes().is_empty(), "round {round}: something was left at work");
            if stack.root.check_state().is_ok() {
                let after = stack.root.resources().len();
                assert!(after >= before, "round {round}: {before} resources became {after}");
                assert!(ended.is_err() || after == 50, "round {round}: a success that is none");
            }
        }
        assert_eq!(stack.root.resources().len(), 50, "round {round}");
        assert_eq!(stack.root.tainted(), Vec::<String>::new(), "round {round}");
        stack.root.destroy(&Ear::default()).await.unwrap();
        assert!(stack.root.resources().is_empty());
    }
    assert!(ProcessTable::open().unwrap().in_role(&stack.mark("terraform:demo")).is_empty());
}

/// A kill in the middle of a write may damage the state; then a good copy is there.
fn restore_if_damaged(stack: &Stack) {
    let Err(trouble) = stack.root.check_state() else { return };
    assert_eq!(trouble.cause, Some(Cause::StateDamaged));
    println!("damaged: {:?}", trouble.failure.causes);
    assert!(stack.root.restore_state().unwrap().is_some(), "{trouble:?}");
    stack.root.check_state().unwrap();
}
