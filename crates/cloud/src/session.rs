//! Signing in: whose credentials, in which region, and what a child process needs to use them.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::Credentials;
use protocol::aws::{AwsIdentity, AwsProfile};
use protocol::{AwsAccess, AwsPlace, Blame, Failure};

use crate::failure::Answer;

/// Deadlines of one request: to connect, for one try, and for all tries together.
const CONNECT: Duration = Duration::from_secs(10);
const ATTEMPT: Duration = Duration::from_secs(30);
const OPERATION: Duration = Duration::from_mins(2);

/// Tries of one request; the SDK waits longer before each.
const ATTEMPTS: u32 = 5;

/// Credentials at work in a region. It cannot be printed.
#[derive(Clone)]
pub struct Session {
    place: AwsPlace,
    secret: Option<String>,
    pub(crate) config: SdkConfig,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Session {
    /// Prepares to sign in; nothing is asked of AWS yet. An access key needs its secret half.
    pub async fn open(place: &AwsPlace, secret: Option<String>) -> Result<Self, Failure> {
        Self::open_at(place, secret, None).await
    }

    /// As [`open`](Self::open), with every service at `endpoint` instead of where AWS has it; `AWS_ENDPOINT_URL` does
    /// the same for whole processes.
    pub async fn open_at(place: &AwsPlace, secret: Option<String>, endpoint: Option<&str>) -> Result<Self, Failure> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION)
            .build();
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(place.region.clone()))
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
        let loader = endpoint.into_iter().fold(loader, aws_config::ConfigLoader::endpoint_url);
        let loader = match (&place.access, &secret) {
            (AwsAccess::Default, _) => loader,
            (AwsAccess::Profile { name }, _) => loader.profile_name(name).credentials_provider(of_profile(name, place)),
            (AwsAccess::Key { id }, Some(secret)) => {
                loader.credentials_provider(Credentials::new(id, secret, None, None, "retailflow"))
            }
            (AwsAccess::Key { id }, None) => return Err(no_secret(id)),
        };
        Ok(Self { place: place.clone(), secret, config: loader.load().await })
    }

    /// Where it works.
    pub fn place(&self) -> &AwsPlace {
        &self.place
    }

    /// Whose the credentials are.
    pub async fn identity(&self) -> Result<AwsIdentity, Failure> {
        let answer = aws_sdk_sts::Client::new(&self.config).get_caller_identity().send().await;
        let answer = answer.told("AWS did not say whose the credentials are");
        let answer = answer.map_err(|refusal| refusal.failure(&self.place))?;
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Ok(AwsIdentity { account_id: text(answer.account()), arn: text(answer.arn()) })
    }

    /// Fails if the credentials are not of this account.
    pub async fn expect_account(&self, account_id: &str) -> Result<AwsIdentity, Failure> {
        let identity = self.identity().await?;
        if identity.account_id == account_id {
            return Ok(identity);
        }
        Err(Failure::new(Blame::User, "The credentials belong to another AWS account than the stack")
            .cause(format!("they are of {} ({}); the stack is in {account_id}", identity.account_id, identity.arn))
            .hint("Sign in to the stack's account, then run the command again. Nothing was touched."))
    }

    /// What a child process needs in its environment to be signed in the same way, whatever this process's own says: an
    /// empty value counts as none. It holds the secret half of a key: give it to that child and keep it nowhere.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let mut environment = vec![("AWS_REGION", self.place.region.as_str())];
        match (&self.place.access, &self.secret) {
            // Keys in the environment would come before the profile.
            (AwsAccess::Profile { name }, _) => environment.extend([
                ("AWS_PROFILE", name.as_str()),
                ("AWS_ACCESS_KEY_ID", ""),
                ("AWS_SECRET_ACCESS_KEY", ""),
                ("AWS_SESSION_TOKEN", ""),
            ]),
            // A token in the environment would be taken for this key's.
            (AwsAccess::Key { id }, Some(secret)) => environment.extend([
                ("AWS_PROFILE", ""),
                ("AWS_ACCESS_KEY_ID", id.as_str()),
                ("AWS_SECRET_ACCESS_KEY", secret.as_str()),
                ("AWS_SESSION_TOKEN", ""),
            ]),
            _ => {}
        }
        environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }
}

