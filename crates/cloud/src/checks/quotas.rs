//! Whether the account's quotas leave room for a stack.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::types::{Filter, Instance, InstanceType};
use aws_sdk_servicequotas::types::ServiceQuota;

use super::hosts::{describe, types};
use super::{Found, Wanted};
use crate::failure::{Answer, Refusal};
use crate::session::Session;
use crate::sweep::TAG;

/// Running on-demand standard instances, in virtual CPUs.
const PROCESSORS: (&str, &str) = ("ec2", "L-1216C47A");

/// VPCs in a region.
const NETWORKS: (&str, &str) = ("vpc", "L-F678F1CE");

/// Instance Connect Endpoints of an account in a region. Source: EC2 user guide, “EC2 Instance Connect Endpoint
/// quotas”; Service Quotas does not know it.
const TUNNELS: usize = 5;

/// The families that share the quota of standard instances. Source: EC2 user guide, “On-Demand Instance quotas”.
const STANDARD: [&str; 11] = ["a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"];

const HINT: &str = "Ask for a higher one under “Service Quotas” in AWS's console, or end what is not needed.";

pub(super) async fn processors(aws: &Session, wanted: Wanted<'_>) -> Result<Found, Refusal> {
    let ec2 = Ec2::new(&aws.config);
    let quota = quota(aws, PROCESSORS).await?;
    let running = running(&ec2, wanted.stack).await?;
    let kinds: Vec<&str> = types(wanted.hosts).into_iter().map(|(_, kind)| kind).collect();
    let others = running.iter().filter_map(|instance| instance.instance_type().map(InstanceType::as_str));
    let all: BTreeSet<&str> = kinds.iter().copied().chain(others).filter(|kind| is_standard(kind)).collect();
    let known = describe(&ec2, all.into_iter()).await?;
    let size = |kind: &str| known.get(kind).and_then(|info| info.v_cpu_info()?.default_v_cpus()).map_or(0.0, f64::from);
    let needed: f64 = kinds.iter().map(|kind| size(kind)).sum();
    let used: f64 = running
        .iter()
        .filter_map(|instance| Some((instance, instance.instance_type()?.as_str())))
        .filter(|(_, kind)| is_standard(kind))
        .map(|(instance, kind)| own_size(instance).unwrap_or_else(|| size(kind)))
        .fold(0.0, |sum, size| sum + size);
    Ok(room("virtual CPUs", needed, used, quota))
}

/// An instance can have fewer than its type.
fn own_size(instance: &Instance) -> Option<f64> {
    let options = instance.cpu_options()?;
    Some(f64::from(options.core_count()? * options.threads_per_core()?))
}

fn is_standard(kind: &str) -> bool {
    let family = kind.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
    STANDARD.contains(&family)
}

/// What runs and counts, but for the stack's own.
async fn running(ec2: &Ec2, stack: Option<&str>) -> Result<Vec<Instance>, Refusal> {
    let running = Filter::builder().name("instance-state-name").values("pending").values("running").build();
    let call = ec2.describe_instances().filters(running).into_paginator().items();
    let found: Result<Vec<_>, _> = call.send().try_collect().await;
    let found = found.told("AWS did not list instances")?;
    let all = found.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default());
    let own = |instance: &Instance| {
        stack.is_some() && instance.tags().iter().any(|tag| tag.key() == Some(TAG) && tag.value() == stack)
    };
    Ok(all.filter(|instance| !own(instance)).collect())
}

pub(super) async fn networks(aws: &Session, wanted: Wanted<'_>) -> Result<Found, Refusal> {
    let quota = quota(aws, NETWORKS).await?;
    let call = Ec2::new(&aws.config).describe_vpcs().into_paginator().items();
    let found: Result<Vec<_>, _> = call.send().try_collect().await;
    let found = found.told("AWS did not list VPCs")?;
    let others = found.iter().filter(|network| {
        !network.tags().iter().any(|tag| tag.key() == Some(TAG) && tag.value().is_some() && tag.value() == wanted.stack)
    });
    Ok(room("VPCs", 1.0, others.count() as f64, quota))
}

pub(super) async fn tunnels(aws: &Session, wanted: Wanted<'_>) -> Result<Found, Refusal> {
    let call = Ec2::new(&aws.config).describe_instance_connect_endpoints().into_paginator().items();
    let found: Result<Vec<_>, _> = call.send().try_collect().await;
    let found = found.told("AWS did not list Instance Connect endpoints")?;
    let others = found.iter().filter(|tunnel| {
        !tunnel.tags().iter().any(|tag| tag.key() == Some(TAG) && tag.value().is_some() && tag.value() == wanted.stack)
    });
    Ok(room("Instance Connect endpoints", 1.0, others.count() as f64, TUNNELS as f64))
}

/// The quota of the account in the region; AWS's default where it was never changed.
async fn quota(aws: &Session, (service, code): (&str, &str)) -> Result<f64, Refusal> {
    let client = aws_sdk_servicequotas::Client::new(&aws.config);
    let summary = "AWS did not tell the quota";
    let found = client.get_service_quota().service_code(service).quota_code(code).send().await.if_there(summary)?;
    if let Some(value) = found.and_then(|found| found.quota?.value) {
        return Ok(value);
    }
    let call = client.get_aws_default_service_quota().service_code(service).quota_code(code);
    let found = call.send().await.told(summary)?;
    Ok(found.quota().and_then(ServiceQuota::value).unwrap_or_default())
}

fn room(what: &str, needed: f64, used: f64, quota: f64) -> Found {
    let detail = format!("{what}: {needed} needed, {used} of {quota} in use");
    if needed + used <= quota { Found::passed(detail) } else { Found::failed(detail, HINT) }
}

#[cfg(test)]
mod tests {
    use protocol::CheckStatus;

    use super::*;

    #[test]
    fn standard_families_are_told_from_others() {
        for kind in ["t3.medium", "m7i.large", "c6gn.xlarge", "im4gn.large", "z1d.large"] {
            assert!(is_standard(kind), "{kind}");
        }
        for kind in ["p4d.24xlarge", "inf2.xlarge", "trn1.2xlarge", "mac2.metal", "x2idn.16xlarge", "dl1.24xlarge"] {
            assert!(!is_standard(kind), "{kind}");
        }
    }

    #[test]
    fn what_just_fits_fits() {
        assert_eq!(room("VPCs", 1.0, 4.0, 5.0).status, CheckStatus::Passed);
        let full = room("VPCs", 1.0, 5.0, 5.0);
        assert_eq!(full.status, CheckStatus::Failed);
        assert_eq!(full.detail, "VPCs: 1 needed, 5 of 5 in use");
    }
}
