//! What a user chooses about a stack. It holds no secret; secrets are referred to by name and live in the OS keyring.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::aws::AwsConfig;
use crate::failure::{Blame, Failure};
use crate::ids::StackName;

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

/// The most orders a minute that can be asked for.
pub const MAX_ORDERS_PER_MINUTE: f64 = 60_000.0;

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

/// Accepts ten years at most.
pub(crate) fn validate_history(days: u32) -> Result<(), Failure> {
    if days <= 3650 { Ok(()) } else { Err(out_of_range("Days of history", "0 to 3650", days)) }
}

/// Accepts 0 to [`MAX_ORDERS_PER_MINUTE`].
pub fn validate_rate(orders_per_minute: f64) -> Result<(), Failure> {
    if (0.0..=MAX_ORDERS_PER_MINUTE).contains(&orders_per_minute) {
        return Ok(());
    }
    Err(out_of_range("Orders a minute", "0 to 60000", orders_per_minute))
}

fn out_of_range(what: &str, range: &str, got: impl std::fmt::Display) -> Failure {
    Failure::new(Blame::User, format!("{what}: {got} is out of range")).hint(format!("Choose {range}."))
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