/// The credentials of a profile and of nothing else: keys in the environment would come before it.
fn of_profile(name: &str, place: &AwsPlace) -> ProfileFileCredentialsProvider {
    let region = ProviderConfig::default().with_region(Some(Region::new(place.region.clone())));
    ProfileFileCredentialsProvider::builder().configure(&region).profile_name(name).build()
}

fn no_secret(id: &str) -> Failure {
    Failure::new(Blame::User, format!("The secret half of the access key {id} is not in the keyring"))
        .hint(format!("`retailflow key {id}` keeps it there; or sign in with a profile."))
}

/// The profiles in AWS's own configuration files, by name. Files that are not there have none.
pub fn profiles() -> Vec<AwsProfile> {
    let mut found: Vec<AwsProfile> = Vec::new();
    for (variable, file) in [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")] {
        let text = path_of(variable, file).and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        for profile in read_profiles(&text) {
            match found.iter_mut().find(|known| known.name == profile.name) {
                Some(known) => {
                    known.region = known.region.take().or(profile.region);
                    known.sso |= profile.sso;
                }
                None => found.push(profile),
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn path_of(variable: &str, file: &str) -> Option<PathBuf> {
    let given = std::env::var_os(variable).map(PathBuf::from);
    given.or_else(|| Some(std::env::home_dir()?.join(".aws").join(file)))
}

/// Reads the sections of a configuration file. Source: AWS SDKs and Tools Reference Guide, “Shared config and
/// credentials files”: in `config` a profile is `[profile name]` or `[default]`, in `credentials` it is `[name]`.
fn read_profiles(text: &str) -> Vec<AwsProfile> {
    let mut found: Vec<AwsProfile> = Vec::new();
    let mut in_profile = false;
    for line in text.lines() {
        if let Some(section) = line.trim().strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let name = profile_of(section);
            in_profile = name.is_some();
            found.extend(name.map(|name| AwsProfile { name, region: None, sso: false }));
        } else if let (true, Some((key, value)), Some(profile)) = (in_profile, line.split_once('='), found.last_mut()) {
            // What is indented belongs to the setting above it.
            match key.trim_end() {
                "region" => profile.region = Some(value.trim().to_owned()),
                "sso_session" | "sso_start_url" => profile.sso = true,
                _ => {}
            }
        }
    }
    found
}

/// The profile that a section is; none if it is something else, such as `sso-session corp`.
fn profile_of(section: &str) -> Option<String> {
    let words: Vec<&str> = section.split_whitespace().collect();
    match words[..] {
        ["preview" | "plugins"] => None,
        [name] | ["profile", name] => Some(name.trim_matches(['"', '\'']).to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_and_other_sections_are_not() {
        let text = "\
[default]
region = eu-west-1

[profile work]
sso_session = corp
sso_account_id = 123456789012
region=us-east-1

[sso-session corp]
sso_start_url = https://corp.example
region = eu-central-1

# [profile gone]
[services local]
s3 =
  region = eu-north-1
[profile plain]
aws_access_key_id = AKIA
";
        let found = read_profiles(text);
        let names: Vec<(&str, Option<&str>, bool)> =
            found.iter().map(|profile| (profile.name.as_str(), profile.region.as_deref(), profile.sso)).collect();
        assert_eq!(
            names,
            [("default", Some("eu-west-1"), false), ("work", Some("us-east-1"), true), ("plain", None, false)]
        );
    }

    #[tokio::test]
    async fn a_key_without_its_secret_half_is_refused() {
        let place = AwsPlace { access: AwsAccess::Key { id: "AKIA1".into() }, region: "eu-central-1".into() };
        assert!(Session::open(&place, None).await.unwrap_err().hint.unwrap().contains("retailflow key AKIA1"));
        let session = Session::open(&place, Some("hush".into())).await.unwrap();
        let environment = session.environment();
        let value = |name: &str| environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        assert_eq!(value("AWS_SECRET_ACCESS_KEY"), Some("hush".into()));
        assert_eq!(value("AWS_SESSION_TOKEN"), Some("".into()), "one that this process has is not handed on");
        assert!(!format!("{session:?}").contains("hush"));
    }
}
