//! How a stack in AWS is: its services and hosts, the shop's function, the alarms, and what the shop writes.

mod calls;
mod hosts;
mod services;
mod shop;

use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use futures::future::{try_join, try_join3};
use protocol::Failure;
use protocol::service::{Health, ServiceStatus};
use protocol::shop::{Invocation, TickSample};

use crate::failure::{Answer, Refusal};
use crate::session::Session;

use hosts::Hosts;

pub use shop::{DIMENSION, METRICS, NAMESPACE};

/// Everything of the stack that can be well or unwell, in the order in which it is shown: services, then its hosts
/// (named `host-…`), then its alarms (named `alarm-…`).
pub async fn statuses(aws: &Session, stack: &str) -> Result<Vec<ServiceStatus>, Failure> {
    look(aws, stack).await.map_err(|refusal| refusal.failure(aws.place()))
}

async fn look(aws: &Session, stack: &str) -> Result<Vec<ServiceStatus>, Refusal> {
    let on_hosts = async {
        let hosts = Hosts::look(aws, stack).await?;
        Ok((services::airbyte(aws, stack, &hosts).await?, hosts))
    };
    let ((mut statuses, shop), (airbyte, hosts), alarms) = try_join3(
        Box::pin(try_join(services::on_ecs(aws, stack), shop::look(aws, stack))),
        Box::pin(on_hosts),
        Box::pin(ringing(aws, stack)),
    )
    .await?;
    for status in &mut statuses {
        services::rest_with_its_host(status, hosts.state(stack, &status.name));
    }
    statuses.extend([airbyte, shop.status()]);
    statuses.extend(hosts.statuses(stack));
    statuses.extend(alarms);
    Ok(statuses)
}

/// A status of what is no process of this computer.
fn status(name: &str, title: &str, health: Health, detail: impl Into<String>) -> ServiceStatus {
    let (name, title) = (name.to_owned(), title.to_owned());
    ServiceStatus { name, title, health, detail: detail.into(), pid: None, restarts: 0 }
}

/// What the shop wrote in the last `minutes` (at most 1,440), oldest first. AWS tells it a minute or two late.
pub async fn throughput(aws: &Session, stack: &str, minutes: u32) -> Result<Vec<TickSample>, Failure> {
    shop::samples(aws, stack, minutes).await.map_err(|refusal| refusal.failure(aws.place()))
}

/// The calls of the shop's function in the last `minutes`, newest first. AWS tells them some seconds late.
pub async fn invocations(aws: &Session, stack: &str, minutes: u32) -> Result<Vec<Invocation>, Failure> {
    calls::look(aws, stack, minutes).await.map_err(|refusal| refusal.failure(aws.place()))
}

async fn ringing(aws: &Session, stack: &str) -> Result<Vec<ServiceStatus>, Refusal> {
    let names = ["generator-errors", "missed-ticks"].map(|what| format!("{stack}-{what}"));
    let call = aws_sdk_cloudwatch::Client::new(&aws.config).describe_alarms().set_alarm_names(Some(names.to_vec()));
    let found = call.send().await.told("AWS did not tell of the alarms")?;
    Ok(found.metric_alarms().iter().map(|alarm| alarm_status(alarm, stack)).collect())
}

fn alarm_status(alarm: &MetricAlarm, stack: &str) -> ServiceStatus {
    let name = alarm.alarm_name().unwrap_or_default();
    let name = name.strip_prefix(stack).unwrap_or(name).trim_start_matches('-');
    let meaning = alarm.alarm_description().unwrap_or_default();
    let (health, detail) = match alarm.state_value() {
        Some(StateValue::Alarm) => {
            (Health::Unhealthy, format!("{meaning}: {}", alarm.state_reason().unwrap_or_default()))
        }
        Some(StateValue::Ok) => (Health::Healthy, "quiet".to_owned()),
        _ => (Health::Healthy, "quiet; nothing was measured yet".to_owned()),
    };
    status(&format!("alarm-{name}"), &format!("Alarm: {}", name.replace('-', " ")), health, detail)
}
