//! How Terraform's AWS provider calls what is left, so that it can be taken over instead of being made twice.
//!
//! Source of the ids: the provider's documentation, section “Import” of each resource.

use super::{Kind, Leftover};

impl Leftover {
    /// The id by which the provider imports this, if it is the resource of that type with those attributes: `attribute`
    /// gives those that a plan knows, `tags.Name` among them. None if it is another, or on its way out.
    pub fn import_id<'a>(&self, resource: &str, attribute: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
        let is = |name: &str, value: Option<&str>| value.is_some() && attribute(name) == value;
        let (id, name, of) = (self.id.as_str(), self.name.as_deref(), self.of.as_deref());
        let same = match (self.kind, resource) {
            (Kind::Vpc, "aws_vpc")
            | (Kind::Subnet, "aws_subnet")
            | (Kind::RouteTable, "aws_route_table")
            | (Kind::Gateway, "aws_internet_gateway")
            | (Kind::Endpoint, "aws_vpc_endpoint")
            | (Kind::Tunnel, "aws_ec2_instance_connect_endpoint")
            | (Kind::Instance, "aws_instance")
            | (Kind::Volume, "aws_ebs_volume") => is("tags.Name", name),
            (Kind::SecurityGroup, "aws_security_group") => is("name", name),
            (Kind::SecurityGroupRule, "aws_vpc_security_group_ingress_rule" | "aws_vpc_security_group_egress_rule") => {
                is("security_group_id", of) && is("description", name)
            }
            (Kind::Role, "aws_iam_role")
            | (Kind::Profile, "aws_iam_instance_profile")
            | (Kind::LogGroup, "aws_cloudwatch_log_group")
            | (Kind::Cluster, "aws_ecs_cluster")
            | (Kind::Service, "aws_ecs_service")
            | (Kind::Repository, "aws_ecr_repository")
            | (Kind::Secret, "aws_secretsmanager_secret")
            | (Kind::Rule, "aws_cloudwatch_event_rule")
            | (Kind::Schedule, "aws_scheduler_schedule")
            | (Kind::ScheduleGroup, "aws_scheduler_schedule_group") => is("name", Some(id)),
            (Kind::Alarm, "aws_cloudwatch_metric_alarm") => is("alarm_name", Some(id)),
            (Kind::Function, "aws_lambda_function") => is("function_name", Some(id)),
            (Kind::Queue, "aws_sqs_queue") => is("name", id.rsplit('/').next()),
            (Kind::TaskDefinition, "aws_ecs_task_definition") => is("family", family(id)),
            _ => false,
        };
        (same && self.waits_for.is_none()).then(|| match (self.kind, of) {
            (Kind::Service | Kind::Schedule, Some(of)) => format!("{of}/{id}"),
            (Kind::Secret, Some(arn)) => arn.to_owned(),
            _ => id.to_owned(),
        })
    }
}

/// The family in `arn:aws:ecs:…:task-definition/shop-dagster:3`.
fn family(arn: &str) -> Option<&str> {
    arn.rsplit('/').next()?.split(':').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(leftover: &Leftover, resource: &str, plan: &[(&str, &'static str)]) -> Option<String> {
        leftover.import_id(resource, |name| plan.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
    }

    #[test]
    fn a_thing_is_known_by_what_names_it() {
        let network = Leftover::new(Kind::Vpc, "vpc-1").named(Some("shop"));
        assert_eq!(import(&network, "aws_vpc", &[("tags.Name", "shop")]).as_deref(), Some("vpc-1"));
        assert_eq!(import(&network, "aws_vpc", &[("tags.Name", "other")]), None);
        assert_eq!(import(&network, "aws_subnet", &[("tags.Name", "shop")]), None, "of another type");
        assert_eq!(import(&network, "aws_vpc", &[]), None, "a name that the plan does not know");
        assert_eq!(import(&Leftover::new(Kind::Vpc, "vpc-1"), "aws_vpc", &[]), None, "two without a name");
        let going = network.going(true, "on its way out");
        assert_eq!(import(&going, "aws_vpc", &[("tags.Name", "shop")]), None);
    }

    #[test]
    fn some_are_imported_by_more_than_their_id() {
        let service = Leftover::new(Kind::Service, "postgres").of("shop");
        assert_eq!(import(&service, "aws_ecs_service", &[("name", "postgres")]).as_deref(), Some("shop/postgres"));
        let secret = Leftover::new(Kind::Secret, "shop/airbyte").of("arn:aws:secretsmanager:x");
        let found = import(&secret, "aws_secretsmanager_secret", &[("name", "shop/airbyte")]);
        assert_eq!(found.as_deref(), Some("arn:aws:secretsmanager:x"));
        let arn = "arn:aws:ecs:eu-central-1:123456789012:task-definition/shop-dagster:3";
        let definition = Leftover::new(Kind::TaskDefinition, arn);
        assert_eq!(import(&definition, "aws_ecs_task_definition", &[("family", "shop-dagster")]).as_deref(), Some(arn));
        let queue = Leftover::new(Kind::Queue, "https://sqs.eu-central-1.amazonaws.com/123456789012/shop-missed-ticks");
        assert!(import(&queue, "aws_sqs_queue", &[("name", "shop-missed-ticks")]).is_some());
    }

    #[test]
    fn rules_of_one_description_differ_by_their_group() {
        let rule = Leftover::new(Kind::SecurityGroupRule, "sgr-1").named(Some("Secrets for airbyte")).of("sg-1");
        let plan = |group| [("security_group_id", group), ("description", "Secrets for airbyte")];
        let kind = "aws_vpc_security_group_ingress_rule";
        assert_eq!(import(&rule, kind, &plan("sg-1")).as_deref(), Some("sgr-1"));
        assert_eq!(import(&rule, kind, &plan("sg-2")), None);
    }
}
