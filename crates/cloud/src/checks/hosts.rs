//! Whether the region has the hosts that are wanted.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::types::{ArchitectureType, Filter, InstanceType, InstanceTypeInfo, LocationType};
use protocol::aws::HostSizes;

use super::Found;
use crate::failure::{Answer, Refusal};
use crate::session::Session;

/// The four types, by role.
pub(super) fn types(hosts: &HostSizes) -> [(&'static str, &str); 4] {
    [
        ("PostgreSQL", &hosts.postgres),
        ("Airbyte", &hosts.airbyte),
        ("Dagster", &hosts.dagster),
        ("Metabase", &hosts.metabase),
    ]
}

pub(super) async fn check(aws: &Session, hosts: &HostSizes) -> Result<Found, Refusal> {
    let ec2 = Ec2::new(&aws.config);
    let zone = first_zone(&ec2).await?;
    let wanted: BTreeSet<&str> = types(hosts).into_iter().map(|(_, kind)| kind).collect();
    let offered = offered(&ec2, &zone, &wanted).await?;
    let absent: Vec<&str> = wanted.iter().copied().filter(|kind| !offered.contains(*kind)).collect();
    if !absent.is_empty() {
        return Ok(Found::failed(
            format!("{zone}, where the hosts would be, does not offer {}", absent.join(", ")),
            "Choose another type for these hosts, or another region.",
        ));
    }
    let known = describe(&ec2, wanted.iter().copied()).await?;
    let foreign: Vec<&str> = known.iter().filter(|(_, info)| !is_x86(info)).map(|(kind, _)| kind.as_str()).collect();
    if !foreign.is_empty() {
        return Ok(Found::failed(
            format!("{} is not x86-64, for which the images are built", foreign.join(", ")),
            "Choose a type with an Intel or AMD processor, such as t3.medium.",
        ));
    }
    Ok(Found::passed(format!("{} in {zone}", wanted.into_iter().collect::<Vec<_>>().join(", "))))
}

fn is_x86(info: &InstanceTypeInfo) -> bool {
    let Some(processor) = info.processor_info() else { return true };
    processor.supported_architectures().contains(&ArchitectureType::X8664)
}

/// The zone of the hosts: the first by name, as `terraform/` takes it.
async fn first_zone(ec2: &Ec2) -> Result<String, Refusal> {
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let call = ec2.describe_availability_zones().filters(filter("state", "available"));
    let call = call.filters(filter("zone-type", "availability-zone"));
    let found = call.send().await.told("AWS did not list the region's zones")?;
    let names = found.availability_zones().iter().filter_map(|zone| zone.zone_name());
    Ok(names.min().unwrap_or_default().to_owned())
}

async fn offered(ec2: &Ec2, zone: &str, wanted: &BTreeSet<&str>) -> Result<BTreeSet<String>, Refusal> {
    let kinds = wanted.iter().map(|kind| (*kind).to_owned()).collect();
    let call = ec2
        .describe_instance_type_offerings()
        .location_type(LocationType::AvailabilityZone)
        .filters(Filter::builder().name("location").values(zone).build())
        .filters(Filter::builder().name("instance-type").set_values(Some(kinds)).build());
    let found: Result<Vec<_>, _> = call.into_paginator().items().send().try_collect().await;
    let found = found.told("AWS did not list the types of hosts it offers")?;
    Ok(found.iter().filter_map(|offer| Some(offer.instance_type()?.as_str().to_owned())).collect())
}

/// What AWS says of these types.
pub(super) async fn describe(
    ec2: &Ec2,
    kinds: impl Iterator<Item = &str>,
) -> Result<BTreeMap<String, InstanceTypeInfo>, Refusal> {
    let kinds: Vec<InstanceType> = kinds.map(InstanceType::from).collect();
    let mut known = BTreeMap::new();
    // A hundred at a time are allowed.
    for some in kinds.chunks(100) {
        let call = ec2.describe_instance_types().set_instance_types(Some(some.to_vec()));
        let found: Result<Vec<_>, _> = call.into_paginator().items().send().try_collect().await;
        let found = found.told("AWS did not describe the types of hosts")?;
        known.extend(found.into_iter().filter_map(|info| Some((info.instance_type()?.as_str().to_owned(), info))));
    }
    Ok(known)
}
