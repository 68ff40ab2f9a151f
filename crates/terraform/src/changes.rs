//! What a plan would do, from `terraform show -json`, or in outline from what is told while it is made.
//!
//! Source: Terraform's documentation, “JSON Output Format”, plan representation. Attributes are named and their values
//! left where they are: some are secret, and a review is kept on the disk.

use std::fmt;

use protocol::{ChangeAction, Failure, ResourceChange};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::message::{self, Kind, Message};

/// Its own words, so nobody but it is to blame.
pub(crate) const AGAIN: &str = "Run the command again. If it fails in the same way, see with `retailflow doctor --target aws` which Terraform is used.";

/// What a plan would do, and what was done behind its back since the last one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// What would be done, in the plan's order.
    pub planned: Vec<Change>,
    /// What differs from what Terraform last saw.
    pub drift: Vec<Change>,
    /// The outputs that would have another value.
    pub outputs: Vec<String>,
}

/// One resource that would change, or was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its address in the root.
    pub address: String,
    /// The module it lies in, if not the root's own.
    pub module: Option<String>,
    /// Its type.
    pub resource: String,
    /// Its name within its type.
    pub name: String,
    /// What would be done to it.
    pub action: ChangeAction,
    /// Why, where it does not go without saying.
    pub reason: Option<Reason>,
    /// The attributes that differ. Of a replacement, those that are known beforehand to.
    pub attributes: Vec<String>,
    /// The attributes for whose sake it must be replaced.
    pub forced_by: Vec<String>,
    after: After,
}

/// What a resource would be. Never shown: some of it may be secret.
#[derive(Clone, PartialEq, Eq)]
struct After(Value);

impl fmt::Debug for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Why a resource would be replaced or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Its creation failed half-way, so what there is of it cannot be trusted.
    Tainted,
    /// An attribute differs that cannot be changed in place.
    CannotUpdate,
    /// It was asked for.
    Requested,
    /// Something it depends on is replaced.
    Triggered,
    /// The root names it no longer.
    NoLongerNamed,
    /// Another, in Terraform's spelling.
    Other(String),
}

impl Reason {
    fn of(name: &str) -> Self {
        match name {
            "replace_because_tainted" => Self::Tainted,
            "replace_because_cannot_update" => Self::CannotUpdate,
            "replace_by_request" => Self::Requested,
            "replace_by_triggers" => Self::Triggered,
            name if name.starts_with("delete_because_") => Self::NoLongerNamed,
            other => Self::Other(other.to_owned()),
        }
    }

    /// As the messages of a command spell it, which is shorter.
    fn told(name: &str) -> Self {
        match name {
            "tainted" => Self::Tainted,
            "cannot_update" => Self::CannotUpdate,
            "requested" => Self::Requested,
            "replace_triggered_by" => Self::Triggered,
            name if name.starts_with("delete_because_") => Self::NoLongerNamed,
            other => Self::Other(other.to_owned()),
        }
    }

    /// In words, to follow “because”.
    pub fn words(&self) -> &str {
        match self {
            Self::Tainted => "its creation failed half-way",
            Self::CannotUpdate => "it cannot be changed in place",
            Self::Requested => "it was asked for",
            Self::Triggered => "something it depends on is replaced",
            Self::NoLongerNamed => "the stack no longer has it",
            Self::Other(name) => name,
        }
    }
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    resource_changes: Vec<Entry>,
    #[serde(default)]
    resource_drift: Vec<Entry>,
    #[serde(default)]
    output_changes: std::collections::BTreeMap<String, Difference>,
}

#[derive(Deserialize)]
struct Entry {
    address: String,
    #[serde(default)]
    module_address: Option<String>,
    #[serde(rename = "type")]
    resource: String,
    name: String,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    action_reason: Option<String>,
    change: Difference,
}

#[derive(Deserialize)]
struct Difference {
    actions: Vec<String>,
    #[serde(default)]
    before: Value,
    #[serde(default)]
    after: Value,
    #[serde(default)]
    after_unknown: Value,
    #[serde(default)]
    importing: Option<Value>,
    #[serde(default)]
    replace_paths: Vec<Vec<Value>>,
}

impl Changes {
    /// Reads what `show -json` says of a plan.
    pub fn read(json: &[u8]) -> Result<Self, Failure> {
        let shown: Shown = serde_json::from_slice(json).map_err(|error| {
            Failure::environment("Terraform's description of its plan could not be read").source(&error).hint(AGAIN)
        })?;
        let of = |entries: Vec<Entry>| entries.into_iter().filter_map(Entry::read).collect();
        let differs = |difference: &Difference| difference.actions != ["no-op"];
        let outputs = shown.output_changes.into_iter().filter(|(_, change)| differs(change)).map(|(name, _)| name);
        Ok(Self { planned: of(shown.resource_changes), drift: of(shown.resource_drift), outputs: outputs.collect() })
    }

