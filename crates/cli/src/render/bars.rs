//! A live board of the steps, for terminals.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use protocol::{Event, EventKind, RunState, StepId, StepOutcome, StepPlan, StepStatus};

use super::{Renderer, outcome_words};

/// How often the clocks of running steps move.
const TICK: Duration = Duration::from_millis(100);

/// One line a step: sign, title, time, a bar where the work is counted, and what it is doing.
#[derive(Default)]
pub(super) struct Bars {
    board: MultiProgress,
    lines: BTreeMap<StepId, ProgressBar>,
}

impl Bars {
    fn set_out(&mut self, steps: &[StepPlan]) {
        let width = steps.iter().map(|step| step.title.chars().count()).max().unwrap_or(0);
        for step in steps {
            let line = self.board.add(ProgressBar::no_length().with_style(waiting()));
            line.set_prefix(format!("{:<width$}", step.title));
            line.set_message("waiting");
            self.lines.insert(step.id.clone(), line);
        }
    }

    fn start(&self, step: &StepId) {
        let Some(line) = self.lines.get(step) else { return };
        line.set_style(running(None));
        line.reset_elapsed();
        line.set_message("");
        line.enable_steady_tick(TICK);
    }

    fn progress(&self, step: &StepId, done: u64, total: Option<u64>, message: &str) {
        let Some(line) = self.lines.get(step) else { return };
        line.set_style(running(total));
        if let Some(total) = total {
            line.set_length(total);
            line.set_position(done);
        }
        line.set_message(message.to_owned());
    }

    fn finish(&self, step: &StepId, outcome: &StepOutcome) {
        let Some(line) = self.lines.get(step) else { return };
        let (sign, words) = outcome_words(outcome);
        line.set_style(finished(sign, outcome));
        line.finish_with_message(words);
    }
}

impl Renderer for Bars {
    fn catch_up(&mut self, state: &RunState) {
        if self.lines.is_empty() {
            let plans: Vec<StepPlan> = state.steps.iter().map(|step| step.plan.clone()).collect();
            self.set_out(&plans);
        }
        for step in &state.steps {
            match (&step.outcome, step.status) {
                (Some(outcome), _) => self.finish(&step.plan.id, outcome),
                (None, StepStatus::Running) => self.start(&step.plan.id),
                _ => {}
            }
        }
    }

    fn show(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted { steps, .. } => self.set_out(steps),
            EventKind::StepStarted { step } => self.start(step),
            EventKind::Progress { step, done, total, message, .. } => self.progress(step, *done, *total, message),
            EventKind::StepFinished { step, outcome } => self.finish(step, outcome),
            EventKind::Diagnostic { failure, .. } => self.note(&format!("! {failure}")),
            _ => {}
        }
    }

    fn note(&mut self, line: &str) {
        // A terminal that went away is no reason to stop.
        let _ = self.board.println(line);
    }

    fn end(&mut self, word: Option<&str>) {
        for line in self.lines.values().filter(|line| !line.is_finished()) {
            line.abandon();
        }
        // Below the board, which stays as it is.
        if let Some(word) = word {
            anstream::eprintln!("{word}");
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn waiting() -> ProgressStyle {
    style("  {prefix:.dim} {msg:.dim}")
}

fn running(total: Option<u64>) -> ProgressStyle {
    style(match total {
        Some(_) => "{spinner:.cyan} {prefix:.bold} {elapsed:>5} {bar:20.cyan/dim} {pos}/{len} {wide_msg:.dim}",
        None => "{spinner:.cyan} {prefix:.bold} {elapsed:>5} {wide_msg:.dim}",
    })
}

fn finished(sign: &str, outcome: &StepOutcome) -> ProgressStyle {
    let color = match outcome {
        StepOutcome::Done { .. } | StepOutcome::AlreadyDone { .. } => "green",
        StepOutcome::Failed { .. } => "red",
        StepOutcome::Skipped { .. } | StepOutcome::Cancelled => "yellow",
    };
    // A template's literal text cannot carry a style, so the sign is a spinner's last frame.
    style(&format!("{{spinner:.{color}}} {{prefix}} {{elapsed:>5}} {{wide_msg:.dim}}")).tick_strings(&[sign, sign])
}
