//! Functions, instances, and what goes with them.

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::types::{InstanceStateName, Reservation, Tag, VolumeState};
use aws_sdk_lambda::Client as Lambda;

use super::leftover::is_tagged;
use super::network::tagged;
use super::{Kind, Leftover};
use crate::failure::{Answer, Refusal};
use crate::session::Session;

pub(super) async fn find(kind: Kind, aws: &Session, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let ec2 = Ec2::new(&aws.config);
    match kind {
        Kind::Function => functions(aws, stack).await,
        Kind::Instance => instances(&ec2, stack).await,
        Kind::Volume => volumes(&ec2, stack).await,
        Kind::Address => addresses(&ec2, stack).await,
        Kind::KeyPair => key_pairs(&ec2, stack).await,
        _ => templates(&ec2, stack).await,
    }
}

async fn functions(aws: &Session, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let name = format!("{stack}-generator");
    let call = Lambda::new(&aws.config).get_function().function_name(&name);
    let found = call.send().await.if_there("AWS did not tell of the function")?;
    let tags = found.and_then(|found| found.tags).unwrap_or_default();
    let ours = is_tagged(stack, tags.iter().map(|(key, value)| (Some(key), Some(value))));
    Ok(ours.then(|| Leftover::new(Kind::Function, name)).into_iter().collect())
}

async fn instances(ec2: &Ec2, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let call = ec2.describe_instances().filters(tagged(stack)).into_paginator().items();
    let found: Result<Vec<_>, _> = call.send().try_collect().await;
    let found = found.told("AWS did not list instances")?;
    let instances = found.iter().flat_map(Reservation::instances);
    Ok(instances
        .filter_map(|instance| {
            let state = instance.state()?.name()?;
            // Terminated ones stay on the list for an hour, and cost nothing.
            (*state != InstanceStateName::Terminated).then(|| {
                Leftover::new(Kind::Instance, instance.instance_id().unwrap_or_default())
                    .named(name(instance.tags()))
                    .going(*state == InstanceStateName::ShuttingDown, "shutting down, which takes some minutes")
            })
        })
        .collect())
}

async fn volumes(ec2: &Ec2, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let call = ec2.describe_volumes().filters(tagged(stack)).into_paginator().items();
    let found: Result<Vec<_>, _> = call.send().try_collect().await;
    let found = found.told("AWS did not list volumes")?;
    let there = found.iter().filter(|volume| volume.state() != Some(&VolumeState::Deleted));
    Ok(there
        .map(|volume| {
            let left = Leftover::new(Kind::Volume, volume.volume_id().unwrap_or_default())
                .named(name(volume.tags()))
                .going(volume.state() == Some(&VolumeState::Deleting), "AWS removes it");
            match volume.attachments().first().and_then(|attachment| attachment.instance_id()) {
                Some(instance) => left.of(instance),
                None => left,
            }
        })
        .collect())
}

async fn addresses(ec2: &Ec2, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let found = ec2.describe_addresses().filters(tagged(stack)).send().await.told("AWS did not list addresses")?;
    let addresses = found.addresses().iter();
    Ok(addresses
        .filter_map(|address| Some(Leftover::new(Kind::Address, address.allocation_id()?).named(address.public_ip())))
        .collect())
}

async fn key_pairs(ec2: &Ec2, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let found = ec2.describe_key_pairs().filters(tagged(stack)).send().await.told("AWS did not list key pairs")?;
    let names = found.key_pairs().iter().filter_map(|pair| pair.key_name());
    Ok(names.map(|name| Leftover::new(Kind::KeyPair, name)).collect())
}

async fn templates(ec2: &Ec2, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let call = ec2.describe_launch_templates().filters(tagged(stack)).into_paginator().items();
    let found: Result<Vec<_>, _> = call.send().try_collect().await;
    let found = found.told("AWS did not list launch templates")?;
    let ids =
        found.iter().filter_map(|template| Some((template.launch_template_id()?, template.launch_template_name())));
    Ok(ids.map(|(id, name)| Leftover::new(Kind::LaunchTemplate, id).named(name)).collect())
}

/// What people call it.
pub(super) fn name(tags: &[Tag]) -> Option<&str> {
    tags.iter().find(|tag| tag.key() == Some("Name"))?.value()
}

pub(super) async fn remove(leftover: &Leftover, aws: &Session) -> Result<(), Refusal> {
    let id = &leftover.id;
    let summary = "it could not be removed";
    let ec2 = Ec2::new(&aws.config);
    match leftover.kind {
        Kind::Function => {
            let call = Lambda::new(&aws.config).delete_function().function_name(id);
            call.send().await.if_there(summary).map(drop)
        }
        Kind::Instance => terminate(&ec2, id).await,
        Kind::Volume => remove_volume(&ec2, leftover).await,
        Kind::Address => ec2.release_address().allocation_id(id).send().await.if_there(summary).map(drop),
        Kind::KeyPair => ec2.delete_key_pair().key_name(id).send().await.if_there(summary).map(drop),
        _ => ec2.delete_launch_template().launch_template_id(id).send().await.if_there(summary).map(drop),
    }
}

async fn terminate(ec2: &Ec2, id: &str) -> Result<(), Refusal> {
    ec2.terminate_instances().instance_ids(id).send().await.if_there("it could not be terminated").map(drop)
}

/// A volume goes after it was taken off its instance, which is on its way out by now.
async fn remove_volume(ec2: &Ec2, volume: &Leftover) -> Result<(), Refusal> {
    if let Some(instance) = &volume.of {
        // One that goes with its instance cannot be taken off; that it is still in use is what the removal says then.
        let _ = ec2.detach_volume().volume_id(&volume.id).instance_id(instance).send().await;
    }
    ec2.delete_volume().volume_id(&volume.id).send().await.if_there("it could not be removed").map(drop)
}
