//! ECS services, task definitions, hosts and clusters, and the repositories of images.

use aws_sdk_ecr::Client as Ecr;
use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::types::{ClusterField, Tag, TaskDefinitionField, TaskDefinitionStatus};

use super::leftover::is_tagged;
use super::{Kind, Leftover};
use crate::failure::{Answer, Refusal};
use crate::session::Session;

/// The services of a stack. Their task definitions are named after the stack and them.
pub(crate) const SERVICES: [&str; 3] = ["postgres", "dagster", "metabase"];

pub(super) async fn find(kind: Kind, aws: &Session, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let ecs = Ecs::new(&aws.config);
    match kind {
        Kind::Repository => repositories(&Ecr::new(&aws.config), stack).await,
        Kind::TaskDefinition => definitions(&ecs, stack).await,
        _ if cluster(&ecs, stack).await? != Some(true) => Ok(Vec::new()),
        Kind::Service => services(&ecs, stack).await,
        Kind::ContainerInstance => hosts(&ecs, stack).await,
        _ => Ok(vec![Leftover::new(Kind::Cluster, stack)]),
    }
}

fn is_ours(stack: &str, tags: &[Tag]) -> bool {
    is_tagged(stack, tags.iter().map(|tag| (tag.key(), tag.value())))
}

/// The cluster is named as the stack is: whether it is the stack's, if there is one of that name. Everything in it is
/// the stack's, if the cluster is.
pub(super) async fn cluster(ecs: &Ecs, stack: &str) -> Result<Option<bool>, Refusal> {
    let call = ecs.describe_clusters().clusters(stack).include(ClusterField::Tags);
    let found = call.send().await.told("AWS did not tell of the ECS cluster")?;
    let mut there = found.clusters().iter().filter(|cluster| cluster.status() != Some("INACTIVE"));
    Ok(there.next().map(|cluster| is_ours(stack, cluster.tags())))
}

async fn services(ecs: &Ecs, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let summary = "AWS did not list ECS services";
    let listed: Result<Vec<_>, _> =
        ecs.list_services().cluster(stack).into_paginator().items().send().try_collect().await;
    let listed = listed.if_there(summary)?.unwrap_or_default();
    let mut names: Vec<String> = listed.iter().filter_map(|arn| arn.rsplit('/').next()).map(str::to_owned).collect();
    // Those that are draining are not listed, and still hold the cluster.
    names.extend(SERVICES.map(str::to_owned));
    names.sort();
    names.dedup();
    let mut left = Vec::new();
    // ECS tells of ten at a time.
    for some in names.chunks(10) {
        let call = ecs.describe_services().cluster(stack).set_services(Some(some.to_vec()));
        let found = call.send().await.if_there(summary)?;
        let found = found.and_then(|found| found.services).unwrap_or_default();
        let there = found.iter().filter(|found| found.status() != Some("INACTIVE"));
        left.extend(there.map(|service| {
            Leftover::new(Kind::Service, service.service_name().unwrap_or_default())
                .of(stack)
                .going(service.status() == Some("DRAINING"), "ends its tasks")
        }));
    }
    Ok(left)
}

async fn hosts(ecs: &Ecs, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let call = ecs.list_container_instances().cluster(stack).into_paginator().items();
    let found: Result<Vec<_>, _> = call.send().try_collect().await;
    let found = found.if_there("AWS did not list the hosts of the cluster")?.unwrap_or_default();
    Ok(found.into_iter().map(|arn| Leftover::new(Kind::ContainerInstance, arn).of(stack)).collect())
}

async fn definitions(ecs: &Ecs, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let summary = "AWS did not list task definitions";
    let mut ours = Vec::new();
    for service in SERVICES {
        let call = ecs.list_task_definitions().family_prefix(format!("{stack}-{service}"));
        let call = call.status(TaskDefinitionStatus::Active).into_paginator().items();
        let arns: Result<Vec<_>, _> = call.send().try_collect().await;
        for arn in arns.told(summary)? {
            let call = ecs.describe_task_definition().task_definition(&arn).include(TaskDefinitionField::Tags);
            let found = call.send().await.if_there(summary)?;
            if found.is_some_and(|found| is_ours(stack, found.tags())) {
                ours.push(Leftover::new(Kind::TaskDefinition, arn));
            }
        }
    }
    Ok(ours)
}

async fn repositories(ecr: &Ecr, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let summary = "AWS did not list image repositories";
    let found: Result<Vec<_>, _> = ecr.describe_repositories().into_paginator().items().send().try_collect().await;
    let prefix = format!("{stack}/");
    let mut ours = Vec::new();
    for repository in found.told(summary)? {
        let (Some(name), Some(arn)) = (repository.repository_name(), repository.repository_arn()) else { continue };
        if !name.starts_with(&prefix) {
            continue;
        }
        let tags = ecr.list_tags_for_resource().resource_arn(arn).send().await.if_there(summary)?;
        if tags.is_some_and(|tags| is_tagged(stack, tags.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value())))))
        {
            ours.push(Leftover::new(Kind::Repository, name));
        }
    }
    Ok(ours)
}

pub(super) async fn remove(leftover: &Leftover, aws: &Session) -> Result<(), Refusal> {
    let id = &leftover.id;
    let summary = "it could not be removed";
    let ecs = Ecs::new(&aws.config);
    let cluster = leftover.of.clone().unwrap_or_default();
    match leftover.kind {
        Kind::Service => {
            ecs.delete_service().cluster(cluster).service(id).force(true).send().await.if_there(summary).map(drop)
        }
        Kind::TaskDefinition => {
            ecs.deregister_task_definition().task_definition(id).send().await.if_there(summary).map(drop)
        }
        // A terminated host stays registered for some minutes, and the cluster cannot go while it is.
        Kind::ContainerInstance => {
            let call = ecs.deregister_container_instance().cluster(cluster).container_instance(id).force(true);
            call.send().await.if_there(summary).map(drop)
        }
        Kind::Cluster => ecs.delete_cluster().cluster(id).send().await.if_there(summary).map(drop),
        _ => {
            let call = Ecr::new(&aws.config).delete_repository().repository_name(id).force(true);
            call.send().await.if_there(summary).map(drop)
        }
    }
}
