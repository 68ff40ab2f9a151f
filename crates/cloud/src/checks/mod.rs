//! What the account must have ready, looked at before anything is made.
//!
//! A check that could not be made is a warning and says why: AWS itself still refuses what it must, and a run then
//! stops with that refusal and can be resumed.

mod hosts;
mod permissions;
mod quotas;

use std::time::Duration;

use aws_config::Region;
use protocol::aws::HostSizes;
use protocol::{Check, CheckStatus};
use tokio::time::timeout;

use crate::failure::{Answer, Refusal};
use crate::session::Session;
use crate::sweep;

pub use permissions::ACTIONS;

/// How long one check may take.
const DEADLINE: Duration = Duration::from_secs(90);

/// What is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The stack's name; none while it has none.
    pub stack: Option<&'a str>,
    /// Whether this computer has the stack's folder, so that what exists of it is no stranger's.
    pub known: bool,
    /// Its hosts.
    pub hosts: &'a HostSizes,
}

/// Looks at everything, in the order in which it is shown. With credentials that do not work it is one failed check.
pub async fn checks(aws: &Session, wanted: Wanted<'_>) -> Vec<Check> {
    let identity = match aws.identity().await {
        Ok(identity) => identity,
        Err(failure) => return vec![identity_failed(&failure)],
    };
    let found = format!("{} as {}, in {}", identity.account_id, identity.arn, aws.place().region);
    let signed_in = shown("identity", "AWS account", Found::passed(found));
    let (region, permissions, hosts, processors, networks, tunnels, name) = tokio::join!(
        within("region", "Region", aws, Box::pin(region(aws))),
        within("permissions", "Permissions", aws, Box::pin(permissions::check(aws, &identity.arn))),
        within("host-types", "Hosts", aws, Box::pin(hosts::check(aws, wanted.hosts))),
        within("vcpus", "Virtual CPUs", aws, Box::pin(quotas::processors(aws, wanted))),
        within("vpcs", "Networks", aws, Box::pin(quotas::networks(aws, wanted))),
        within("tunnels", "Tunnels", aws, Box::pin(quotas::tunnels(aws, wanted))),
        within("name", "Stack's name", aws, Box::pin(name(aws, wanted))),
    );
    vec![signed_in, region, permissions, hosts, processors, networks, tunnels, name]
}

/// What a check found.
pub(crate) struct Found {
    status: CheckStatus,
    detail: String,
    hint: Option<String>,
}

impl Found {
    fn passed(detail: impl Into<String>) -> Self {
        Self { status: CheckStatus::Passed, detail: detail.into(), hint: None }
    }

    fn warning(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: CheckStatus::Warning, detail: detail.into(), hint: Some(hint.into()) }
    }

    fn failed(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: CheckStatus::Failed, detail: detail.into(), hint: Some(hint.into()) }
    }
}

fn shown(id: &str, title: &str, found: Found) -> Check {
    let Found { status, detail, hint } = found;
    Check { id: id.to_owned(), title: title.to_owned(), status, detail, hint, fixable: false }
}

fn identity_failed(failure: &protocol::Failure) -> Check {
    let hint = failure.hint.clone().unwrap_or_default();
    shown("identity", "AWS account", Found::failed(failure.to_string(), hint))
}

/// A check within its deadline; one that AWS did not answer is a warning.
async fn within(id: &str, title: &str, aws: &Session, check: impl Future<Output = Result<Found, Refusal>>) -> Check {
    let found = match timeout(DEADLINE, check).await {
        Ok(Ok(found)) => found,
        Ok(Err(refusal)) => {
            let detail = format!("could not be verified: {}: {}", refusal.summary, refusal.words);
            Found::warning(detail, refusal.remedy(aws.place()))
        }
        Err(_) => Found::warning(
            format!("could not be verified: AWS did not answer within {} seconds", DEADLINE.as_secs()),
            "Look again.",
        ),
    };
    shown(id, title, found)
}

/// Whether the region exists and is enabled for the account.
async fn region(aws: &Session) -> Result<Found, Refusal> {
    let name = &aws.place().region;
    // Asked where AWS certainly is: a region that does not exist does not answer.
    let config = aws_sdk_ec2::config::Builder::from(&aws.config).region(Region::new(first_region(name))).build();
    let call = aws_sdk_ec2::Client::from_conf(config).describe_regions().all_regions(true);
    let answer = call.send().await.told("AWS did not list its regions")?;
    let found = answer.regions().iter().find(|region| region.region_name() == Some(name));
    Ok(match found.map(|region| region.opt_in_status().unwrap_or_default()) {
        None => Found::failed(format!("AWS has no region {name}"), "Choose another one, such as eu-central-1."),
        Some("not-opted-in") => Found::failed(
            format!("{name} is not enabled for this account"),
            "Enable it under “AWS Regions” of the account in AWS's console, or choose another region.",
        ),
        Some(_) => Found::passed(format!("{name} is enabled")),
    })
}

/// The region in which AWS began, of the partition that the name is of.
fn first_region(name: &str) -> &'static str {
    match name.split('-').collect::<Vec<_>>()[..] {
        ["cn", ..] => "cn-north-1",
        ["us", "gov", ..] => "us-gov-west-1",
        _ => "us-east-1",
    }
}

/// Whether something of a stack of this name exists that this computer knows nothing of.
async fn name(aws: &Session, wanted: Wanted<'_>) -> Result<Found, Refusal> {
    let Some(stack) = wanted.stack else { return Ok(Found::passed("not chosen yet")) };
    if wanted.known {
        return Ok(Found::passed(format!("{stack} is this computer's")));
    }
    let mut left = Vec::new();
    for answer in sweep::look(aws, stack).await {
        left.extend(answer?);
    }
    let Some(first) = left.first() else { return Ok(Found::passed(format!("{stack} is free"))) };
    Ok(Found::failed(
        format!("{stack} is taken in {}: {} things carry it, such as {first}", aws.place().region, left.len()),
        "Choose another name. If that stack is yours, go on with it on the computer that made it, or remove it from \
         here with `retailflow down`.",
    ))
}
