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
    /// What its shop is like, wherever it runs.
    pub shop: ShopConfig,
    /// Where it runs, and how.
    pub target: TargetConfig,
    /// How much of its own past it keeps.
    #[serde(default)]
    #[ts(as = "Option<Keep>", optional)]
    pub keep: Keep,
}

/// How much of its own past a stack keeps. What is beyond goes, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
#[ts(export)]
pub struct Keep {
    /// The newest runs of each operation, besides the very first (1–1000).
    pub runs: u32,
    /// Megabytes of each service's log, and at most as many again that were put aside (1–1000).
    pub log_megabytes: u32,
    /// Runs of Dagster's jobs (10–100 000).
    pub dagster_runs: u32,
    /// Days for which the shop's ticks are remembered one by one; before, one an hour (1–3650).
    pub tick_days: u32,
    /// Days for which it is remembered in the source what was deleted there, once that is loaded (1–3650).
    pub deleted_days: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { runs: 50, log_megabytes: 16, dagster_runs: 500, tick_days: 7, deleted_days: 7 }
    }
}

impl Keep {
    fn validate(&self) -> Result<(), Failure> {
        if !(1..=1000).contains(&self.runs) {
            return Err(out_of_range("Runs to keep", "1 to 1000", self.runs));
        }
        if !(1..=1000).contains(&self.log_megabytes) {
            return Err(out_of_range("Megabytes of log to keep", "1 to 1000", self.log_megabytes));
        }
        if !(10..=100_000).contains(&self.dagster_runs) {
            return Err(out_of_range("Dagster runs to keep", "10 to 100000", self.dagster_runs));
        }
        for (what, days) in [("Days to keep ticks", self.tick_days), ("Days to keep deleted rows", self.deleted_days)] {
            if !(1..=3650).contains(&days) {
                return Err(out_of_range(what, "1 to 3650", days));
            }
        }
        Ok(())
    }
}

/// Settings of the simulated shop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
#[ts(export)]
pub struct ShopConfig {
    /// Its seed: the same seed gives the same shop.
    pub seed: u32,
    /// Days of history written before it opens (0–3650).
    pub backfill_days: u32,
    /// Orders a minute, on average, in the history and at first when it is open (0–60 000).
    pub orders_per_minute: f64,
}

impl Default for ShopConfig {
    fn default() -> Self {
        Self { seed: 42, backfill_days: 30, orders_per_minute: 20.0 }
    }
}

impl ShopConfig {
    fn validate(&self) -> Result<(), Failure> {
        validate_history(self.backfill_days)?;
        validate_rate(self.orders_per_minute)
    }
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
    /// Minutes between scheduled refreshes; 0 turns the schedule off.
    pub refresh_minutes: u32,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { refresh_minutes: 5 }
    }
}

impl StackConfig {
    /// Says what cannot be, before anything is made.
    pub fn validate(&self) -> Result<(), Failure> {
        self.shop.validate()?;
        self.keep.validate()?;
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
}

impl SandboxConfig {
    fn validate(&self) -> Result<(), Failure> {
        if self.refresh_minutes > 1440 {
            return Err(out_of_range("Minutes between refreshes", "0 (never) to 1440 (daily)", self.refresh_minutes));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(shop: ShopConfig, sandbox: SandboxConfig) -> StackConfig {
        let (name, target) = ("demo".parse().expect("a valid name"), TargetConfig::Sandbox(sandbox));
        StackConfig { name, shop, target, keep: Keep::default() }
    }

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(stack(ShopConfig::default(), SandboxConfig::default()).validate(), Ok(()));
    }

    #[test]
    fn each_limit_is_enforced() {
        let shop = |shop| stack(shop, SandboxConfig::default()).validate();
        assert!(shop(ShopConfig { backfill_days: 3651, ..ShopConfig::default() }).is_err());
        assert!(shop(ShopConfig { orders_per_minute: -1.0, ..ShopConfig::default() }).is_err());
        assert!(shop(ShopConfig { orders_per_minute: f64::NAN, ..ShopConfig::default() }).is_err());
        assert!(stack(ShopConfig::default(), SandboxConfig { refresh_minutes: 1441 }).validate().is_err());
        let keep = |keep| StackConfig { keep, ..stack(ShopConfig::default(), SandboxConfig::default()) }.validate();
        assert!(keep(Keep { runs: 0, ..Keep::default() }).is_err());
        assert!(keep(Keep { log_megabytes: 1001, ..Keep::default() }).is_err());
        assert!(keep(Keep { dagster_runs: 9, ..Keep::default() }).is_err());
        assert!(keep(Keep { tick_days: 0, ..Keep::default() }).is_err());
        assert!(keep(Keep { deleted_days: 3651, ..Keep::default() }).is_err());
    }
}
