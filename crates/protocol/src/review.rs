//! What a run would change, and what it would cost: shown and confirmed before anything is made.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A plan looked at closely: every resource, and the money. An `up` is confirmed by naming it, and then does nothing
/// that it does not list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Review {
    /// Names this review.
    pub id: String,
    /// When it was made, UTC.
    #[ts(type = "string")]
    pub made_at: Timestamp,
    /// What would be made, changed or removed, in the order of the roots.
    pub changes: Vec<ResourceChange>,
    /// What was changed behind the stack's back since the last run, and would be mended.
    pub drift: Vec<ResourceChange>,
    /// Roots that can only be planned exactly once an earlier one exists; until then theirs is a forecast of the same
    /// resources with ids yet unknown.
    pub forecast: Vec<String>,
    /// SHA-256 of the plan file of each root that was planned exactly: that file is applied and no other.
    #[serde(default)]
    pub plans: BTreeMap<String, String>,
    /// What the stack costs while it runs.
    pub cost: Cost,
}

/// One resource that would change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ResourceChange {
    /// The Terraform root it belongs to, for example `foundation`.
    pub root: String,
    /// Its address within the root.
    pub address: String,
    /// Its type, for example `aws_instance`.
    pub resource: String,
    /// What would be done to it.
    pub action: ChangeAction,
    /// The attributes that differ, for an update or a replacement.
    #[serde(default)]
    pub attributes: Vec<String>,
}

/// What would be done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ChangeAction {
    /// It would be made.
    Create,
    /// It would be changed in place.
    Update,
    /// It would be removed and made anew.
    Replace,
    /// It would be removed.
    Delete,
    /// It exists already and would be taken over.
    Import,
}

/// What a stack costs by the list prices of its region, without taxes, free tiers and discounts. US dollars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Cost {
    /// The region the prices hold for.
    pub region: String,
    /// The day the prices were read, `YYYY-MM-DD`.
    pub prices_of: String,
    /// Line by line.
    pub lines: Vec<CostLine>,
    /// What the figures leave open, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub note: Option<String>,
}

/// One line of a bill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct CostLine {
    /// What is paid for, for example “PostgreSQL’s host”.
    pub what: String,
    /// How it is counted, for example “t3.medium, on demand”.
    pub detail: String,
    /// Dollars an hour.
    pub hourly: f64,
    /// Whether it is still paid for when the hosts are stopped.
    pub when_stopped: bool,
}

impl Cost {
    /// Dollars an hour while everything runs.
    pub fn hourly(&self) -> f64 {
        self.lines.iter().map(|line| line.hourly).sum()
    }

    /// Dollars an hour while the hosts are stopped.
    pub fn hourly_stopped(&self) -> f64 {
        self.lines.iter().filter(|line| line.when_stopped).map(|line| line.hourly).sum()
    }
}
