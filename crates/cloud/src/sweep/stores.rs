//! What keeps things: queues, secrets, logs.

use aws_sdk_cloudwatchlogs::Client as Logs;
use aws_sdk_secretsmanager::Client as Secrets;
use aws_sdk_secretsmanager::operation::list_secrets::ListSecretsOutput;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use aws_sdk_sqs::Client as Sqs;

use super::leftover::is_tagged;
use super::{Kind, Leftover, containers};
use crate::failure::{Answer, Refusal};
use crate::session::Session;

pub(super) async fn find(kind: Kind, aws: &Session, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    match kind {
        Kind::Queue => queues(&Sqs::new(&aws.config), stack).await,
        Kind::Secret => secrets(&Secrets::new(&aws.config), stack).await,
        _ => log_groups(aws, stack).await,
    }
}

async fn queues(sqs: &Sqs, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let summary = "AWS did not list queues";
    let call = sqs.list_queues().queue_name_prefix(format!("{stack}-")).into_paginator().items();
    let found: Result<Vec<_>, _> = call.send().try_collect().await;
    let mut ours = Vec::new();
    for url in found.told(summary)? {
        let found = sqs.list_queue_tags().queue_url(&url).send().await.if_there(summary)?;
        let tags = found.and_then(|found| found.tags).unwrap_or_default();
        if is_tagged(stack, tags.iter().map(|(key, value)| (Some(key), Some(value)))) {
            ours.push(Leftover::new(Kind::Queue, url));
        }
    }
    Ok(ours)
}

/// Those that are to be deleted later count: until then their names are taken.
async fn secrets(client: &Secrets, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let prefix = format!("{stack}/");
    let named = Filter::builder().key(FilterNameStringType::Name).values(&prefix).build();
    let call = client.list_secrets().include_planned_deletion(true).filters(named).into_paginator();
    let found: Result<Vec<_>, _> = call.send().try_collect().await;
    let pages = found.told("AWS did not list secrets")?;
    let all = pages.iter().flat_map(ListSecretsOutput::secret_list);
    let ours = all.filter(|secret| is_tagged(stack, secret.tags().iter().map(|tag| (tag.key(), tag.value()))));
    let named = ours.filter_map(|secret| Some((secret.name()?, secret.arn()?)));
    Ok(named.map(|(name, arn)| Leftover::new(Kind::Secret, name).of(arn)).collect())
}

async fn log_groups(aws: &Session, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let logs = Logs::new(&aws.config);
    let summary = "AWS did not list log groups";
    // Container Insights makes the last one by itself, without tags, and leaves it behind when the cluster goes.
    let strange = containers::cluster(&aws_sdk_ecs::Client::new(&aws.config), stack).await? == Some(false);
    let mut ours = Vec::new();
    for prefix in [format!("/retailflow/{stack}/"), format!("/aws/lambda/{stack}-"), insights(stack)] {
        let call = logs.describe_log_groups().log_group_name_prefix(&prefix).into_paginator().items();
        let found: Result<Vec<_>, _> = call.send().try_collect().await;
        for group in found.told(summary)? {
            let (Some(name), Some(arn)) = (group.log_group_name(), group.arn()) else { continue };
            let found = logs.list_tags_for_resource().resource_arn(arn.trim_end_matches(":*")).send().await;
            let tags = found.if_there(summary)?.and_then(|found| found.tags).unwrap_or_default();
            let by_itself = tags.is_empty() && name == insights(stack) && !strange;
            if by_itself || is_tagged(stack, tags.iter().map(|(key, value)| (Some(key), Some(value)))) {
                ours.push(Leftover::new(Kind::LogGroup, name));
            }
        }
    }
    Ok(ours)
}

fn insights(cluster: &str) -> String {
    format!("/aws/ecs/containerinsights/{cluster}/performance")
}

pub(super) async fn remove(leftover: &Leftover, aws: &Session) -> Result<(), Refusal> {
    let id = &leftover.id;
    let summary = "it could not be removed";
    match leftover.kind {
        Kind::Queue => Sqs::new(&aws.config).delete_queue().queue_url(id).send().await.if_there(summary).map(drop),
        Kind::Secret => {
            let call = Secrets::new(&aws.config).delete_secret().secret_id(id).force_delete_without_recovery(true);
            call.send().await.if_there(summary).map(drop)
        }
        _ => Logs::new(&aws.config).delete_log_group().log_group_name(id).send().await.if_there(summary).map(drop),
    }
}