    /// Takes in a message of the command that plans: it names what would be done, and no attribute.
    pub(crate) fn take(&mut self, message: &Message) {
        match &message.kind {
            Kind::PlannedChange { change } => self.planned.extend(Change::outlined(change)),
            Kind::ResourceDrift { change } => self.drift.extend(Change::outlined(change)),
            Kind::Outputs { outputs } => {
                let differs = |action: Option<&str>| action.is_some_and(|action| action != "noop");
                let differing = outputs.iter().filter(|(_, output)| differs(output.action.as_deref()));
                self.outputs.extend(differing.map(|(name, _)| name.clone()));
            }
            _ => {}
        }
    }

    /// Whether there is nothing to do, to resources or to outputs.
    pub fn is_empty(&self) -> bool {
        self.planned.is_empty() && self.outputs.is_empty()
    }

    /// What would be done, as a review of the root shows it.
    pub fn review(&self, root: &str) -> Vec<ResourceChange> {
        self.planned.iter().map(|change| change.review(root)).collect()
    }

    /// What was changed behind Terraform's back, as a review of the root shows it.
    pub fn review_drift(&self, root: &str) -> Vec<ResourceChange> {
        self.drift.iter().map(|change| change.review(root)).collect()
    }
}

impl Change {
    /// `None` if nothing is done to it, or it is only looked at.
    fn outlined(change: &message::Change) -> Option<Self> {
        let action = match change.action.as_str() {
            "create" => ChangeAction::Create,
            "update" => ChangeAction::Update,
            "replace" => ChangeAction::Replace,
            "delete" => ChangeAction::Delete,
            "import" => ChangeAction::Import,
            _ => return None,
        };
        let resource = &change.resource;
        Some(Self {
            address: resource.addr.clone(),
            module: resource.module.clone().filter(|module| !module.is_empty()),
            resource: resource.resource_type.clone(),
            name: resource.resource_name.clone(),
            action,
            reason: change.reason.as_deref().map(Reason::told),
            attributes: Vec::new(),
            forced_by: Vec::new(),
            after: After(Value::Null),
        })
    }

    /// A text attribute as it would be, as far as the plan knows it: `name`, or within a map `tags.Name`.
    pub fn attribute(&self, path: &str) -> Option<&str> {
        path.split('.').try_fold(&self.after.0, |value, part| value.get(part))?.as_str()
    }

    fn review(&self, root: &str) -> ResourceChange {
        ResourceChange {
            root: root.to_owned(),
            address: self.address.clone(),
            resource: self.resource.clone(),
            action: self.action,
            attributes: self.attributes.clone(),
        }
    }
}

impl Entry {
    /// `None` if nothing is done to it, or it is only looked at.
    fn read(self) -> Option<Change> {
        let action = self.action()?;
        let forced_by = self.change.forced_by();
        let attributes = match action {
            ChangeAction::Update | ChangeAction::Import => self.change.differing(true),
            ChangeAction::Replace => {
                let mut names = self.change.differing(false);
                names.extend(forced_by.iter().cloned());
                names.sort_unstable();
                names.dedup();
                names
            }
            ChangeAction::Create | ChangeAction::Delete => Vec::new(),
        };
        Some(Change {
            address: self.address,
            module: self.module_address,
            resource: self.resource,
            name: self.name,
            action,
            reason: self.action_reason.as_deref().map(Reason::of),
            attributes,
            forced_by,
            after: After(self.change.after),
        })
    }

    fn action(&self) -> Option<ChangeAction> {
        if self.mode == "data" {
            return None;
        }
        let actions: Vec<&str> = self.change.actions.iter().map(String::as_str).collect();
        match actions[..] {
            ["delete", "create"] | ["create", "delete"] => Some(ChangeAction::Replace),
            _ if self.change.importing.is_some() => Some(ChangeAction::Import),
            ["create"] => Some(ChangeAction::Create),
            ["update"] => Some(ChangeAction::Update),
            ["delete"] => Some(ChangeAction::Delete),
            _ => None,
        }
    }
}

