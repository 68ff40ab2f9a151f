//! Roles and instance profiles. They are the account's, not a region's.

use aws_sdk_iam::Client as Iam;
use aws_sdk_iam::types::{InstanceProfile, Tag};

use super::leftover::is_tagged;
use super::{Kind, Leftover};
use crate::failure::{Answer, Refusal};
use crate::session::Session;

pub(super) async fn find(kind: Kind, aws: &Session, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let iam = Iam::new(&aws.config);
    let prefix = format!("{stack}-");
    if kind == Kind::Role { roles(&iam, stack, &prefix).await } else { profiles(&iam, stack, &prefix).await }
}

fn is_ours(stack: &str, tags: &[Tag]) -> bool {
    is_tagged(stack, tags.iter().map(|tag| (Some(tag.key()), Some(tag.value()))))
}

/// Lists carry no tags: each candidate is asked for its own.
async fn roles(iam: &Iam, stack: &str, prefix: &str) -> Result<Vec<Leftover>, Refusal> {
    let summary = "AWS did not list roles";
    let found: Result<Vec<_>, _> = iam.list_roles().into_paginator().items().send().try_collect().await;
    let mut ours = Vec::new();
    for role in found.told(summary)?.iter().filter(|role| role.role_name().starts_with(prefix)) {
        let tags = iam.list_role_tags().role_name(role.role_name()).send().await.if_there(summary)?;
        if tags.is_some_and(|tags| is_ours(stack, tags.tags())) {
            ours.push(Leftover::new(Kind::Role, role.role_name()));
        }
    }
    Ok(ours)
}

async fn profiles(iam: &Iam, stack: &str, prefix: &str) -> Result<Vec<Leftover>, Refusal> {
    let summary = "AWS did not list instance profiles";
    let found: Result<Vec<_>, _> = iam.list_instance_profiles().into_paginator().items().send().try_collect().await;
    let mut ours = Vec::new();
    for profile in found.told(summary)? {
        let name = profile.instance_profile_name();
        if !name.starts_with(prefix) {
            continue;
        }
        let found = iam.get_instance_profile().instance_profile_name(name).send().await.if_there(summary)?;
        if found.and_then(|found| found.instance_profile).is_some_and(|found| is_ours(stack, found.tags())) {
            ours.push(Leftover::new(Kind::Profile, name));
        }
    }
    Ok(ours)
}

pub(super) async fn remove(leftover: &Leftover, aws: &Session) -> Result<(), Refusal> {
    let iam = Iam::new(&aws.config);
    match leftover.kind {
        Kind::Role => remove_role(&iam, &leftover.id).await,
        _ => remove_profile(&iam, &leftover.id).await,
    }
}

/// A profile goes after its role was taken out of it.
async fn remove_profile(iam: &Iam, name: &str) -> Result<(), Refusal> {
    let summary = "it could not be removed";
    let found = iam.get_instance_profile().instance_profile_name(name).send().await.if_there(summary)?;
    for role in found.and_then(|found| found.instance_profile).iter().flat_map(InstanceProfile::roles) {
        let call = iam.remove_role_from_instance_profile().instance_profile_name(name).role_name(role.role_name());
        call.send().await.if_there(summary)?;
    }
    iam.delete_instance_profile().instance_profile_name(name).send().await.if_there(summary).map(drop)
}

/// A role goes after its policies.
async fn remove_role(iam: &Iam, name: &str) -> Result<(), Refusal> {
    let summary = "it could not be removed";
    let attached = iam.list_attached_role_policies().role_name(name).send().await.if_there(summary)?;
    for policy in attached.and_then(|attached| attached.attached_policies).unwrap_or_default() {
        let call = iam.detach_role_policy().role_name(name).set_policy_arn(policy.policy_arn);
        call.send().await.if_there(summary)?;
    }
    let written = iam.list_role_policies().role_name(name).send().await.if_there(summary)?;
    for policy in written.map(|written| written.policy_names).unwrap_or_default() {
        iam.delete_role_policy().role_name(name).policy_name(policy).send().await.if_there(summary)?;
    }
    iam.delete_role().role_name(name).send().await.if_there(summary).map(drop)
}
