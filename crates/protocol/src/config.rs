//! What a user chooses about a stack. It holds no secret; secrets are referred to by name and live in the OS keyring.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::aws::AwsConfig;
use crate::failure::Failure;
use crate::ids::StackName;
use crate::limits::{out_of_range, validate_history, validate_rate};

/// One stack's settings, written to `stack.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct StackConfig {
    /// The stack's name, also the name of its folder.
    pub name: StackName,
    /// Where it runs, and how.
    pub target: TargetConfig,
}

/// Where a stack runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum TargetConfig {
    /// Everything on this computer.
    Sandbox(SandboxConfig),
    /// The user's own AWS account.
    Aws(AwsConfig),
}

/// Settings of a sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
#[ts(export)]
pub struct SandboxConfig {
    /// Seed of the simulated shop: the same seed gives the same shop.
    pub seed: u32,
    /// Days of history written before the shop opens (0–3650).
    pub backfill_days: u32,
    /// Orders a minute, on average, in the history and at first when live (0–60 000).
    pub orders_per_minute: f64,
    /// Minutes between scheduled refreshes; 0 turns the schedule off.
    pub refresh_minutes: u32,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { seed: 42, backfill_days: 30, orders_per_minute: 20.0, refresh_minutes: 5 }
    }
}

impl StackConfig {
    /// Says what cannot be, before anything is made.
    pub fn validate(&self) -> Result<(), Failure> {
        match &self.target {
            TargetConfig::Sandbox(sandbox) => sandbox.validate(),
            TargetConfig::Aws(aws) => aws.validate(&self.name),
        }
    }
}

impl TargetConfig {
    /// The settings of a stack in AWS, whose plan is reviewed before anything is made.
    pub fn aws(&self) -> Option<&AwsConfig> {
        match self {
            Self::Sandbox(_) => None,
            Self::Aws(aws) => Some(aws),
        }
    }

    /// Orders a minute, on average, as the stack was made.
    pub fn orders_per_minute(&self) -> f64 {
        match self {
            Self::Sandbox(sandbox) => sandbox.orders_per_minute,
            Self::Aws(aws) => aws.orders_per_minute,
        }
    }
}

impl SandboxConfig {
    fn validate(&self) -> Result<(), Failure> {
        validate_history(self.backfill_days)?;
        if self.refresh_minutes > 1440 {
            return Err(out_of_range("Minutes between refreshes", "0 (never) to 1440 (daily)", self.refresh_minutes));
        }
        validate_rate(self.orders_per_minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sandbox(change: impl FnOnce(&mut SandboxConfig)) -> StackConfig {
        let mut config = SandboxConfig::default();
        change(&mut config);
        StackConfig { name: "demo".parse().expect("a valid name"), target: TargetConfig::Sandbox(config) }
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(sandbox(|_| ()).validate(), Ok(()));
    }

    #[test]
    fn each_limit_is_enforced() {
        assert!(sandbox(|c| c.backfill_days = 3651).validate().is_err());
        assert!(sandbox(|c| c.refresh_minutes = 1441).validate().is_err());
        assert!(sandbox(|c| c.orders_per_minute = -1.0).validate().is_err());
        assert!(sandbox(|c| c.orders_per_minute = f64::NAN).validate().is_err());
    }
}
