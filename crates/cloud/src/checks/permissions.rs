//! Whether the credentials may do what `up` and `down` do.

use aws_sdk_iam::Client as Iam;
use aws_sdk_iam::types::PolicyEvaluationDecisionType as Decision;

use super::Found;
use crate::failure::{Answer, Refusal};
use crate::session::Session;

/// Every action that Terraform and RetailFlow itself call, one a line.
pub const ACTIONS: &str = include_str!("actions.txt");

/// Actions simulated with one call.
const AT_ONCE: usize = 50;

/// How many missing actions are named.
const NAMED: usize = 12;

/// Whose policies are simulated.
#[derive(Debug, PartialEq, Eq)]
enum Principal<'a> {
    /// The account itself, which may do everything.
    Root,
    User(&'a str),
    /// A role's name: its ARN has a path, which a session's does not show.
    Role(&'a str),
    /// One that IAM cannot simulate, such as a federated user.
    Other,
}

fn principal(arn: &str) -> Principal<'_> {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    match resource.split('/').collect::<Vec<_>>()[..] {
        ["root"] => Principal::Root,
        ["user", ..] => Principal::User(arn),
        ["assumed-role", name, ..] => Principal::Role(name),
        _ => Principal::Other,
    }
}

pub(super) async fn check(aws: &Session, arn: &str) -> Result<Found, Refusal> {
    let iam = Iam::new(&aws.config);
    let source = match principal(arn) {
        Principal::Root => {
            return Ok(Found::warning(
                "the account's root user may do everything",
                "AWS advises to work as a user or role instead, signed in with SSO.",
            ));
        }
        Principal::User(arn) => arn.to_owned(),
        Principal::Role(name) => {
            let found = iam.get_role().role_name(name).send().await.told("AWS did not tell of the role")?;
            found.role().map(|role| role.arn().to_owned()).unwrap_or_default()
        }
        Principal::Other => {
            let detail = format!("could not be verified: the policies of {arn} cannot be simulated");
            return Ok(Found::warning(detail, "If AWS denies an action, the run stops, names it, and can be resumed."));
        }
    };
    let mut missing = Missing::default();
    let actions: Vec<String> = ACTIONS.lines().map(str::to_owned).collect();
    for some in actions.chunks(AT_ONCE) {
        let call = iam.simulate_principal_policy().policy_source_arn(&source).set_action_names(Some(some.to_vec()));
        let found: Result<Vec<_>, _> = call.into_paginator().items().send().try_collect().await;
        for result in found.told("AWS did not simulate the policies")? {
            missing.note(result.eval_action_name(), result.eval_decision());
        }
    }
    Ok(missing.found(actions.len()))
}

/// What the policies do not allow.
#[derive(Debug, Default)]
struct Missing {
    forbidden: Vec<String>,
    unmentioned: Vec<String>,
}

impl Missing {
    fn note(&mut self, action: &str, decision: &Decision) {
        match decision {
            Decision::Allowed => {}
            Decision::ExplicitDeny => self.forbidden.push(action.to_owned()),
            _ => self.unmentioned.push(action.to_owned()),
        }
    }

    fn found(&self, of: usize) -> Found {
        let count = self.forbidden.len() + self.unmentioned.len();
        if count == 0 {
            return Found::passed(format!("all {of} actions are allowed"));
        }
        let hint = "Ask whoever administers the account to allow these actions.";
        let missing = format!("{count} of {of} actions are not allowed: {}", named(&self.forbidden, &self.unmentioned));
        if !self.forbidden.is_empty() || count == of {
            return Found::failed(missing, hint);
        }
        // An action that is allowed for certain resources only looks like one that is not allowed at all.
        Found::warning(
            missing,
            format!("{hint} If they are allowed for certain resources only, this may be a false alarm."),
        )
    }
}

fn named(forbidden: &[String], unmentioned: &[String]) -> String {
    let all: Vec<&str> = forbidden.iter().chain(unmentioned).map(String::as_str).collect();
    let more = all.len().saturating_sub(NAMED);
    let shown = all[..all.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

#[cfg(test)]
mod tests {
    use protocol::CheckStatus;

    use super::*;

    #[test]
    fn the_principal_behind_an_arn() {
        assert_eq!(principal("arn:aws:iam::123456789012:root"), Principal::Root);
        let user = "arn:aws:iam::123456789012:user/people/ada";
        assert_eq!(principal(user), Principal::User(user));
        assert_eq!(
            principal("arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0a1b/ada@example.com"),
            Principal::Role("AWSReservedSSO_Admin_0a1b")
        );
        assert_eq!(principal("arn:aws:sts::123456789012:federated-user/ada"), Principal::Other);
    }

    #[test]
    fn missing_actions_are_named() {
        let mut missing = Missing::default();
        missing.note("ec2:RunInstances", &Decision::Allowed);
        assert_eq!(missing.found(2).status, CheckStatus::Passed);
        missing.note("ec2:CreateVpc", &Decision::ImplicitDeny);
        let found = missing.found(2);
        assert_eq!(
            (found.status, found.detail.as_str()),
            (CheckStatus::Warning, "1 of 2 actions are not allowed: ec2:CreateVpc")
        );
        missing.note("iam:PassRole", &Decision::ExplicitDeny);
        let found = missing.found(3);
        assert_eq!(found.status, CheckStatus::Failed);
        assert!(found.detail.ends_with("iam:PassRole, ec2:CreateVpc"), "{}", found.detail);
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let many: Vec<String> = (0..NAMED + 3).map(|number| format!("a:{number}")).collect();
        assert!(named(&many, &[]).ends_with("a:11 and 3 more"));
        assert_eq!(named(&many[..1], &[]), "a:0");
    }

    #[test]
    fn the_list_of_actions_is_one_of_actions() {
        let mut seen = std::collections::BTreeSet::new();
        for action in ACTIONS.lines() {
            let (service, name) = action.split_once(':').unwrap();
            assert!(service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{action}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{action}");
            assert!(seen.insert(action), "{action} is there twice");
        }
    }
}
