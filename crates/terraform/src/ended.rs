//! How a command ended, as far as what it wrote tells.

use protocol::Failure;

use crate::message::{Diagnostic, Kind, Message, Summary};
use crate::progress::INTERRUPTED;

/// Lines that are not messages and are kept: what a crash leaves.
const KEPT: usize = 8;

/// What is left of a command's messages when it is over.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ended {
    /// The errors it reported, each once.
    pub(crate) errors: Vec<Diagnostic>,
    /// The numbers of a change that was carried out. Terraform writes them when all is done and the state is saved, and
    /// not otherwise.
    pub(crate) summary: Option<Summary>,
    /// The last lines that were not messages.
    pub(crate) text: Vec<String>,
    /// Whether it was interrupted.
    pub(crate) interrupted: bool,
    /// Why its messages cannot be understood, if they cannot.
    pub(crate) foreign: Option<Failure>,
}

impl Ended {
    /// Takes a message in.
    pub(crate) fn take(&mut self, message: &Message) {
        match &message.kind {
            Kind::Diagnostic { diagnostic } if diagnostic.is_error() && !self.errors.contains(diagnostic) => {
                self.errors.push(diagnostic.clone());
            }
            Kind::ChangeSummary { changes } if changes.operation != "plan" => self.summary = Some(changes.clone()),
            Kind::Log if message.text.trim_start().starts_with(INTERRUPTED) => self.interrupted = true,
            Kind::Version { .. } => self.foreign = message.foreign().or(self.foreign.take()),
            Kind::Text => self.keep(&message.text),
            _ => {}
        }
    }

    fn keep(&mut self, text: &str) {
        if self.text.len() == KEPT {
            self.text.remove(0);
        }
        self.text.push(text.to_owned());
    }

    /// Whether a change was carried out to its end.
    pub(crate) fn succeeded(&self) -> bool {
        self.errors.is_empty() && self.summary.is_some() && self.foreign.is_none()
    }
}
