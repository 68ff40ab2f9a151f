//! Agent, runner, journal and clients in simulation: one thread, a clock that stands still while anybody has something to do,
//! and chance that a seed decides. A stack lives through several agents, each of which is killed somewhere; then it is brought
//! up and taken down in peace.
//!
//! What must hold: no step acts before its intent is on the disk, or after its run; no step and no service is there twice; what
//! a client saw is what the journal tells, without a gap; every run ends; `up` then succeeds, and `down` ends in nothing.

mod clients;
mod target;
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::command::{AgentRequest, RunRequest};
use protocol::snapshot::Snapshot;
use protocol::{Event, EventKind, Failure, Keep, Operation, RunId, RunOutcome, RunState};
use stack::client::AgentClient;
use tokio::runtime::Builder;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use self::clients::{Sight, Sights};
use self::target::Simulated;
use self::world::World;
use crate::scripted::Stack;

/// So many seeds are lived through, unless a variable says otherwise.
const SEEDS: u64 = 200;
const SEEDS_VARIABLE: &str = "RETAILFLOW_SIMULATED_SEEDS";

/// The first of them.
const FIRST_VARIABLE: &str = "RETAILFLOW_SIMULATED_FIRST";

/// How soon whatever arrives at a socket is noticed, by the simulated clock: to wait for a socket is nothing that it knows of.
const HEARTBEAT: Duration = Duration::from_millis(50);

/// By the simulated clock, nothing takes longer.
const PATIENCE: Duration = Duration::from_mins(2);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

#[test]
fn whatever_happens_in_whatever_order_what_must_hold_holds() {
    let (first, count) = (setting(FIRST_VARIABLE, 1), setting(SEEDS_VARIABLE, SEEDS));
    let next = AtomicU64::new(first);
    let failed = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let (trace, violations) = simulate(seed);
                    if !violations.is_empty() {
                        failed.lock().unwrap().insert(seed, (trace, violations));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    if let Some((seed, (trace, violations))) = failed.first_key_value() {
        panic!(
            "{} of {count} seeds fail, seed {seed} first:\n{}\n{violations:#?}\nAgain: {FIRST_VARIABLE}={seed} {SEEDS_VARIABLE}=1",
            failed.len(),
            trace.join("\n"),
        );
    }
}

#[test]
fn a_seed_can_be_repeated_to_the_event() {
    for seed in 1..=5 {
        let (once, again) = (simulate(seed).0, simulate(seed).0);
        let differ = once.iter().zip(&again).position(|(one, other)| one != other);
        assert_eq!(differ.map(|at| (&once[at], &again[at])), None, "seed {seed}");
        assert_eq!(once.len(), again.len(), "seed {seed}");
    }
}

/// Lives through one seed. Gives what happened, and what must not have happened.
fn simulate(seed: u64) -> (Vec<String>, Vec<String>) {
    let stack = Stack::in_memory(Keep { runs: 3, ..Keep::default() });
    let world = Arc::new(World::new(stack.folder.clone(), seed));
    for _ in 0..=world.below(3) {
        in_an_agents_life(&stack, &world, async |sights, agent| {
            let clients: Vec<_> =
                (0..=world.below(3)).map(|_| tokio::spawn(clients::live(world.clone(), sights.clone()))).collect();
            if world.below(2) == 0 {
                // Killed wherever it is then.
                world.pause(Duration::from_secs(6)).await;
                for _ in 0..world.below(30) {
                    tokio::task::yield_now().await;
                }
                return;
            }
            for client in clients {
                client.await.unwrap();
            }
            until_idle(&world, &agent).await;
        });
        if world.below(4) == 0 {
            world.end_one_process();
        }
    }
    world.state().faults = false;
    in_an_agents_life(&stack, &world, async |_, agent| come_up_and_go_down(&world, agent).await);
    let there = world.state();
    let left = (&there.made, &there.processes, stack.folder.path().exists());
    let holds = left.0.is_empty() && left.1.is_empty() && !left.2;
    let what = format!("after down there is {left:?}");
    drop(there);
    world.must(holds, what);
    let mut state = world.state();
    (std::mem::take(&mut state.trace), std::mem::take(&mut state.violations))
}

/// Starts an agent, lets things happen, and kills it; then looks whether what clients saw was true.
fn in_an_agents_life(
    stack: &Stack,
    world: &Arc<World>,
    what: impl AsyncFnOnce(Sights, JoinHandle<Result<(), Failure>>),
) {
    if !stack.folder.config_file().exists() {
        stack.create();
    }
    world.next_life();
    let sights = Sights::default();
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        tokio::spawn(async {
            loop {
                sleep(HEARTBEAT).await;
            }
        });
        let target: Arc<dyn ::target::Target> = Arc::new(Simulated::new(world));
        let agent = tokio::spawn(retailflow_agent::run_on(world.clone(), stack.folder.clone(), move |_, _| target));
        what(sights.clone(), agent).await;
    });
    world.kill_agent();
    drop(runtime);
    let journalled = std::mem::take(&mut world.state().journalled);
    for sight in sights.lock().unwrap().iter() {
        compare(world, sight, &journalled);
    }
}

