//! What the agents of a simulated stack change: things that steps made, processes, a disk. It outlives them, as the real one does.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::journal::Disk;
use engine::process::{Found, Mark, Processes, ServiceSpec, Stop};
use protocol::{Event, EventKind, Failure, RunId, StepId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use stack::StackFolder;

/// The world of one simulated stack.
pub(crate) struct World {
    pub(crate) folder: StackFolder,
    state: Mutex<State>,
}

/// The world at a moment.
pub(crate) struct State {
    random: StdRng,
    /// Whether things go wrong.
    pub(crate) faults: bool,
    /// The agent was killed: whatever its remains do now, they do not do in the world.
    dead: bool,
    /// What steps made.
    pub(crate) made: BTreeSet<&'static str>,
    /// The steps at work.
    at_work: BTreeSet<&'static str>,
    pub(crate) processes: Vec<Found>,
    last_pid: u32,
    /// What the agent of this life wrote into journals.
    pub(crate) journalled: Vec<Event>,
    /// Runs whose journals could not be written to their ends.
    pub(crate) lost: Vec<RunId>,
    /// What happened, in order.
    pub(crate) trace: Vec<String>,
    /// What must not have happened.
    pub(crate) violations: Vec<String>,
}

impl World {
    pub(crate) fn new(folder: StackFolder, seed: u64) -> Self {
        let state = State {
            random: StdRng::seed_from_u64(seed),
            faults: true,
            dead: false,
            made: BTreeSet::new(),
            at_work: BTreeSet::new(),
            processes: Vec::new(),
            last_pid: 1000,
            journalled: Vec::new(),
            lost: Vec::new(),
            trace: Vec::new(),
            violations: Vec::new(),
        };
        Self { folder, state: Mutex::new(state) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number below `end`.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.state().random.random_range(0..end)
    }

    /// True in so many of a hundred cases, as long as things go wrong.
    pub(crate) fn goes_wrong(&self, percent: u64) -> bool {
        let mut state = self.state();
        let hit = state.random.random_range(0..100) < percent;
        hit && state.faults
    }

    /// Takes some time, so that anything else may happen meanwhile.
    pub(crate) async fn pause(&self, most: Duration) {
        let most = u64::try_from(most.as_micros()).unwrap();
        let micros = self.below(most);
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }

    /// Notes that something happened.
    pub(crate) fn tell(&self, what: impl Display) {
        self.state().tell(what);
    }

    /// Notes what must not have happened, unless it holds.
    pub(crate) fn must(&self, holds: bool, what: impl Display) {
        self.state().must(holds, what);
    }

    /// A step acts: its intent must be on the disk, and its run under way.
    pub(crate) fn act(&self, step: &'static str, what: impl FnOnce(&mut State)) {
        if self.state().dead {
            return;
        }
        let id: StepId = step.into();
        let mut state = self.state();
        let begun = state.journalled.iter().rposition(|event| matches!(event.kind, EventKind::RunStarted { .. }));
        let run = &state.journalled[begun.unwrap_or_default()..];
        let intended = run.iter().any(|event| matches!(&event.kind, EventKind::StepStarted { step } if *step == id));
        let over = run.iter().any(|event| matches!(event.kind, EventKind::RunFinished { .. }));
        state.must(intended, format!("{step} acts and its intent is not on the disk"));
        state.must(!over, format!("{step} acts after its run"));
        what(&mut state);
        state.tell(format!("{step} acts"));
    }

    /// A step is at work for as long as this lives.
    pub(crate) fn at_work<'a>(&'a self, step: &'static str) -> AtWork<'a> {
        let first = self.state().at_work.insert(step);
        self.must(first, format!("{step} is at work twice"));
        AtWork { world: self, step }
    }

    /// The agent is killed: nothing of it acts from now on.
    pub(crate) fn kill_agent(&self) {
        let mut state = self.state();
        state.tell("the agent is killed");
        state.dead = true;
    }

    /// Another agent can come.
    pub(crate) fn next_life(&self) {
        let mut state = self.state();
        state.dead = false;
        state.at_work.clear();
        state.journalled.clear();
        state.tell("another life");
    }

    /// A process ends by itself.
    pub(crate) fn end_one_process(&self) {
        let mut state = self.state();
        if !state.processes.is_empty() {
            let there = state.processes.len();
            let victim = state.random.random_range(0..there);
            let ended = state.processes.remove(victim);
            state.tell(format!("{} ends by itself", ended.mark.role()));
        }
    }
}

impl State {
    fn must(&mut self, holds: bool, what: impl Display) {
        if !holds {
            self.violations.push(what.to_string());
        }
    }

    fn tell(&mut self, what: impl Display) {
        self.trace.push(what.to_string());
    }
}

/// See [`World::at_work`].
pub(crate) struct AtWork<'a> {
    world: &'a World,
    step: &'static str,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.world.state().at_work.remove(self.step);
    }
}

impl Processes for World {
    fn of_stack(&self, _: &str) -> Result<Vec<Found>, Failure> {
        Ok(self.state().processes.clone())
    }

    fn start(&self, spec: &ServiceSpec) -> Result<(), Failure> {
        let there = self.folder.config_file().exists();
        let mut state = self.state();
        if state.dead {
            return Ok(());
        }
        let role = spec.mark.role().to_owned();
        if state.processes.iter().any(|found| found.mark == spec.mark) {
            state.violations.push(format!("a second {role} is started"));
        }
        if !there {
            state.violations.push(format!("{role} is started in a stack that is gone"));
        }
        state.last_pid += 1;
        let (pid, started) = (state.last_pid, state.last_pid.into());
        state.processes.push(Found { pid, mark: spec.mark.clone(), root: true, started });
        state.tell(format!("{role} starts"));
        Ok(())
    }

    fn stop(&self, mark: &Mark, _: Stop) -> Result<Vec<Found>, Failure> {
        let mut state = self.state();
        if state.dead {
            return Ok(Vec::new());
        }
        let (stopped, rest) = std::mem::take(&mut state.processes).into_iter().partition(|found| found.mark == *mark);
        state.processes = rest;
        state.tell(format!("{} is stopped", mark.role()));
        Ok(stopped)
    }

    fn kill(&self, mark: &Mark) -> Result<(), Failure> {
        let mut state = self.state();
        if !state.dead {
            state.processes.retain(|found| found.mark != *mark);
        }
        Ok(())
    }
}

impl Disk for World {
    fn append(&self, journal: &mut File, line: &[u8]) -> io::Result<()> {
        use std::io::Write;
        let full = self.goes_wrong(1);
        let mut state = self.state();
        if state.dead {
            return Err(io::ErrorKind::Other.into());
        }
        let event: Event = serde_json::from_slice(line)?;
        if full {
            state.tell("the disk is full");
            state.lost.extend(event.run);
            // As much of it as there was room for.
            journal.write_all(&line[..line.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        journal.write_all(line)?;
        state.tell(format!("journalled: {}", name_of(&event.kind)));
        state.journalled.push(event);
        Ok(())
    }
}

/// A kind of event by its name, without what differs each time.
pub(crate) fn name_of(kind: &EventKind) -> String {
    let value = serde_json::to_value(kind).unwrap_or_default();
    let word = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    format!("{} {}{}", word("type"), word("step"), value["outcome"]["result"].as_str().unwrap_or_default())
}
