//! Plain lines, for pipes and logs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use protocol::{Event, EventKind, RunState, StepId};

use super::{Renderer, elapsed, outcome_words};

/// Writes what matters to standard error, a line each.
#[derive(Default)]
pub(super) struct Lines {
    titles: BTreeMap<StepId, String>,
    started: BTreeMap<StepId, Timestamp>,
}

impl Lines {
    fn title<'a>(&'a self, step: &'a StepId) -> &'a str {
        self.titles.get(step).map_or(step.as_str(), String::as_str)
    }
}

impl Renderer for Lines {
    fn catch_up(&mut self, state: &RunState) {
        for step in &state.steps {
            self.titles.insert(step.plan.id.clone(), step.plan.title.clone());
        }
    }

    fn show(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted { operation, steps } => {
                self.titles = steps.iter().map(|step| (step.id.clone(), step.title.clone())).collect();
                anstream::eprintln!("{}: {} steps", operation.verb(), steps.len());
            }
            EventKind::StepStarted { step } => {
                self.started.insert(step.clone(), event.at);
                anstream::eprintln!("  {} \u{2026}", self.title(step));
            }
            EventKind::StepFinished { step, outcome } => {
                let (sign, words) = outcome_words(outcome);
                let took = self.started.get(step).map(|from| format!(" ({})", elapsed(*from, event.at)));
                anstream::eprintln!("{sign} {}: {words}{}", self.title(step), took.unwrap_or_default());
            }
            EventKind::Diagnostic { failure, .. } => anstream::eprintln!("! {failure}"),
            EventKind::CancelRequested => anstream::eprintln!("stopping"),
            _ => {}
        }
    }

    fn note(&mut self, line: &str) {
        anstream::eprintln!("{line}");
    }

    fn end(&mut self, word: Option<&str>) {
        if let Some(word) = word {
            self.note(word);
        }
    }
}
