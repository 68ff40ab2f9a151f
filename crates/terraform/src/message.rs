//! The lines that Terraform writes with `-json`, one object each.
//!
//! Source: Terraform's documentation, “Machine-Readable UI”. Its major version 1 is read here. Terraform adds kinds and
//! fields to it at any time, so what is unknown is shown by its own words, and what is no message at all (a crash, a
//! warning of the system) is shown as it stands: neither is an error.

use std::collections::BTreeMap;

use jiff::Timestamp;
use protocol::{Failure, Level};
use serde::Deserialize;
use serde_json::Value;

/// The major version of the format that is read.
const UI: &str = "1";

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Terraform's own words.
    pub text: String,
    /// How much it matters.
    pub level: Level,
    /// When it was written; absent for what is not a message.
    pub at: Option<Timestamp>,
    /// What it is about.
    pub kind: Kind,
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Kind {
    /// The first line: who speaks.
    Version {
        /// The version of Terraform.
        terraform: String,
        /// The version of the format.
        ui: String,
    },
    /// Words without further meaning.
    Log,
    /// What `init` does.
    InitOutput,
    /// A change in the plan.
    PlannedChange {
        /// Which.
        change: Change,
    },
    /// Something that was changed behind Terraform's back.
    ResourceDrift {
        /// What.
        change: Change,
    },
    /// How many resources there are to change, or were changed.
    ChangeSummary {
        /// How many.
        changes: Summary,
    },
    /// The root's outputs.
    Outputs {
        /// By name.
        outputs: BTreeMap<String, Output>,
    },
    /// A look at a resource begins.
    RefreshStart {
        /// Which.
        hook: Hook,
    },
    /// A look at a resource is done.
    RefreshComplete {
        /// Which.
        hook: Hook,
    },
    /// Work on a resource begins.
    ApplyStart {
        /// Which.
        hook: Hook,
    },
    /// Work on a resource goes on; told every ten seconds.
    ApplyProgress {
        /// Which.
        hook: Hook,
    },
    /// Work on a resource is done.
    ApplyComplete {
        /// Which.
        hook: Hook,
    },
    /// Work on a resource failed; a diagnostic says why.
    ApplyErrored {
        /// Which.
        hook: Hook,
    },
    /// A program that a resource runs begins.
    ProvisionStart {
        /// Which.
        hook: Hook,
    },
    /// A program that a resource runs wrote something.
    ProvisionProgress {
        /// Which.
        hook: Hook,
    },
    /// A program that a resource runs is done.
    ProvisionComplete {
        /// Which.
        hook: Hook,
    },
    /// A program that a resource runs failed.
    ProvisionErrored {
        /// Which.
        hook: Hook,
    },
    /// A warning or an error.
    Diagnostic {
        /// Which.
        diagnostic: Diagnostic,
    },
    /// A line that is not of the format.
    #[serde(skip)]
    Text,
    /// A kind that this version does not know, or one that has not the shape it should.
    #[serde(other)]
    Unknown,
}

/// A resource that is looked at or worked on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Hook {
    /// Which resource.
    pub resource: Resource,
    /// `create`, `update`, `delete`, `read`…; empty for a look.
    #[serde(default)]
    pub action: String,
    /// Its id, once known.
    #[serde(default)]
    pub id_value: Option<String>,
    /// Seconds since the work on it began.
    #[serde(default)]
    pub elapsed_seconds: f64,
}

/// A resource's names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Resource {
    /// Its address in the root.
    pub addr: String,
    /// The module it lies in; empty for the root's own.
    #[serde(default)]
    pub module: Option<String>,
    /// Its type.
    pub resource_type: String,
    /// Its name within its type.
    #[serde(default)]
    pub resource_name: String,
}

/// A change that is planned or was found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Change {
    /// Which resource.
    pub resource: Resource,
    /// `create`, `update`, `delete`, `replace`, `import`, `noop`…
    pub action: String,
    /// Why, where it does not go without saying.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Numbers of resources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Summary {
    /// Made.
    pub add: u64,
    /// Changed in place.
    pub change: u64,
    /// Removed.
    pub remove: u64,
    /// Taken over.
    #[serde(default)]
    pub import: u64,
    /// `plan`, `apply` or `destroy`.
    pub operation: String,
}

/// An output; its value is left out, for it is read by [`crate::Root::outputs`] alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Output {
    /// Whether Terraform hides it.
    pub sensitive: bool,
    /// What a plan would do to it.
    #[serde(default)]
    pub action: Option<String>,
}

/// A warning or an error of Terraform, of a provider, or of the cloud behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Diagnostic {
    /// `error` or `warning`.
    pub severity: String,
    /// What, in a few words.
    pub summary: String,
    /// More of it.
    #[serde(default)]
    pub detail: String,
    /// The resource it concerns.
    #[serde(default)]
    pub address: Option<String>,
}

impl Diagnostic {
    /// Whether it is what the command failed of.
    pub fn is_error(&self) -> bool {
        self.severity == "error"
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "@message")]
    message: String,
    #[serde(rename = "@level", default)]
    level: String,
    #[serde(rename = "@timestamp", default)]
    at: Option<String>,
}