/// A client that saw everything from one number to another saw all that the journal holds between them, and made of it what the
/// journal's events make.
fn compare(world: &World, sight: &Sight, journalled: &[Event]) {
    let mut told = journalled.iter().filter(|event| event.seq > sight.from && event.seq <= sight.to);
    world.must(told.all(|event| sight.durable.contains(event)), "a client missed what was journalled");
    let lost = world.state().lost.clone();
    for event in sight.durable.iter().filter(|event| !journalled.contains(event)) {
        // That a run ended is told also when its journal is lost.
        let told = matches!(event.kind, EventKind::RunFinished { outcome: RunOutcome::Failed { .. } });
        let of_lost = event.run.as_ref().is_some_and(|run| lost.contains(run));
        world.must(told && of_lost, format!("a client saw what no journal has: {event:?}"));
    }
    let Some(mut seen) = sight.run.clone().filter(|run| !lost.contains(&run.run)) else { return };
    let of_run = journalled.iter().filter(|event| event.run.as_ref() == Some(&seen.run) && event.seq <= sight.to);
    let Some(mut told) = RunState::replay(of_run) else { return };
    for step in seen.steps.iter_mut().chain(&mut told.steps) {
        step.progress = None;
    }
    world.must(
        seen == told,
        format!("what a client saw of a run is not what the journal tells: {seen:?} is not {told:?}"),
    );
}

/// Waits until no run is under way, or the agent has left.
async fn until_idle(world: &World, agent: &JoinHandle<Result<(), Failure>>) {
    let idle = timeout(PATIENCE, async {
        while !agent.is_finished() {
            match snapshot(world).await {
                Some(snapshot) if snapshot.run.as_ref().is_none_or(RunState::is_finished) => return,
                _ => sleep(HEARTBEAT).await,
            }
        }
    });
    world.must(idle.await.is_ok(), "a run does not end");
}

async fn snapshot(world: &World) -> Option<Snapshot> {
    AgentClient::new(world.folder.clone()).ask(&AgentRequest::Snapshot(())).await.ok().flatten()
}

/// Nothing goes wrong any more: `up` succeeds, `down` ends in nothing.
async fn come_up_and_go_down(world: &World, agent: JoinHandle<Result<(), Failure>>) {
    let outcome = run(world, &agent, Operation::Up).await;
    world.must(outcome == Some(RunOutcome::Succeeded), format!("the last up: {outcome:?}"));
    let (made, serving) = Simulated::everything();
    let (there, running) = {
        let state = world.state();
        let running: Vec<String> = state.processes.iter().map(|found| found.mark.role().to_owned()).collect();
        (state.made.iter().copied().collect::<std::collections::BTreeSet<_>>(), running)
    };
    let mut running = running;
    running.sort_unstable();
    world.must(there == made.into_iter().collect(), format!("after up there is {there:?}"));
    world.must(running == serving, format!("after up {running:?} run"));
    let begun = begin(world, Operation::Down).await;
    world.must(begun.is_some(), "down does not begin");
    let ended = timeout(PATIENCE, agent).await;
    world.must(matches!(ended, Ok(Ok(Ok(())))), format!("the agent after down: {ended:?}"));
}

async fn begin(world: &World, operation: Operation) -> Option<RunId> {
    let begun = timeout(PATIENCE, async {
        loop {
            let client = AgentClient::new(world.folder.clone());
            match client.ask::<RunId>(&AgentRequest::Start(RunRequest::plain(operation))).await {
                Ok(Some(run)) => return run,
                _ => sleep(HEARTBEAT).await,
            }
        }
    });
    begun.await.ok()
}

async fn run(world: &World, agent: &JoinHandle<Result<(), Failure>>, operation: Operation) -> Option<RunOutcome> {
    let run = begin(world, operation).await?;
    until_idle(world, agent).await;
    snapshot(world).await?.run.filter(|state| state.run == run)?.outcome
}
