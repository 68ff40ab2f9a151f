//! The hosts: whether they run, and whether AWS's own checks of them pass.

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::types::{Filter, Instance, InstanceStateName, InstanceStatus, SummaryStatus};
use protocol::service::{Health, ServiceStatus};

use crate::failure::{Answer, Refusal};
use crate::session::Session;
use crate::sweep::TAG;

/// The hosts by their role, and what people call what runs on them.
const HOSTS: [(&str, &str); 4] =
    [("postgres", "PostgreSQL"), ("airbyte", "Airbyte"), ("dagster", "Dagster"), ("metabase", "Metabase")];

/// The stack's hosts that are there.
pub(super) struct Hosts {
    instances: Vec<Instance>,
    checks: Vec<InstanceStatus>,
}

impl Hosts {
    pub(super) async fn look(aws: &Session, stack: &str) -> Result<Self, Refusal> {
        let ec2 = Ec2::new(&aws.config);
        let summary = "AWS did not tell of the hosts";
        let ours = Filter::builder().name(format!("tag:{TAG}")).values(stack).build();
        let found = ec2.describe_instances().filters(ours).send().await.told(summary)?;
        let all = found.reservations.unwrap_or_default().into_iter();
        let all = all.flat_map(|reservation| reservation.instances.unwrap_or_default());
        let instances: Vec<_> = all.filter(|host| state(host) != Some(&InstanceStateName::Terminated)).collect();
        let running = instances.iter().filter(|host| state(host) == Some(&InstanceStateName::Running));
        let ids: Vec<_> = running.filter_map(|host| host.instance_id.clone()).collect();
        if ids.is_empty() {
            return Ok(Self { instances, checks: Vec::new() });
        }
        let checks = ec2.describe_instance_status().set_instance_ids(Some(ids)).send().await.told(summary)?;
        Ok(Self { instances, checks: checks.instance_statuses.unwrap_or_default() })
    }

    /// The state of a role's host; none if there is no such host.
    pub(super) fn state(&self, stack: &str, role: &str) -> Option<&InstanceStateName> {
        self.named(stack, role).and_then(state)
    }

    /// Every role's host.
    pub(super) fn statuses(&self, stack: &str) -> impl Iterator<Item = ServiceStatus> {
        HOSTS.into_iter().map(move |(role, title)| {
            let (health, detail) = match self.named(stack, role) {
                None => (Health::Stopped, "not there".to_owned()),
                Some(host) => self.health(host),
            };
            super::status(&format!("host-{role}"), &format!("Host of {title}"), health, detail)
        })
    }

    fn named(&self, stack: &str, role: &str) -> Option<&Instance> {
        let name = format!("{stack}-{role}");
        let is_name = |tag: &aws_sdk_ec2::types::Tag| tag.key() == Some("Name") && tag.value() == Some(&name);
        self.instances.iter().find(|host| host.tags().iter().any(is_name))
    }

    fn health(&self, host: &Instance) -> (Health, String) {
        let (health, state) = match state(host) {
            Some(InstanceStateName::Running) => self.checked(host),
            Some(InstanceStateName::Pending) => (Health::Starting, "starts"),
            Some(InstanceStateName::Stopping | InstanceStateName::ShuttingDown) => (Health::Stopped, "is stopping"),
            _ => (Health::Stopped, "is stopped"),
        };
        let size = host.instance_type().map_or("?", |size| size.as_str());
        (health, format!("{}, {size}: {state}", host.instance_id().unwrap_or_default()))
    }

    /// A running host is as well as the worse of AWS's two checks: of the machine and of the network to it.
    fn checked(&self, host: &Instance) -> (Health, &'static str) {
        let status = self.checks.iter().find(|status| status.instance_id() == host.instance_id());
        let checks = status.map(|status| {
            [status.system_status(), status.instance_status()].map(|check| check.and_then(|check| check.status()))
        });
        match checks {
            Some(checks) if checks.contains(&Some(&SummaryStatus::Impaired)) => {
                (Health::Unhealthy, "runs, but AWS's checks of it fail")
            }
            Some(checks) if checks == [Some(&SummaryStatus::Ok); 2] => (Health::Healthy, "runs, both checks pass"),
            _ => (Health::Starting, "runs; AWS still checks it"),
        }
    }
}

fn state(host: &Instance) -> Option<&InstanceStateName> {
    host.state()?.name()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{InstanceState, InstanceStatusSummary, Tag};

    use super::*;

    fn hosts(state: InstanceStateName, checks: &[SummaryStatus; 2]) -> Hosts {
        let summary = |status: &SummaryStatus| InstanceStatusSummary::builder().status(status.clone()).build();
        let [system, instance] = checks;
        let host = Instance::builder()
            .instance_id("i-1")
            .tags(Tag::builder().key("Name").value("shop-dagster").build())
            .state(InstanceState::builder().name(state).build());
        let status = InstanceStatus::builder()
            .instance_id("i-1")
            .system_status(summary(system))
            .instance_status(summary(instance));
        Hosts { instances: vec![host.build()], checks: vec![status.build()] }
    }

    fn health(hosts: &Hosts, name: &str) -> Health {
        hosts.statuses("shop").find(|status| status.name == name).unwrap().health
    }

    #[test]
    fn a_host_is_as_well_as_its_checks() {
        let running = |checks: [SummaryStatus; 2]| health(&hosts(InstanceStateName::Running, &checks), "host-dagster");
        assert_eq!(running([SummaryStatus::Ok, SummaryStatus::Ok]), Health::Healthy);
        assert_eq!(running([SummaryStatus::Ok, SummaryStatus::Impaired]), Health::Unhealthy);
        assert_eq!(running([SummaryStatus::Ok, SummaryStatus::Initializing]), Health::Starting);
        let stopped = hosts(InstanceStateName::Stopped, &[SummaryStatus::Ok, SummaryStatus::Ok]);
        assert_eq!(health(&stopped, "host-dagster"), Health::Stopped);
        assert_eq!(health(&stopped, "host-postgres"), Health::Stopped);
        assert_eq!(stopped.state("shop-2", "dagster"), None);
    }
}