impl Message {
    /// Reads a line, whatever it is.
    pub fn read(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap_or_default();
        let Ok(envelope) = Envelope::deserialize(&value) else {
            return Self { text: line.to_owned(), level: Level::Info, at: None, kind: Kind::Text };
        };
        let kind = Kind::deserialize(&value).unwrap_or(Kind::Unknown);
        let level = level(&kind, &envelope.level);
        Self { text: envelope.message, level, at: envelope.at.and_then(|at| at.parse().ok()), kind }
    }

    /// What it says, for a log: line by line, with everything an error has to say.
    pub fn lines(&self) -> Vec<&str> {
        let detail = match &self.kind {
            Kind::Diagnostic { diagnostic } => diagnostic.detail.as_str(),
            _ => "",
        };
        self.text.lines().chain(detail.lines()).map(str::trim_end).filter(|line| !line.is_empty()).collect()
    }

    /// Says why what follows cannot be understood, if it is a first line of another major version of the format.
    pub fn foreign(&self) -> Option<Failure> {
        let Kind::Version { terraform, ui } = &self.kind else { return None };
        if ui.split('.').next() == Some(UI) {
            return None;
        }
        Some(
            Failure::environment(format!("Terraform {terraform} speaks a language that RetailFlow does not know"))
                .cause(format!("its messages have version {ui}; versions {UI}.x are understood"))
                .hint("Use Terraform 1.11, which `retailflow doctor --target aws --fix` installs."),
        )
    }
}

/// Terraform calls almost everything “info”; what only fills a log is told apart here.
fn level(kind: &Kind, said: &str) -> Level {
    match kind {
        Kind::Diagnostic { diagnostic } if diagnostic.is_error() => Level::Error,
        Kind::ApplyErrored { .. } | Kind::ProvisionErrored { .. } => Level::Error,
        Kind::ApplyProgress { .. } | Kind::RefreshStart { .. } | Kind::RefreshComplete { .. } => Level::Debug,
        _ => match said {
            "error" => Level::Error,
            "warn" => Level::Warn,
            "debug" | "trace" => Level::Debug,
            _ => Level::Info,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_kinds_are_decoded() {
        let start = r#"{"@level":"info","@message":"aws_vpc.a: Creating...","@timestamp":"2026-11-23T07:20:32Z","hook":{"resource":{"addr":"aws_vpc.a","resource_type":"aws_vpc"},"action":"create"},"type":"apply_start"}"#;
        let message = Message::read(start);
        assert_eq!(message.at, Some("2026-11-23T07:20:32Z".parse().unwrap()));
        let Kind::ApplyStart { hook } = message.kind else { panic!("not understood") };
        assert_eq!((hook.resource.addr.as_str(), hook.action.as_str()), ("aws_vpc.a", "create"));
        let error = r#"{"@message":"Error: no","diagnostic":{"severity":"error","summary":"no","detail":"first\n\nsecond\n"},"type":"diagnostic"}"#;
        let message = Message::read(error);
        assert_eq!(message.level, Level::Error);
        assert_eq!(message.lines(), ["Error: no", "first", "second"]);
    }

    #[test]
    fn what_is_unknown_is_shown_and_what_is_broken_is_text() {
        for line in [
            r#"{"@message":"hello","type":"from_the_future","depth":3}"#,
            r#"{"@message":"hello","type":"apply_start","hook":"bent"}"#,
            r#"{"@message":"hello"}"#,
        ] {
            let message = Message::read(line);
            assert_eq!((message.text.as_str(), message.kind), ("hello", Kind::Unknown), "{line}");
        }
        for rubbish in ["", "panic: runtime error", "{\"@message\":", "[1,2]", "null", "{\"a\":1}", "\u{1f980}"] {
            let message = Message::read(rubbish);
            assert_eq!((message.text.as_str(), message.kind), (rubbish, Kind::Text));
        }
    }

    #[test]
    fn another_major_version_is_refused() {
        let version = |ui: &str| {
            Message::read(&format!(r#"{{"@message":"T","terraform":"9.0.0","type":"version","ui":"{ui}"}}"#)).foreign()
        };
        assert_eq!(version("1.9"), None);
        assert!(version("2.0").unwrap().causes[0].contains("2.0"));
        assert!(version("").is_some());
        assert_eq!(Message::read("rubbish").foreign(), None);
    }

    proptest! {
        #[test]
        fn no_line_is_fatal(line in ".*") {
            let message = Message::read(&line);
            prop_assert!(message.lines().iter().all(|line| !line.contains('\n')));
        }

        #[test]
        fn a_broken_message_is_still_shown(cut in 0usize..400, at in 0usize..400, byte in 0u8..128) {
            let whole = r#"{"@level":"info","@message":"aws_vpc.a: Creation complete after 0s [id=vpc-1]","@timestamp":"2026-11-23T07:20:32.535966Z","hook":{"resource":{"addr":"aws_vpc.a","resource_type":"aws_vpc"},"action":"create","id_key":"id","id_value":"vpc-1","elapsed_seconds":0},"type":"apply_complete"}"#;
            let mut bytes = whole.as_bytes()[..cut.min(whole.len())].to_vec();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            let line = String::from_utf8_lossy(&bytes).into_owned();
            let message = Message::read(&line);
            prop_assert!(message.kind != Kind::Text || message.text == line);
        }
    }
}
