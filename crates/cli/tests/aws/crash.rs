//! Kills at random moments, seeded: whatever is killed, `up` ends in one stack without a second copy of anything, and
//! `down` in nothing.
//!
//! A round is one stack. `./dev soak` sets `RETAILFLOW_SOAK_ROUNDS` and `RETAILFLOW_SOAK_SEED`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};

use crate::command::{Running, kill_amid, setting};
use crate::rig::{FIRST, Rig, value};
use crate::world::World;

/// Kills within the `up` of one stack and, unless it is gone before, within its `down`. Each goes on where the last kill
/// left it.
const KILLS: u64 = 6;
const KILLS_DOWN: u64 = 3;

/// The longest a kill waits, in milliseconds: half of them from the start of the command, half from the start of a
/// change of Terraform's, where most can go wrong.
const WITHIN: u64 = 9_000;
const WITHIN_CHANGE: u64 = 3_000;

#[test]
#[ignore = "strikes at random moments, which is for ./dev soak"]
fn kills_at_random_moments_leave_no_orphan_and_no_second_copy() {
    let seed = setting("RETAILFLOW_SOAK_SEED", 20_261_125);
    let rig = Rig::start();
    let whole = made_by_an_undisturbed_up(&rig);
    for round in 0..setting("RETAILFLOW_SOAK_ROUNDS", 1) {
        println!("round {round}, seed {}", seed + round);
        let mut random = StdRng::seed_from_u64(seed + round);
        rig.run(&[&["plan"], &FIRST[2..]].concat()).succeeded();
        let mut struck = 0;
        while struck < KILLS {
            struck += interrupt(&rig, &["up", "--yes"], &mut random);
        }
        rig.run(&["up", "--yes"]).succeeded();
        assert_eq!(counted(&rig), whole, "made beside the stack, or missing from it");
        let again = value(&rig.run(&["plan", "--json"]).succeeded(), "review");
        assert_eq!(again["changes"], serde_json::json!([]), "a plan after that");
        let mut struck = 0;
        while struck < KILLS_DOWN && rig.stack_folder().exists() {
            struck += interrupt(&rig, &["down", "--yes"], &mut random);
        }
        rig.run(&["down", "--yes"]).succeeded();
        rig.assert_nothing_is_left();
    }
}

#[test]
fn an_up_whose_program_was_killed_is_joined_by_the_next() {
    let rig = Rig::start();
    rig.run(&[&["plan"], &FIRST[2..]].concat()).succeeded();
    let mut first = rig.spawn(&["up", "--yes"]);
    wait_for_a_change(&rig, &mut first);
    let program = first.pid();
    kill_amid(first, &[], &[program]);
    rig.run(&["up", "--yes"]).succeeded();
    let runs = engine::journal::summaries(&rig.stack_folder().join("runs"), usize::MAX).unwrap();
    let ups = runs.iter().filter(|run| run.operation == Some(protocol::Operation::Up));
    assert_eq!(ups.count(), 1, "{runs:#?}");
    rig.run(&["down", "--yes"]).succeeded();
    rig.assert_nothing_is_left();
}

/// How many of each sort of thing an `up` makes that nothing disturbs.
fn made_by_an_undisturbed_up(rig: &Rig) -> BTreeMap<String, usize> {
    rig.run(&FIRST).succeeded();
    let whole = counted(rig);
    rig.run(&["down", "--yes"]).succeeded();
    rig.assert_nothing_is_left();
    whole
}

/// How many of each sort of thing there are in the account.
fn counted(rig: &Rig) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in rig.remains() {
        let (sort, _) = line.rsplit_once(' ').unwrap();
        *counts.entry(sort.to_owned()).or_default() += 1;
    }
    counts
}

/// Whether this is the role of a Terraform that changes something; one that only looks has a longer name.
fn is_a_change(role: &str) -> bool {
    role.starts_with("terraform:") && !role.contains('/')
}

/// Waits until a Terraform of the command changes something, or the command ends.
fn wait_for_a_change(rig: &Rig, running: &mut Running) {
    while !rig.processes().iter().any(|found| is_a_change(found.mark.role())) && running.lives() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts a command and, some time later, kills one of: the command, the agent, Terraform, any process of the stack
/// (its providers among them), or all of them at once. Gives 1 if there was something to kill, and 0 if not.
fn interrupt(rig: &Rig, command: &[&str], random: &mut impl Rng) -> u64 {
    let mut running = rig.spawn(command);
    let within = if random.random() {
        wait_for_a_change(rig, &mut running);
        WITHIN_CHANGE
    } else {
        WITHIN
    };
    let until = Instant::now() + Duration::from_millis(random.random_range(0..within));
    while running.lives() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    let processes = rig.processes();
    let all: Vec<u32> = processes.iter().map(|found| found.pid).collect();
    let of = |role: &str| {
        let found = processes.iter().filter(|found| found.root && found.mark.role().starts_with(role));
        found.map(|found| found.pid).collect::<Vec<_>>()
    };
    let own: Vec<u32> = running.lives().then(|| running.pid()).into_iter().collect();
    let victims = match random.random_range(0..5) {
        0 => own,
        1 => of("agent"),
        2 => of("terraform"),
        3 => all.choose(random).copied().into_iter().collect(),
        _ => [all, own].concat(),
    };
    kill_amid(running, &processes, &victims);
    u64::from(!victims.is_empty())
}
