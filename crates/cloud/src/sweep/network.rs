//! The network: endpoints, interfaces, groups, subnets, routes, gateways, the VPC.

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::types::{
    Filter, InternetGateway, NetworkInterface, NetworkInterfaceStatus, SecurityGroupRule, UnsuccessfulItem, VpcEndpoint,
};

use super::compute::name;
use super::leftover::is_tagged;
use super::{Kind, Leftover, TAG};
use crate::failure::{Answer, Refusal};
use crate::session::Session;

/// Lets EC2 list only what carries the stack's tag.
pub(super) fn tagged(stack: &str) -> Filter {
    Filter::builder().name(format!("tag:{TAG}")).values(stack).build()
}

/// Lists what carries the tag: `list!(ec2.describe_vpcs(), stack, "VPCs")`.
macro_rules! list {
    ($call:expr, $filter:expr, $what:literal) => {{
        let pages = $call.filters($filter).into_paginator().items();
        let found: Result<Vec<_>, _> = pages.send().try_collect().await;
        found.told(concat!("AWS did not list ", $what))?
    }};
}

pub(super) async fn find(kind: Kind, aws: &Session, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let ec2 = Ec2::new(&aws.config);
    match kind {
        Kind::Tunnel => tunnels(&ec2, stack).await,
        Kind::Endpoint => endpoints(&ec2, stack).await,
        Kind::NetworkInterface => interfaces(&ec2, stack).await,
        Kind::SecurityGroupRule => rules(&ec2, stack).await,
        Kind::SecurityGroup => groups(&ec2, stack).await,
        Kind::Gateway => gateways(&ec2, stack).await,
        Kind::RouteTable => tables(&ec2, stack).await,
        Kind::Subnet => {
            let found = list!(ec2.describe_subnets(), tagged(stack), "subnets");
            Ok(found.iter().map(|found| new(kind, found.subnet_id()).named(name(found.tags()))).collect())
        }
        _ => {
            let found = list!(ec2.describe_vpcs(), tagged(stack), "VPCs");
            Ok(found.iter().map(|found| new(Kind::Vpc, found.vpc_id()).named(name(found.tags()))).collect())
        }
    }
}

fn new(kind: Kind, id: Option<&str>) -> Leftover {
    Leftover::new(kind, id.unwrap_or_default())
}

async fn tunnels(ec2: &Ec2, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let found = list!(ec2.describe_instance_connect_endpoints(), tagged(stack), "Instance Connect endpoints");
    let state = |state: Option<&str>| state.unwrap_or_default().to_owned();
    Ok(found
        .iter()
        .map(|found| (found, state(found.state().map(aws_sdk_ec2::types::Ec2InstanceConnectEndpointState::as_str))))
        .filter(|(_, state)| state != "delete-complete")
        .map(|(found, state)| {
            let going = state == "delete-in-progress";
            new(Kind::Tunnel, found.instance_connect_endpoint_id())
                .named(name(found.tags()))
                .going(going, "AWS removes it, which takes some minutes")
        })
        .collect())
}

async fn endpoints(ec2: &Ec2, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let found = list!(ec2.describe_vpc_endpoints(), tagged(stack), "VPC endpoints");
    // The API's reference writes these states with capitals, EC2 answers without.
    let is = |found: &VpcEndpoint, state: &str| {
        found.state().is_some_and(|given| given.as_str().eq_ignore_ascii_case(state))
    };
    let there = found.iter().filter(|found| !is(found, "deleted"));
    Ok(there
        .map(|found| {
            let going = is(found, "deleting");
            new(Kind::Endpoint, found.vpc_endpoint_id())
                .named(name(found.tags()))
                .going(going, "AWS removes it, which takes some minutes")
        })
        .collect())
}

/// Those in the stack's network, whoever made them: Lambda makes some without tags, and leaves them behind.
async fn interfaces(ec2: &Ec2, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let networks = list!(ec2.describe_vpcs(), tagged(stack), "VPCs");
    let ids: Vec<String> = networks.iter().filter_map(|network| network.vpc_id().map(str::to_owned)).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let within = Filter::builder().name("vpc-id").set_values(Some(ids)).build();
    let found = list!(ec2.describe_network_interfaces(), within, "network interfaces");
    Ok(found
        .iter()
        .map(|found| {
            let free = found.status() == Some(&NetworkInterfaceStatus::Available);
            new(Kind::NetworkInterface, found.network_interface_id())
                .named(found.description())
                .going(!free, held_by(found))
        })
        .collect())
}

fn held_by(interface: &NetworkInterface) -> &'static str {
    let lambda = interface.interface_type().is_some_and(|kind| kind.as_str() == "lambda");
    if lambda || interface.description().is_some_and(|text| text.starts_with("AWS Lambda VPC ENI")) {
        "held by Lambda, which gives it back within 25 minutes of the function's end"
    } else {
        "goes with what uses it"
    }
}

async fn groups(ec2: &Ec2, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let found = list!(ec2.describe_security_groups(), tagged(stack), "security groups");
    // The default group goes with its VPC and cannot go before.
    let own = found.iter().filter(|found| found.group_name() != Some("default"));
    Ok(own.map(|found| new(Kind::SecurityGroup, found.group_id()).named(found.group_name())).collect())
}

