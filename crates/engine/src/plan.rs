//! A plan: steps in a validated order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use protocol::{Failure, StepId, StepPlan};

use crate::step::Step;

/// Whether a plan makes or removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `apply`, needs first. Stops at the first failure.
    Build,
    /// `destroy`, needs last. Goes on with whatever does not depend on what failed, so that as little as possible
    /// is left.
    Teardown,
}

/// Steps without cycles, duplicates or unknown needs, in an order that honours their needs.
#[derive(Clone)]
pub struct Plan {
    direction: Direction,
    nodes: Vec<Node>,
}

/// One step and what it waits for in this plan's direction.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) id: StepId,
    pub(crate) step: Arc<dyn Step>,
    pub(crate) waits_for: BTreeSet<StepId>,
}

impl Plan {
    /// Validates the steps and orders them. Fails with a bug report on a duplicate, an unknown need or a cycle.
    pub fn new(direction: Direction, steps: &[Arc<dyn Step>]) -> Result<Self, Failure> {
        let mut needs: BTreeMap<StepId, BTreeSet<StepId>> = BTreeMap::new();
        for step in steps {
            if needs.insert(step.id(), step.needs().into_iter().collect()).is_some() {
                return Err(Failure::bug(format!("The plan has two steps named {}", step.id())));
            }
        }
        if let Some((step, need)) = unknown_need(&needs) {
            return Err(Failure::bug(format!("Step {step} needs {need}, which is not in the plan")));
        }
        let waits_for = match direction {
            Direction::Build => needs,
            Direction::Teardown => reversed(&needs),
        };
        let by_id: BTreeMap<StepId, Arc<dyn Step>> = steps.iter().map(|step| (step.id(), step.clone())).collect();
        let given: Vec<StepId> = steps.iter().map(|step| step.id()).collect();
        let nodes = order(&given, &waits_for)?
            .into_iter()
            .map(|id| Node { step: by_id[&id].clone(), waits_for: waits_for[&id].clone(), id })
            .collect();
        Ok(Self { direction, nodes })
    }

    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The plan in words, in order.
    pub fn describe(&self) -> Vec<StepPlan> {
        self.nodes.iter().map(|node| node.describe(self.direction)).collect()
    }
}

impl Node {
    fn describe(&self, direction: Direction) -> StepPlan {
        StepPlan {
            id: self.id.clone(),
            title: self.step.title().to_owned(),
            summary: match direction {
                Direction::Build => self.step.describe_apply(),
                Direction::Teardown => self.step.describe_destroy(),
            },
            needs: self.waits_for.iter().cloned().collect(),
        }
    }
}

fn unknown_need(needs: &BTreeMap<StepId, BTreeSet<StepId>>) -> Option<(&StepId, &StepId)> {
    needs.iter().find_map(|(step, its)| its.iter().find(|need| !needs.contains_key(need)).map(|need| (step, need)))
}

fn reversed(needs: &BTreeMap<StepId, BTreeSet<StepId>>) -> BTreeMap<StepId, BTreeSet<StepId>> {
    let mut reversed: BTreeMap<StepId, BTreeSet<StepId>> =
        needs.keys().map(|id| (id.clone(), BTreeSet::new())).collect();
    for (step, its) in needs {
        for need in its {
            reversed.entry(need.clone()).or_default().insert(step.clone());
        }
    }
    reversed
}

/// Kahn's algorithm; among ready steps the one given first goes first.
fn order(given: &[StepId], waits_for: &BTreeMap<StepId, BTreeSet<StepId>>) -> Result<Vec<StepId>, Failure> {
    let mut ordered: Vec<StepId> = Vec::with_capacity(given.len());
    while ordered.len() < given.len() {
        let ready = |id: &&StepId| !ordered.contains(id) && waits_for[*id].iter().all(|need| ordered.contains(need));
        let Some(next) = given.iter().find(ready) else {
            let stuck: Vec<&str> = given.iter().filter(|id| !ordered.contains(id)).map(StepId::as_str).collect();
            return Err(Failure::bug(format!("The plan's steps wait for one another: {}", stuck.join(", "))));
        };
        ordered.push(next.clone());
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::testing::Scripted;

    fn plan(direction: Direction, steps: &[(&'static str, &[&'static str])]) -> Result<Plan, Failure> {
        Plan::new(direction, &steps.iter().map(|(id, needs)| Scripted::new(id, needs).arc()).collect::<Vec<_>>())
    }

    fn ids(plan: &Plan) -> Vec<String> {
        plan.nodes().iter().map(|node| node.id.to_string()).collect()
    }

    const DIAMOND: &[(&str, &[&str])] =
        &[("end", &["left", "right"]), ("left", &["top"]), ("right", &["top"]), ("top", &[])];

    #[test]
    fn needs_come_first_when_building_and_last_when_tearing_down() {
        assert_eq!(ids(&plan(Direction::Build, DIAMOND).unwrap()), ["top", "left", "right", "end"]);
        assert_eq!(ids(&plan(Direction::Teardown, DIAMOND).unwrap()), ["end", "left", "right", "top"]);
    }

    #[test]
    fn a_plan_that_cannot_work_is_refused() {
        let summary = |steps| plan(Direction::Build, steps).err().expect("refused").summary;
        assert!(summary(&[("a", &[]), ("a", &[])]).contains("two steps named a"));
        assert!(summary(&[("a", &["b"])]).contains("needs b"));
        assert!(summary(&[("a", &["b"]), ("b", &["a"]), ("c", &[])]).contains("wait for one another: a, b"));
    }
}
