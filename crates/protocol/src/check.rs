//! What a target needs of this computer, found or not, and how to mend what is missing.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One thing a target needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Check {
    /// Identifier, for example `uv`.
    pub id: String,
    /// What is looked at, for example “uv, the Python installer”.
    pub title: String,
    /// The result.
    pub status: CheckStatus,
    /// What was found, or what is wrong.
    pub detail: String,
    /// How to mend it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub hint: Option<String>,
    /// Whether RetailFlow can mend it (`fix_check`).
    pub fixable: bool,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum CheckStatus {
    /// As it should be.
    Passed,
    /// Works, but not well.
    Warning,
    /// The target cannot run so.
    Failed,
}
