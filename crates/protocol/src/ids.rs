//! Identifiers. Each is a string with a rule, so that it can name a folder, a file and a line of a journal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::failure::{Blame, Failure};

/// The name of a stack: 1–32 characters, lower-case letters, digits and hyphens, starting with a letter.
///
/// It names a folder on disk and later cloud resources, hence the narrow alphabet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(try_from = "String", into = "String")]
#[ts(export, type = "string")]
pub struct StackName(String);

impl StackName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StackName {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let mut chars = text.chars();
        let starts_well = chars.next().is_some_and(|first| first.is_ascii_lowercase());
        let goes_on_well = chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if starts_well && goes_on_well && text.len() <= 32 {
            return Ok(Self(text.to_owned()));
        }
        Err(Failure::new(Blame::User, format!("\u{201c}{text}\u{201d} cannot name a stack"))
            .cause("a name has 1 to 32 lower-case letters, digits and hyphens, and starts with a letter")
            .hint("Choose a name such as \u{201c}demo\u{201d} or \u{201c}shop-2\u{201d}."))
    }
}

impl TryFrom<String> for StackName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|failure: Failure| failure.to_string())
    }
}

impl From<StackName> for String {
    fn from(name: StackName) -> Self {
        name.0
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One run of a plan; a ULID, so that names sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export)]
pub struct RunId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A step of a plan, unique within it, for example `postgres`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export)]
pub struct StepId(pub String);

impl StepId {
    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for StepId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_names_are_safe_folder_names() {
        for good in ["demo", "shop-2", "a", &"x".repeat(32)] {
            assert!(good.parse::<StackName>().is_ok(), "{good}");
        }
        for bad in ["", "Demo", "2shop", "-a", "a/b", "..", "a b", "ä", &"x".repeat(33)] {
            assert!(bad.parse::<StackName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bad_name_does_not_deserialise() {
        let error = serde_json::from_str::<StackName>("\"../etc\"").expect_err("must be rejected");
        assert!(error.to_string().contains("cannot name a stack"), "{error}");
    }
}
