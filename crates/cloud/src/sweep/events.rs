//! What makes things happen: schedules, rules, alarms.

use aws_sdk_cloudwatch::Client as CloudWatch;
use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_eventbridge::Client as EventBridge;
use aws_sdk_scheduler::Client as Scheduler;

use super::leftover::is_tagged;
use super::{Kind, Leftover};
use crate::failure::{Answer, Refusal};
use crate::session::Session;

pub(super) async fn find(kind: Kind, aws: &Session, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    match kind {
        Kind::Schedule => schedules(aws, stack).await,
        Kind::ScheduleGroup => Ok(group(aws, stack).await?.into_iter().collect()),
        Kind::Rule => rules(aws, stack).await,
        _ => alarms(aws, stack).await,
    }
}

/// The group is named as the stack is.
async fn group(aws: &Session, stack: &str) -> Result<Option<Leftover>, Refusal> {
    let scheduler = Scheduler::new(&aws.config);
    let summary = "AWS did not tell of the schedule group";
    let found = scheduler.get_schedule_group().name(stack).send().await.if_there(summary)?;
    let Some(arn) = found.as_ref().and_then(|found| found.arn()) else { return Ok(None) };
    let tags = scheduler.list_tags_for_resource().resource_arn(arn).send().await.if_there(summary)?;
    let ours =
        tags.is_some_and(|tags| is_tagged(stack, tags.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value())))));
    let deleting = found.as_ref().and_then(|found| found.state()).is_some_and(|state| state.as_str() == "DELETING");
    let group = || Leftover::new(Kind::ScheduleGroup, stack).going(deleting, "AWS removes its schedules first");
    Ok(ours.then(group))
}

async fn schedules(aws: &Session, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    if group(aws, stack).await?.is_none() {
        return Ok(Vec::new());
    }
    let call = Scheduler::new(&aws.config).list_schedules().group_name(stack);
    let found: Result<Vec<_>, _> = call.into_paginator().items().send().try_collect().await;
    let found = found.if_there("AWS did not list schedules")?.unwrap_or_default();
    let names = found.iter().filter_map(|schedule| schedule.name());
    Ok(names.map(|name| Leftover::new(Kind::Schedule, name).of(stack)).collect())
}

async fn rules(aws: &Session, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let events = EventBridge::new(&aws.config);
    let name = format!("{stack}-tick");
    let summary = "AWS did not tell of the event rule";
    let found = events.describe_rule().name(&name).send().await.if_there(summary)?;
    let Some(arn) = found.and_then(|found| found.arn) else { return Ok(Vec::new()) };
    let tags = events.list_tags_for_resource().resource_arn(arn).send().await.if_there(summary)?;
    let ours =
        tags.is_some_and(|tags| is_tagged(stack, tags.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value())))));
    Ok(ours.then(|| Leftover::new(Kind::Rule, name)).into_iter().collect())
}

async fn alarms(aws: &Session, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    let watch = CloudWatch::new(&aws.config);
    let summary = "AWS did not list alarms";
    let call = watch.describe_alarms().alarm_name_prefix(format!("{stack}-"));
    let pages: Result<Vec<_>, _> = call.into_paginator().send().try_collect().await;
    let mut ours = Vec::new();
    for alarm in pages.told(summary)?.iter().flat_map(DescribeAlarmsOutput::metric_alarms) {
        let (Some(name), Some(arn)) = (alarm.alarm_name(), alarm.alarm_arn()) else { continue };
        let tags = watch.list_tags_for_resource().resource_arn(arn).send().await.if_there(summary)?;
        if tags.is_some_and(|tags| is_tagged(stack, tags.tags().iter().map(|tag| (tag.key(), tag.value())))) {
            ours.push(Leftover::new(Kind::Alarm, name));
        }
    }
    Ok(ours)
}

pub(super) async fn remove(leftover: &Leftover, aws: &Session) -> Result<(), Refusal> {
    let id = &leftover.id;
    let summary = "it could not be removed";
    match leftover.kind {
        Kind::Schedule => {
            let call = Scheduler::new(&aws.config).delete_schedule().set_group_name(leftover.of.clone()).name(id);
            call.send().await.if_there(summary)?;
        }
        Kind::ScheduleGroup => {
            Scheduler::new(&aws.config).delete_schedule_group().name(id).send().await.if_there(summary)?;
        }
        Kind::Rule => remove_rule(&EventBridge::new(&aws.config), id).await?,
        _ => {
            CloudWatch::new(&aws.config).delete_alarms().alarm_names(id).send().await.if_there(summary)?;
        }
    }
    Ok(())
}

/// A rule goes after its targets.
async fn remove_rule(events: &EventBridge, name: &str) -> Result<(), Refusal> {
    let summary = "it could not be removed";
    let found = events.list_targets_by_rule().rule(name).send().await.if_there(summary)?;
    let targets = found.and_then(|found| found.targets).unwrap_or_default();
    let targets: Vec<String> = targets.into_iter().map(|target| target.id).collect();
    if !targets.is_empty() {
        events.remove_targets().rule(name).set_ids(Some(targets)).send().await.if_there(summary)?;
    }
    events.delete_rule().name(name).send().await.if_there(summary)?;
    Ok(())
}
