//! The services on ECS, and Airbyte, which has a host of its own.

use aws_sdk_ec2::types::InstanceStateName;
use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::types::{Deployment, DesiredStatus, HealthStatus, Service, Task};
use protocol::service::{Health, ServiceStatus};

use super::hosts::Hosts;
use crate::failure::{Answer, Refusal};
use crate::session::Session;

/// The services on ECS, and what people call them.
const SERVICES: [(&str, &str); 3] = [("postgres", "PostgreSQL"), ("dagster", "Dagster"), ("metabase", "Metabase")];

/// All of them.
pub(super) async fn on_ecs(aws: &Session, stack: &str) -> Result<Vec<ServiceStatus>, Refusal> {
    let ecs = Ecs::new(&aws.config);
    let names = SERVICES.map(|(name, _)| name.to_owned()).to_vec();
    let call = ecs.describe_services().cluster(stack).set_services(Some(names));
    let found = call.send().await.if_there("AWS did not tell of the services")?;
    let found = found.and_then(|found| found.services).unwrap_or_default();
    let mut statuses = Vec::new();
    for (name, title) in SERVICES {
        let service = found.iter().find(|service| service.service_name() == Some(name));
        let (health, detail) = match service.filter(|service| service.status() == Some("ACTIVE")) {
            None => (Health::Stopped, "not there".to_owned()),
            Some(service) => health(service, &tasks(&ecs, stack, name).await?),
        };
        let failed = service.and_then(|service| service.deployments().first()).map_or(0, Deployment::failed_tasks);
        let restarts = u32::try_from(failed).unwrap_or_default();
        statuses.push(ServiceStatus { restarts, ..super::status(name, title, health, detail) });
    }
    Ok(statuses)
}

/// The tasks of a service: those that are to run, and those that ended within the last hour.
async fn tasks(ecs: &Ecs, stack: &str, service: &str) -> Result<Vec<Task>, Refusal> {
    let summary = "AWS did not tell of the tasks";
    let mut arns = Vec::new();
    for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
        let call = ecs.list_tasks().cluster(stack).service_name(service).desired_status(status).max_results(10);
        arns.extend(call.send().await.if_there(summary)?.and_then(|found| found.task_arns).unwrap_or_default());
    }
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let found = ecs.describe_tasks().cluster(stack).set_tasks(Some(arns)).send().await.if_there(summary)?;
    Ok(found.and_then(|found| found.tasks).unwrap_or_default())
}

/// A service is as well as its task.
fn health(service: &Service, tasks: &[Task]) -> (Health, String) {
    if service.desired_count() == 0 {
        return (Health::Stopped, "asked to stop".to_owned());
    }
    if let Some(task) = tasks.iter().find(|task| task.last_status() == Some("RUNNING")) {
        return match task.health_status() {
            Some(HealthStatus::Healthy) => (Health::Healthy, "runs and is healthy".to_owned()),
            Some(HealthStatus::Unhealthy) => (Health::Unhealthy, "its health check fails".to_owned()),
            _ => (Health::Starting, "runs; its health is not known yet".to_owned()),
        };
    }
    // The latest word of ECS on why there is none, such as a host that is not there.
    let event = || service.events().first().and_then(|event| event.message()).map(str::to_owned);
    let stopped = tasks.iter().filter(|task| task.last_status() == Some("STOPPED"));
    let last = stopped.max_by_key(|task| task.stopped_at().map(aws_sdk_ecs::primitives::DateTime::secs));
    match last.and_then(|task| task.stopped_reason()) {
        Some(reason) => (Health::Unhealthy, reason.to_owned()),
        None => (Health::Starting, event().unwrap_or_else(|| "waits for its host".to_owned())),
    }
}

/// ECS goes on waiting for a host that was stopped, as at the end of the stack's lifetime; people need not.
pub(super) fn rest_with_its_host(status: &mut ServiceStatus, host: Option<&InstanceStateName>) {
    let rests = matches!(host, Some(InstanceStateName::Stopping | InstanceStateName::Stopped));
    if rests && status.health == Health::Starting {
        (status.health, status.detail) = (Health::Stopped, "its host is stopped".to_owned());
    }
}

/// Airbyte has a host of its own, which says that it is installed by writing the secret.
pub(super) async fn airbyte(aws: &Session, stack: &str, hosts: &Hosts) -> Result<ServiceStatus, Refusal> {
    let (health, detail) = match hosts.state(stack, "airbyte") {
        None => (Health::Stopped, "not there"),
        Some(InstanceStateName::Running) if installed(aws, stack).await? => {
            (Health::Healthy, "installed, and its host runs")
        }
        Some(InstanceStateName::Running) => (Health::Starting, "its host installs it, which takes up to half an hour"),
        Some(InstanceStateName::Pending) => (Health::Starting, "its host starts"),
        Some(_) => (Health::Stopped, "its host is stopped"),
    };
    Ok(super::status("airbyte", "Airbyte", health, detail))
}

/// Whether the secret has a value; the value is not asked for.
async fn installed(aws: &Session, stack: &str) -> Result<bool, Refusal> {
    let call = aws_sdk_secretsmanager::Client::new(&aws.config).describe_secret().secret_id(format!("{stack}/airbyte"));
    let found = call.send().await.if_there("AWS did not tell of Airbyte's secret")?;
    Ok(found.and_then(|found| found.version_ids_to_stages).is_some_and(|versions| !versions.is_empty()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::ServiceEvent;

    use super::*;

    fn service() -> Service {
        let event = ServiceEvent::builder().message("no container instance met all of its requirements").build();
        Service::builder().desired_count(1).events(event).build()
    }

    fn task(status: &str) -> aws_sdk_ecs::types::builders::TaskBuilder {
        Task::builder().last_status(status)
    }

    #[test]
    fn a_service_is_as_well_as_its_task() {
        let running = |health: HealthStatus| [task("RUNNING").health_status(health).build()];
        assert_eq!(health(&service(), &running(HealthStatus::Healthy)).0, Health::Healthy);
        assert_eq!(health(&service(), &running(HealthStatus::Unhealthy)).0, Health::Unhealthy);
        assert_eq!(health(&service(), &running(HealthStatus::from("UNKNOWN"))).0, Health::Starting);
    }

    #[test]
    fn a_service_rests_with_its_host() {
        let waiting = crate::watch::status("postgres", "PostgreSQL", Health::Starting, "waits for its host");
        let with = |host: Option<InstanceStateName>| {
            let mut status = waiting.clone();
            rest_with_its_host(&mut status, host.as_ref());
            status.health
        };
        assert_eq!(with(Some(InstanceStateName::Stopped)), Health::Stopped);
        assert_eq!(with(Some(InstanceStateName::Pending)), Health::Starting);
        assert_eq!(with(None), Health::Starting, "one that is still to be made");
    }

    #[test]
    fn a_service_without_a_task_says_why() {
        let (found, detail) = health(&service(), &[]);
        assert_eq!(found, Health::Starting);
        assert!(detail.contains("no container instance"), "{detail}");
        let stopped = task("STOPPED").stopped_reason("CannotPullContainerError: denied").build();
        assert_eq!(health(&service(), &[stopped]), (Health::Unhealthy, "CannotPullContainerError: denied".to_owned()));
        assert_eq!(health(&Service::builder().desired_count(0).build(), &[]).0, Health::Stopped);
    }
}
