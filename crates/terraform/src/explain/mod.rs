//! What Terraform, its provider and the cloud complain of, in plain words and with a remedy.
//!
//! Nothing here knows a resource of ours. The table in [`known`] is all this crate knows of AWS.

mod known;

use protocol::Failure;

use crate::ended::Ended;
use crate::message::Diagnostic;
use known::{KNOWN, Known, Sort};

/// How many further complaints a failure quotes.
const QUOTED: usize = 3;

/// The longest quotation, in characters; providers can print whole policies.
const LONGEST: usize = 600;

/// A command that failed: what a person is told, and what a program may do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// Set only where a caller has something to do.
    pub cause: Option<Cause>,
    /// For people.
    pub failure: Failure,
}

/// Causes that a caller can do something about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Resources that the plan would make are there: adopt them (see [`crate::Root::adopt`]).
    AlreadyExists {
        /// Their addresses in the root.
        addresses: Vec<String>,
    },
    /// The plan file is out of date: plan again, and show what differs.
    StalePlan,
    /// The state is held by another Terraform.
    Locked,
    /// The credentials must be renewed by the user.
    Expired,
    /// It may well succeed if it is tried again: throttling, capacity, a connection that broke.
    Transient,
    /// The state cannot be used as it is: see [`crate::Root::restore_state`].
    StateDamaged,
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        trouble.failure
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self { cause: None, failure }
    }
}

/// What is known of the surroundings a command ran in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    /// The command, for example `apply`.
    pub(crate) verb: &'a str,
    /// The AWS profile it was given, if one.
    pub(crate) profile: Option<&'a str>,
}

impl Scene<'_> {
    /// Why a command failed that ended like this.
    pub(crate) fn trouble(&self, ended: &Ended) -> Trouble {
        if let Some(foreign) = &ended.foreign {
            return foreign.clone().into();
        }
        if ended.interrupted {
            return interrupted(ended).into();
        }
        match ended.errors.iter().find(|error| known(error).is_some()).or(ended.errors.first()) {
            Some(first) => self.explained(first, ended),
            None => self.wordless(ended).into(),
        }
    }

    fn wordless(&self, ended: &Ended) -> Failure {
        let said = Diagnostic { summary: ended.text.join("\n"), ..Diagnostic::default() };
        let failure = match known(&said) {
            Some(known) => Failure::environment(self.fill(known.what, &said)).hint(self.fill(known.remedy, &said)),
            None => Failure::environment(format!("`terraform {}` ended without saying why", self.verb))
                .hint("Run the command again: what was finished is kept, and what was not is done."),
        };
        ended.text.iter().fold(failure, Failure::cause)
    }

    fn explained(&self, first: &Diagnostic, ended: &Ended) -> Trouble {
        let known = known(first);
        let failure = match known {
            Some(known) => Failure::environment(self.fill(known.what, first)).hint(self.fill(known.remedy, first)),
            None => Failure::environment(format!("`terraform {}` failed", self.verb))
                .hint("Run the command again: what was finished is kept. If it fails again, its log says more."),
        };
        let rest = ended.errors.iter().filter(|error| *error != first).take(QUOTED);
        let failure = std::iter::once(first).chain(rest).fold(failure, |failure, error| failure.cause(words(error)));
        Trouble { cause: known.and_then(|known| cause(known.sort, &ended.errors)), failure }
    }

    fn fill(&self, text: &str, error: &Diagnostic) -> String {
        let action = text.contains("{action}").then(|| action(error)).flatten();
        text.replace("{profile}", self.profile.unwrap_or("default"))
            .replace("{action}", action.as_deref().unwrap_or("what is needed"))
    }
}

fn interrupted(ended: &Ended) -> Failure {
    // What was cut short complains too, and that it does is no news.
    let real = ended.errors.iter().filter(|error| error.summary != "execution halted");
    let failure = Failure::cancelled().hint("What was finished is kept. Running the command again resumes.");
    real.take(QUOTED).fold(failure, |failure, error| failure.cause(words(error)))
}

fn cause(sort: Sort, errors: &[Diagnostic]) -> Option<Cause> {
    let exists = |error: &&Diagnostic| known(error).is_some_and(|known| known.sort == Sort::AlreadyExists);
    match sort {
        Sort::Plain => None,
        Sort::StalePlan => Some(Cause::StalePlan),
        Sort::Locked => Some(Cause::Locked),
        Sort::Expired => Some(Cause::Expired),
        Sort::Transient => Some(Cause::Transient),
        Sort::StateDamaged => Some(Cause::StateDamaged),
        Sort::AlreadyExists => {
            let addresses = errors.iter().filter(exists).filter_map(|error| error.address.clone()).collect();
            Some(Cause::AlreadyExists { addresses })
        }
    }
}

fn known(error: &Diagnostic) -> Option<&'static Known> {
    let text = format!("{} {}", error.summary, error.detail).to_lowercase();
    KNOWN.iter().find(|known| known.words.iter().any(|word| text.contains(word)))
}

/// A complaint in one line: where, what, and its detail.
fn words(error: &Diagnostic) -> String {
    let address = error.address.as_deref().map(|address| format!("{address}: ")).unwrap_or_default();
    let detail = error.detail.split_whitespace().collect::<Vec<_>>().join(" ");
    let whole = if detail.is_empty() || error.summary.contains(&detail) {
        format!("{address}{}", error.summary)
    } else {
        format!("{address}{}: {detail}", error.summary)
    };
    match whole.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &whole[..cut]),
        None => whole,
    }
}

/// The action of the cloud's API that was refused, for example `ec2:RunInstances`.
fn action(error: &Diagnostic) -> Option<String> {
    let text = format!("{} {}", error.summary, error.detail);
    let named = text.split_once("not authorized to perform").and_then(|(_, rest)| {
        let word = rest.trim_start_matches([':', ' ']).split_whitespace().next()?;
        let word = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        word.contains(':').then(|| word.to_owned())
    });
    named.or_else(|| {
        // The SDK's words: “operation error EC2: RunInstances, https response error …”.
        let (service, rest) = text.split_once("operation error ")?.1.split_once(": ")?;
        let operation = rest.split(|letter: char| !letter.is_alphanumeric()).next()?;
        (!operation.is_empty()).then(|| format!("{}:{operation}", prefix(service)))
    })
}

/// A service's prefix in permissions, from its name in the SDK.
fn prefix(service: &str) -> String {
    match service {
        "EventBridge" => "events".to_owned(),
        "CloudWatch Logs" => "logs".to_owned(),
        other => other.replace(' ', "").to_lowercase(),
    }
}

#[cfg(test)]
mod tests;
