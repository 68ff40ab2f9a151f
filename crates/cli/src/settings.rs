//! Settings of a new stack, as they are given on the command line; an existing stack keeps its own.

use protocol::aws::HostSizes;
use protocol::{AwsAccess, AwsConfig, AwsPlace, Blame, Failure, SandboxConfig, ShopConfig};

/// Where a stack runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum TargetKind {
    /// This computer
    Sandbox,
    /// Your AWS account
    Aws,
}

/// Which AWS account, and how to sign in.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub(crate) struct AwsOptions {
    /// AWS: the region [default: that of the profile, or eu-central-1]
    #[arg(long, value_name = "NAME", env = "AWS_REGION")]
    region: Option<String>,
    /// AWS: the profile to sign in with, SSO included [default: what AWS's own tools would use]
    #[arg(long, value_name = "NAME", conflicts_with = "key")]
    profile: Option<String>,
    /// AWS: the access key to sign in with, whose secret half is in the OS keyring (see `retailflow key`)
    #[arg(long, value_name = "ID")]
    key: Option<String>,
}

impl AwsOptions {
    pub(crate) fn place(&self) -> AwsPlace {
        let access = match (&self.profile, &self.key) {
            (Some(name), _) => AwsAccess::Profile { name: name.clone() },
            (None, Some(id)) => AwsAccess::Key { id: id.clone() },
            (None, None) => AwsAccess::Default,
        };
        AwsPlace { access, region: self.region.clone().unwrap_or_else(|| AwsConfig::default().region) }
    }
}

/// Settings of a new stack.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub(crate) struct Settings {
    /// Where the stack runs [default: sandbox]
    #[arg(long, value_name = "WHERE")]
    target: Option<TargetKind>,
    /// Orders a minute, on average [default: 20]
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// Seed of the shop: the same seed gives the same shop [default: 42]
    #[arg(long, value_name = "N")]
    seed: Option<u32>,
    /// Days of history to write before the shop opens [default: 30]
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Sandbox: minutes between scheduled refreshes, 0 for none [default: 5]
    #[arg(long, value_name = "N")]
    refresh_minutes: Option<u32>,
    #[command(flatten)]
    pub(crate) aws: AwsOptions,
    /// AWS: the account, 12 digits; credentials of another one are refused [default: that of the credentials]
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// AWS: hours after which the hosts and the shop are stopped, 0 for never [default: 8]
    #[arg(long, value_name = "N")]
    lifetime_hours: Option<u32>,
    /// AWS: minutes between two ticks of the shop [default: 3]
    #[arg(long, value_name = "N")]
    tick_minutes: Option<u32>,
    /// AWS: the size of a host, such as `airbyte=t3.xlarge`; may be repeated
    #[arg(long, value_name = "HOST=TYPE")]
    host: Vec<String>,
}

impl Settings {
    pub(crate) fn target(&self) -> TargetKind {
        self.target.unwrap_or(TargetKind::Sandbox)
    }

    /// Whether any setting was given that an existing stack would have to ignore.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { target, rate, seed, days, refresh_minutes, aws, account, lifetime_hours, tick_minutes, host } = self;
        // The region may come from the environment, where it was not meant for us.
        target.is_none()
            && rate.is_none()
            && [seed, days, refresh_minutes, lifetime_hours, tick_minutes].iter().all(|number| number.is_none())
            && aws.profile.is_none()
            && aws.key.is_none()
            && account.is_none()
            && host.is_empty()
    }

    /// What the shop is like, wherever it runs.
    pub(crate) fn shop(&self) -> ShopConfig {
        let default = ShopConfig::default();
        ShopConfig {
            seed: self.seed.unwrap_or(default.seed),
            backfill_days: self.days.unwrap_or(default.backfill_days),
            orders_per_minute: self.rate.unwrap_or(default.orders_per_minute),
        }
    }

    pub(crate) fn sandbox(&self) -> Result<SandboxConfig, Failure> {
        let of_aws = self.account.is_some() || self.lifetime_hours.is_some() || self.tick_minutes.is_some();
        if of_aws || !self.host.is_empty() {
            return Err(misplaced("A setting of AWS was given for a sandbox", "--target aws"));
        }
        let default = SandboxConfig::default();
        Ok(SandboxConfig { refresh_minutes: self.refresh_minutes.unwrap_or(default.refresh_minutes) })
    }

    /// The settings for AWS, in the account the credentials belong to unless one was named.
    pub(crate) fn aws(&self, account: String) -> Result<AwsConfig, Failure> {
        if self.refresh_minutes.is_some() {
            return Err(misplaced("A setting of the sandbox was given for AWS", "--target sandbox"));
        }
        let default = AwsConfig::default();
        let place = self.aws.place();
        Ok(AwsConfig {
            account_id: account,
            region: place.region,
            access: place.access,
            tick_minutes: self.tick_minutes.unwrap_or(default.tick_minutes),
            lifetime_hours: self.lifetime_hours.unwrap_or(default.lifetime_hours),
            hosts: sizes(&self.host)?,
        })
    }
}

fn misplaced(summary: &str, instead: &str) -> Failure {
    Failure::new(Blame::User, summary).hint(format!("Leave it out, or say {instead}."))
}

fn sizes(given: &[String]) -> Result<HostSizes, Failure> {
    let mut sizes = HostSizes::default();
    for text in given {
        let (host, size) = text.split_once('=').unwrap_or((text, ""));
        let place = match host {
            "postgres" => &mut sizes.postgres,
            "airbyte" => &mut sizes.airbyte,
            "dagster" => &mut sizes.dagster,
            "metabase" => &mut sizes.metabase,
            _ => return Err(no_such_host(text)),
        };
        if size.is_empty() {
            return Err(no_such_host(text));
        }
        size.clone_into(place);
    }
    Ok(sizes)
}

fn no_such_host(text: &str) -> Failure {
    Failure::new(Blame::User, format!("\u{201c}{text}\u{201d} does not size a host"))
        .hint("Say for example --host airbyte=t3.xlarge; the hosts are postgres, airbyte, dagster and metabase.")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        settings: Settings,
    }

    fn settings(line: &str) -> Settings {
        Line::try_parse_from(["up"].into_iter().chain(line.split_whitespace())).unwrap().settings
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        assert!(settings("").is_empty());
        assert_eq!(settings("").sandbox().unwrap(), SandboxConfig::default());
        assert_eq!(settings("").shop(), ShopConfig::default());
        assert_eq!(settings("--days 3").shop().backfill_days, 3);
        let aws = settings("--target aws --profile work --lifetime-hours 0 --host airbyte=t3.xlarge");
        assert!(!aws.is_empty());
        let config = aws.aws("123456789012".to_owned()).unwrap();
        assert_eq!(config.access, AwsAccess::Profile { name: "work".to_owned() });
        assert_eq!((config.lifetime_hours, config.hosts.airbyte.as_str()), (0, "t3.xlarge"));
        assert_eq!(config.hosts.postgres, "t3.medium");
    }

    #[test]
    fn a_setting_of_the_other_target_is_refused() {
        assert!(settings("--tick-minutes 5").sandbox().is_err());
        assert!(settings("--target aws --refresh-minutes 5").aws("123456789012".to_owned()).is_err());
        for bad in ["--host kafka=t3.large", "--host airbyte", "--host airbyte="] {
            assert!(settings(bad).aws("123456789012".to_owned()).is_err(), "{bad}");
        }
    }
}
