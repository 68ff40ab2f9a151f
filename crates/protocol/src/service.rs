//! How a stack stands: its services, what of it can be opened, and the whole.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Where a stack stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum StackState {
    /// Made, never brought up.
    New,
    /// A run that may change it is under way.
    Busy,
    /// Up and healthy.
    Up,
    /// Up, but a service is not well.
    Degraded,
    /// Parts of it exist: `up` resumes, `down` removes.
    Partial,
}

/// A supervised process and its health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ServiceStatus {
    /// Identifier, for example `postgres`; its log is `service/<name>`.
    pub name: String,
    /// For people, for example “PostgreSQL”.
    pub title: String,
    /// Its health.
    pub health: Health,
    /// What it is doing or what is wrong.
    pub detail: String,
    /// Its process id while it runs on this computer.
    pub pid: Option<u32>,
    /// How often it was started again since the agent began.
    pub restarts: u32,
}

impl ServiceStatus {
    /// Whether it runs, as far as can be told: a process of this computer, or a service elsewhere.
    pub fn runs(&self) -> bool {
        self.pid.is_some() || matches!(self.health, Health::Healthy | Health::Starting)
    }
}

/// The health of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Health {
    /// Not running, and not meant to.
    Stopped,
    /// Running, not ready yet.
    Starting,
    /// Ready.
    Healthy,
    /// Running or meant to run, and not well.
    Unhealthy,
}

/// Something that can be opened in a browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Link {
    /// Identifier, for example `dagster`.
    pub id: String,
    /// For people.
    pub title: String,
    /// Where it leads.
    pub url: String,
}
