//! A stack in the user's own AWS account: its settings, and what the wizard asks about the account.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ts_rs::TS;

use crate::failure::{Blame, Failure};
use crate::ids::StackName;

/// Settings of a stack in AWS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
#[ts(export)]
pub struct AwsConfig {
    /// The account to work in, 12 digits; with credentials of another one nothing is touched.
    pub account_id: String,
    /// The region, for example `eu-central-1`.
    pub region: String,
    /// How to sign in.
    pub access: AwsAccess,
    /// Minutes between two ticks of the shop (1–60).
    pub tick_minutes: u32,
    /// Hours after which the hosts and the shop are stopped (not destroyed); 0 is never.
    pub lifetime_hours: u32,
    /// The size of each host.
    pub hosts: HostSizes,
}

/// The EC2 instance type of each host; all of them x86-64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
#[ts(export)]
pub struct HostSizes {
    /// PostgreSQL, the shop's database.
    pub postgres: String,
    /// Airbyte; needs 2 CPUs and 8 GB.
    pub airbyte: String,
    /// Dagster with dbt.
    pub dagster: String,
    /// Metabase.
    pub metabase: String,
}

/// How to sign in to AWS. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum AwsAccess {
    /// Whatever AWS's own tools would use here: environment variables, the default profile, an instance's role.
    Default,
    /// A profile of `~/.aws/config`, SSO included.
    Profile {
        /// Its name.
        name: String,
    },
    /// An access key whose secret half lies in the OS keyring.
    Key {
        /// The public half, for example `AKIA…`.
        id: String,
    },
}

/// Who the credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct AwsIdentity {
    /// The account, 12 digits.
    pub account_id: String,
    /// The user or role, as an ARN.
    pub arn: String,
}

/// A profile found in AWS's own configuration files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct AwsProfile {
    /// Its name.
    pub name: String,
    /// Its region, if it names one.
    pub region: Option<String>,
    /// Whether it signs in with SSO, so that `aws sso login` renews it.
    pub sso: bool,
}

/// Where to look: with which credentials, in which region.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct AwsPlace {
    /// How to sign in.
    pub access: AwsAccess,
    /// The region.
    pub region: String,
}

/// An access key to keep in the OS keyring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct AwsKey {
    /// The public half.
    pub id: String,
    /// The secret half.
    pub secret: Sensitive,
}

/// A secret on its way in, from whoever typed it to the keyring. It cannot be printed, nor sent on.
#[derive(Clone, PartialEq, Eq, TS)]
#[ts(export, type = "string")]
pub struct Sensitive(String);

impl Sensitive {
    /// Takes what was typed.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for the one call that needs it.
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\u{2022}\u{2022}\u{2022}")
    }
}

impl Serialize for Sensitive {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("a secret is never written"))
    }
}

impl<'de> Deserialize<'de> for Sensitive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl Default for AwsConfig {
    fn default() -> Self {
        Self {
            account_id: String::new(),
            region: "eu-central-1".to_owned(),
            access: AwsAccess::Default,
            tick_minutes: 3,
            lifetime_hours: 8,
            hosts: HostSizes::default(),
        }
    }
}

impl Default for HostSizes {
    fn default() -> Self {
        Self {
            postgres: "t3.medium".to_owned(),
            airbyte: "t3.large".to_owned(),
            dagster: "t3.medium".to_owned(),
            metabase: "t3.medium".to_owned(),
        }
    }
}

impl AwsConfig {
    /// Where it works.
    pub fn place(&self) -> AwsPlace {
        AwsPlace { access: self.access.clone(), region: self.region.clone() }
    }

    /// Says what cannot be, before anything is made.
    pub(crate) fn validate(&self, name: &StackName) -> Result<(), Failure> {
        if !(2..=LONGEST_NAME).contains(&name.as_str().len()) {
            return Err(refused(format!("\u{201c}{name}\u{201d} cannot name a stack in AWS"))
                .cause("the names of AWS's own resources are made from it, which leaves 2 to 20 characters")
                .hint("Choose a shorter name."));
        }
        if self.account_id.len() != 12 || !self.account_id.chars().all(|c| c.is_ascii_digit()) {
            return Err(refused(format!("\u{201c}{}\u{201d} is not an AWS account", self.account_id))
                .hint("An account's number has 12 digits; `retailflow doctor --target aws` shows yours."));
        }
        if !is_region(&self.region) {
            return Err(refused(format!("\u{201c}{}\u{201d} is not a region of AWS", self.region))
                .hint("Choose one such as eu-central-1."));
        }
        if !(1..=60).contains(&self.tick_minutes) {
            return Err(refused(format!("Minutes between ticks: {} is out of range", self.tick_minutes))
                .hint("Choose 1 to 60."));
        }
        Ok(())
    }
}

/// The longest name of a stack in AWS, in characters.
const LONGEST_NAME: usize = 20;

/// Whether it has the shape of a region's name: `eu-central-1`, `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let words = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, rest)) => rest.len() >= 2 && rest.iter().all(words) && number.parse::<u8>().is_ok(),
        None => false,
    }
}

fn refused(summary: String) -> Failure {
    Failure::new(Blame::User, summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid() -> AwsConfig {
        AwsConfig { account_id: "123456789012".to_owned(), ..AwsConfig::default() }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let name: StackName = "shop".parse().expect("a name");
        assert_eq!(valid().validate(&name), Ok(()));
        assert!(valid().validate(&"a-name-that-is-far-too-long".parse().expect("a name")).is_err());
        assert!(AwsConfig::default().validate(&name).is_err(), "no account");
        assert!(AwsConfig { account_id: "12345678901x".into(), ..valid() }.validate(&name).is_err());
        for region in ["", "eu", "EU-central-1", "eu-central", "eu-central-x", "eu--1", "../eu-central-1"] {
            assert!(AwsConfig { region: region.into(), ..valid() }.validate(&name).is_err(), "{region}");
        }
        assert!(AwsConfig { region: "us-gov-west-1".into(), ..valid() }.validate(&name).is_ok());
        assert!(AwsConfig { tick_minutes: 0, ..valid() }.validate(&name).is_err());
    }

    #[test]
    fn a_secret_is_neither_printed_nor_sent_on() {
        let key: AwsKey = serde_json::from_str(r#"{"id":"AKIA1","secret":"hush"}"#).expect("a key");
        assert!(!format!("{key:?}").contains("hush"));
        assert!(serde_json::to_string(&key).is_err());
        assert_eq!(key.secret.into_inner(), "hush");
    }
}