/// Of the stack's groups, so that groups which name one another can go.
async fn rules(ec2: &Ec2, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let groups: Vec<String> = groups(ec2, stack).await?.into_iter().map(|group| group.id).collect();
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let of_ours = Filter::builder().name("group-id").set_values(Some(groups)).build();
    let found = list!(ec2.describe_security_group_rules(), of_ours, "security group rules");
    Ok(found
        .iter()
        .map(|found| {
            new(Kind::SecurityGroupRule, found.security_group_rule_id())
                .named(found.description())
                .of(found.group_id().unwrap_or_default())
        })
        .collect())
}

async fn tables(ec2: &Ec2, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let found = list!(ec2.describe_route_tables(), tagged(stack), "route tables");
    let own = found.iter().filter(|found| !found.associations().iter().any(|link| link.main() == Some(true)));
    Ok(own.map(|found| new(Kind::RouteTable, found.route_table_id()).named(name(found.tags()))).collect())
}

async fn gateways(ec2: &Ec2, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let found = list!(ec2.describe_internet_gateways(), tagged(stack), "internet gateways");
    let gateway = |found: &InternetGateway| {
        new(Kind::Gateway, found.internet_gateway_id()).named(name(found.tags())).of(attached_to(found))
    };
    Ok(found.iter().map(gateway).collect())
}

fn attached_to(gateway: &InternetGateway) -> String {
    let network = gateway.attachments().first().and_then(|attachment| attachment.vpc_id());
    network.unwrap_or_default().to_owned()
}

pub(super) async fn remove(leftover: &Leftover, aws: &Session) -> Result<(), Refusal> {
    let ec2 = Ec2::new(&aws.config);
    let id = &leftover.id;
    macro_rules! call {
        ($call:expr) => {
            $call.send().await.if_there("it could not be removed").map(drop)
        };
    }
    match leftover.kind {
        Kind::Tunnel => call!(ec2.delete_instance_connect_endpoint().instance_connect_endpoint_id(id)),
        Kind::Endpoint => remove_endpoint(&ec2, id).await,
        Kind::NetworkInterface => call!(ec2.delete_network_interface().network_interface_id(id)),
        Kind::SecurityGroupRule => remove_rule(&ec2, leftover).await,
        Kind::SecurityGroup => call!(ec2.delete_security_group().group_id(id)),
        Kind::Subnet => call!(ec2.delete_subnet().subnet_id(id)),
        Kind::RouteTable => call!(ec2.delete_route_table().route_table_id(id)),
        Kind::Gateway => remove_gateway(&ec2, leftover).await,
        _ => call!(ec2.delete_vpc().vpc_id(id)),
    }
}

/// AWS answers for endpoints with success, and lists what failed beside it.
async fn remove_endpoint(ec2: &Ec2, id: &str) -> Result<(), Refusal> {
    let summary = "it could not be removed";
    let answer = ec2.delete_vpc_endpoints().vpc_endpoint_ids(id).send().await.if_there(summary)?;
    let failed = answer.and_then(|answer| answer.unsuccessful).unwrap_or_default();
    let failed = failed.first().and_then(UnsuccessfulItem::error);
    match failed.map(|error| Refusal::of(summary, error.code().unwrap_or_default(), error.message())) {
        Some(refusal) if !refusal.is_gone() => Err(refusal),
        _ => Ok(()),
    }
}

/// Inward and outward rules are removed by different calls, and its id does not tell which a rule is.
async fn remove_rule(ec2: &Ec2, rule: &Leftover) -> Result<(), Refusal> {
    let summary = "it could not be removed";
    let found = ec2.describe_security_group_rules().security_group_rule_ids(&rule.id).send().await.if_there(summary)?;
    let rules = found.and_then(|found| found.security_group_rules).unwrap_or_default();
    let Some(found) = rules.into_iter().next() else { return Ok(()) };
    if found.is_egress == Some(true) {
        let call = ec2.revoke_security_group_egress().set_group_id(found.group_id).security_group_rule_ids(&rule.id);
        call.send().await.if_there(summary).map(drop)
    } else {
        let call = ec2.revoke_security_group_ingress().set_group_id(found.group_id).security_group_rule_ids(&rule.id);
        call.send().await.if_there(summary).map(drop)
    }
}

/// Removes the rules of a security group that do not carry the stack's tag. AWS makes one with every group, which lets
/// everything out; whoever makes a group closes that, unless it is killed in between.
pub(super) async fn close(aws: &Session, group: &str, stack: &str) -> Result<(), Refusal> {
    let ec2 = Ec2::new(&aws.config);
    let of_it = Filter::builder().name("group-id").values(group).build();
    let found = list!(ec2.describe_security_group_rules(), of_it, "security group rules");
    let tags = |rule: &SecurityGroupRule| is_tagged(stack, rule.tags().iter().map(|tag| (tag.key(), tag.value())));
    for rule in found.iter().filter(|rule| !tags(rule)) {
        remove_rule(&ec2, &new(Kind::SecurityGroupRule, rule.security_group_rule_id())).await?;
    }
    Ok(())
}

async fn remove_gateway(ec2: &Ec2, gateway: &Leftover) -> Result<(), Refusal> {
    let summary = "it could not be removed";
    if let Some(network) = gateway.of.as_ref().filter(|network| !network.is_empty()) {
        let call = ec2.detach_internet_gateway().internet_gateway_id(&gateway.id).vpc_id(network);
        call.send().await.if_there(summary)?;
    }
    ec2.delete_internet_gateway().internet_gateway_id(&gateway.id).send().await.if_there(summary).map(drop)
}