impl Difference {
    /// The names of the attributes that differ. What a replacement leaves to the provider is all unknown, and no news;
    /// what an update does is.
    fn differing(&self, with_unknown: bool) -> Vec<String> {
        let empty = Map::new();
        let object = |value: &'_ Value| value.as_object().cloned().unwrap_or_default();
        let (before, after) = (object(&self.before), object(&self.after));
        let unknown = self.after_unknown.as_object().unwrap_or(&empty);
        let is_unknown = |name: &String| unknown.get(name).is_some_and(any);
        let mut names: Vec<String> = before.keys().chain(after.keys()).chain(unknown.keys()).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| if is_unknown(name) { with_unknown } else { before.get(name) != after.get(name) });
        names
    }

    /// The first parts of the paths that force a replacement.
    fn forced_by(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.replace_paths.iter().filter_map(|path| Some(path.first()?.as_str()?.to_owned())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Whether anything in a tree of marks is marked.
fn any(marks: &Value) -> bool {
    match marks {
        Value::Array(items) => items.iter().any(any),
        Value::Object(fields) => fields.values().any(any),
        mark => *mark == Value::Bool(true),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(actions: &[&str], before: &Value, after: &Value) -> Value {
        json!({
            "address": "module.network.aws_vpc.this", "module_address": "module.network", "name": "this",
            "type": "aws_vpc", "mode": "managed",
            "change": {
                "actions": actions, "before": before, "after": after,
                "after_unknown": {"id": true, "tags": {}, "rules": [{"port": false}]},
            }
        })
    }

    fn read(entry: &Value) -> Changes {
        let shown = json!({"resource_changes": [entry], "resource_drift": [entry]});
        Changes::read(shown.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn each_action_is_told_apart() {
        let action =
            |names: &[&str]| read(&entry(names, &Value::Null, &json!({}))).planned.first().map(|found| found.action);
        assert_eq!(action(&["create"]), Some(ChangeAction::Create));
        assert_eq!(action(&["delete"]), Some(ChangeAction::Delete));
        assert_eq!(action(&["delete", "create"]), Some(ChangeAction::Replace));
        assert_eq!(action(&["create", "delete"]), Some(ChangeAction::Replace));
        for nothing in [&["no-op"][..], &["read"], &["forget"], &["from", "the", "future"]] {
            assert_eq!(action(nothing), None);
        }
        let mut adopted = entry(&["no-op"], &Value::Null, &json!({}));
        adopted["change"]["importing"] = json!({"id": "vpc-1"});
        assert_eq!(read(&adopted).planned[0].action, ChangeAction::Import);
    }

    #[test]
    fn what_differs_is_named_and_not_shown() {
        let before = json!({"cidr_block": "10.0.0.0/16", "password": "hush", "tags": {"a": "b"}, "id": "vpc-1"});
        let after = json!({"cidr_block": "10.1.0.0/16", "password": "hush2", "tags": {"a": "b"}});
        let changes = read(&entry(&["update"], &before, &after));
        assert_eq!(changes.planned[0].attributes, ["cidr_block", "id", "password"]);
        assert_eq!(changes.drift, changes.planned);
        assert_eq!(changes.review("foundation")[0].root, "foundation");
        assert_eq!(changes.planned[0].attribute("cidr_block"), Some("10.1.0.0/16"));
        assert_eq!(changes.planned[0].attribute("tags.a"), Some("b"));
        assert_eq!(changes.planned[0].attribute("tags"), None, "no text");
        assert_eq!(changes.planned[0].attribute("id"), None, "not known before it is made");
        assert!(!format!("{changes:?}").contains("hush"));
    }

    #[test]
    fn a_replacement_names_what_forces_it() {
        let mut replaced =
            entry(&["delete", "create"], &json!({"cidr_block": "a", "id": "1"}), &json!({"cidr_block": "b"}));
        replaced["action_reason"] = json!("replace_because_cannot_update");
        replaced["change"]["replace_paths"] = json!([["cidr_block"], ["zones", 0]]);
        let change = &read(&replaced).planned[0];
        assert_eq!(change.reason, Some(Reason::CannotUpdate));
        assert_eq!(change.forced_by, ["cidr_block", "zones"]);
        assert_eq!(change.attributes, ["cidr_block", "zones"], "that it gets a new id is no news");
    }

    #[test]
    fn a_real_plan_is_read() {
        let changes = Changes::read(include_bytes!("../tests/samples/b_show_plan.json")).unwrap();
        let mut addresses: Vec<&str> = changes.planned.iter().map(|change| change.address.as_str()).collect();
        addresses.sort_unstable();
        let expected =
            ["aws_ecr_repository.app", "aws_instance.host", "aws_security_group.web", "aws_subnet.a", "aws_vpc.main"];
        assert_eq!(addresses, expected);
        assert!(changes.planned.iter().all(|change| change.action == ChangeAction::Create));
        assert_eq!(changes.outputs, ["repo"]);
        assert!(Changes::read(b"{\"resource_changes\": 3}").is_err());
    }
}
