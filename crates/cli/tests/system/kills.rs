//! Kills at named points: every step of `up` and of `down`, after its intent, in mid-work and before its end. Whatever is
//! killed there, `up` ends in one healthy stack, and `down` in nothing. One stack wanders through all of it.
//!
//! Kills at random moments are the soak's, see `crash`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::Value;

use crate::command::{Running, signal};
use crate::crash::settings;
use crate::support::Sandbox;

/// The product's own plans, as a test of the targets writes them.
const RECORDED: &str = include_str!("../../../../ui/src/host/fake/recorded.json");

const SEED: u64 = 20_261_127;

/// No step takes longer to come to a point.
const PATIENCE: Duration = Duration::from_mins(2);

#[test]
fn kills_at_every_point_of_every_step_end_in_one_healthy_stack_and_then_in_nothing() {
    let sandbox = Sandbox::new();
    let holds = Holds::new(sandbox.home());
    let mut random = StdRng::seed_from_u64(SEED);
    for (step, point, strike) in strikes("up") {
        let running = holds.come_to(&sandbox, &[&["up"], settings(&sandbox)].concat(), &step, point);
        strike(&sandbox, running, &mut random);
        holds.let_go();
    }
    holds.start(&sandbox, &["up"]).wait().succeeded();
    sandbox.assert_healthy();
    for (step, point, strike) in strikes("down") {
        let running = holds.come_to(&sandbox, &["down", "--yes"], &step, point);
        strike(&sandbox, running, &mut random);
        holds.let_go();
    }
    sandbox.assert_gone_after_down();
}

/// What is killed once a step stands still, and how.
type Strike = fn(&Sandbox, Running, &mut StdRng);

/// Every point of every step of a plan, in the plan's order, each with both strikes. Only the end has one of them, by turns: a
/// step that came to its end is done, and does not come there again.
fn strikes(operation: &str) -> Vec<(String, &'static str, Strike)> {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let steps = recorded["sandbox"]["plans"][operation].as_array().unwrap();
    let mut strikes: Vec<(String, &'static str, Strike)> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let id = step["id"].as_str().unwrap();
        let both: [Strike; 2] = [process_then_agent, program_then_all];
        for point in ["intent", "work"] {
            strikes.extend(both.map(|strike| (id.to_owned(), point, strike)));
        }
        strikes.push((id.to_owned(), "end", both[number % 2]));
    }
    strikes
}

/// Kills a tool or a service, and then the agent, while the program follows the run.
fn process_then_agent(sandbox: &Sandbox, running: Running, random: &mut StdRng) {
    let processes = sandbox.processes();
    let others: Vec<_> = processes.iter().filter(|found| found.mark.role() != "agent").collect();
    if let Some(victim) = others.choose(random) {
        println!("  killing {} ({})", victim.mark.role(), victim.pid);
        signal(&[victim.pid], "KILL");
    }
    println!("  killing the agent");
    signal(&sandbox.roots("agent"), "KILL");
    println!("    the program ended with {:?}", running.wait().code);
}

/// Kills the program, and then everything else at once.
fn program_then_all(sandbox: &Sandbox, running: Running, _: &mut StdRng) {
    signal(&[running.pid()], "KILL");
    running.wait();
    let everything: Vec<u32> = sandbox.processes().iter().map(|found| found.pid).collect();
    println!("  killing all of {everything:?}");
    signal(&everything, "KILL");
}

/// How a step is asked to stand still, see `engine::hold`.
struct Holds {
    folder: PathBuf,
}

impl Holds {
    fn new(home: &Path) -> Self {
        let folder = home.join("holds");
        std::fs::create_dir(&folder).unwrap();
        Self { folder }
    }

    /// Starts a command, whose agent stands still where it is asked to.
    fn start(&self, sandbox: &Sandbox, command: &[&str]) -> Running {
        sandbox.spawn_with(&[("RETAILFLOW_HOLDS", self.folder.to_str().unwrap())], command)
    }

    /// Runs a command until a step stands at a point.
    fn come_to(&self, sandbox: &Sandbox, command: &[&str], step: &str, point: &str) -> Running {
        println!("{}: {step} {point}", command[0]);
        std::fs::write(self.folder.join("hold"), format!("{step} {point}")).unwrap();
        let mut running = self.start(sandbox, command);
        let held = self.folder.join("held");
        let deadline = Instant::now() + PATIENCE;
        while !held.exists() {
            assert!(Instant::now() < deadline, "{step} does not come to its {point}");
            assert!(running.lives(), "it ended before {step} {point}: {:#?}", running.wait());
            std::thread::sleep(Duration::from_millis(10));
        }
        running
    }

    /// Whoever still stands there goes on; nobody does after its agent was killed.
    fn let_go(&self) {
        std::fs::remove_file(self.folder.join("held")).unwrap();
    }
}

/// After a test that failed, nothing stands still any more: its sandbox is to be taken down.
impl Drop for Holds {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
