//! What went wrong, why, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A failure as the user sees it. Every error that reaches a person has this shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Failure {
    /// Set only where a program branches on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub code: Option<Code>,
    /// What happened, in one sentence.
    pub summary: String,
    /// Why, outermost first.
    #[serde(default)]
    pub causes: Vec<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hint: Option<String>,
    /// Who can mend it.
    pub blame: Blame,
}

/// Who can mend a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Blame {
    /// The user asked for something that cannot be.
    User,
    /// The computer, the network or a tool is not as needed.
    Environment,
    /// RetailFlow is wrong.
    Bug,
}

/// Codes that some consumer branches on; see each variant for which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Code {
    /// Another run of this stack is under way: clients attach to it instead.
    Busy,
    /// No stack of that name: the CLI exits with 3, the app goes to Welcome.
    NoSuchStack,
    /// The user cancelled: not an error in the page, exit code 130 in the CLI.
    Cancelled,
    /// A step did not end within its deadline.
    Deadline,
    /// Something was changed behind the stack's back: the CLI's `drift` exits with 5.
    Drift,
}

impl Failure {
    /// A failure without causes or hint.
    pub fn new(blame: Blame, summary: impl Into<String>) -> Self {
        Self { code: None, summary: summary.into(), causes: Vec::new(), hint: None, blame }
    }

    /// A failure the environment is to blame for, the commonest kind.
    pub fn environment(summary: impl Into<String>) -> Self {
        Self::new(Blame::Environment, summary)
    }

    /// A failure of RetailFlow itself.
    pub fn bug(summary: impl Into<String>) -> Self {
        Self::new(Blame::Bug, summary)
            .hint("This is a defect in RetailFlow: please report it with the log of this run.")
    }

    /// Adds a cause below those already there.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds an error and everything beneath it as causes.
    #[must_use]
    pub fn source(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            // Many errors repeat their source in their own text.
            if self.causes.last().is_none_or(|last| !last.contains(&text)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the code a consumer branches on.
    #[must_use]
    pub fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// Hands over everything it says, to be changed.
    pub fn for_each_text(&mut self, change: &mut dyn FnMut(&mut String)) {
        change(&mut self.summary);
        self.causes.iter_mut().for_each(&mut *change);
        self.hint.iter_mut().for_each(change);
    }

    /// The failure of a run or step that the user cancelled.
    pub fn cancelled() -> Self {
        Self::new(Blame::User, "Cancelled").code(Code::Cancelled)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_listed_once_outermost_first() {
        let inner = std::io::Error::other("disk is full");
        let outer = std::io::Error::other(format!("cannot write: {inner}"));
        let failure = Failure::environment("The journal could not be written").source(&outer);
        assert_eq!(failure.causes, ["cannot write: disk is full"]);
        assert_eq!(failure.to_string(), "The journal could not be written: cannot write: disk is full");
    }
}
