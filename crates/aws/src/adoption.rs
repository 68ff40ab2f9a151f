//! Taking over what is in AWS already, instead of making it twice.
//!
//! A Terraform that is killed leaves what it was just making without a word in its state, and a state that had to be
//! restored from a copy lacks what was made since. Such things carry the stack's tag, so they are found and become
//! part of the plan as imports. What cannot carry a tag, such as a route, AWS refuses to make twice, and is then taken
//! over too: what it is a part of is the stack's.

use cloud::sweep::{self, Leftover};
use engine::StepContext;
use protocol::snapshot::RunSummary;
use protocol::{ChangeAction, Failure, Level, Operation};
use terraform::{Adoption, Change, Changes, Root, Trouble, Wish};

use crate::site::Site;

/// How many of the resources that are taken over a line of the log names.
const NAMED: usize = 5;

/// How much of a plan is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Which resources change and how, and the attributes that differ.
    Attributes,
    /// Which resources change and how.
    Outline,
}

impl Site {
    /// Plans a root into a file, with everything taken over that is there already. `refused` are the addresses of what
    /// AWS would not make twice. Nothing may be at work on the root.
    pub(crate) async fn plan_root(
        &self,
        root: &Root,
        context: &StepContext,
        file: &str,
        refused: &[String],
        detail: Detail,
    ) -> Result<Changes, Trouble> {
        if let Some(copy) = root.restore_state()? {
            let line = format!("Terraform's state was damaged; its newest good copy is used, {}", copy.display());
            context.log(Level::Warn, line).await;
        }
        let there = if self.may_lack(root) { self.carrying_the_tag(context).await? } else { Vec::new() };
        let mut adoptions: Vec<Adoption> = Vec::new();
        loop {
            root.adopt(&adoptions)?;
            let wish = Wish::make(file);
            // What is taken over is known by its attributes.
            let outline = detail == Detail::Outline && there.is_empty() && refused.is_empty();
            let changes = root.plan(context, &if outline { wish.in_outline() } else { wish }).await?;
            let more = found(&changes, &there, refused)?;
            if more.is_empty() {
                tell(&adoptions, context).await;
                return Ok(changes);
            }
            // What they are parts of may have been among the unknown until now, so there may be more of it.
            adoptions.extend(more);
        }
    }

    /// Finishes what Terraform does only for what it makes itself: it takes away the rule that AWS makes with every
    /// security group, and that lets everything out.
    pub(crate) async fn finish_adopting(&self, changes: &Changes) -> Result<(), Failure> {
        let imported = changes.planned.iter().filter(|change| change.action == ChangeAction::Import);
        for group in imported.filter(|change| change.resource == "aws_security_group") {
            let id = group.attribute("id").unwrap_or_default();
            sweep::close(&self.session().await?, id, self.name.as_str()).await?;
        }
        Ok(())
    }

    /// Whether there may be something in AWS that the root's state lacks.
    fn may_lack(&self, root: &Root) -> bool {
        !root.is_settled() || (root.resources().is_empty() && self.was_tried())
    }

    /// Whether an earlier run made or removed something, or tried to.
    fn was_tried(&self) -> bool {
        // Of what cannot be read, the worst is assumed.
        let Ok(runs) = engine::journal::summaries(&self.folder.runs(), usize::MAX) else { return true };
        // The run under way has no outcome yet.
        let ended = |run: &RunSummary| run.outcome.is_some() || run.damage.is_some();
        runs.iter().any(|run| run.operation != Some(Operation::Plan) && ended(run))
    }

    async fn carrying_the_tag(&self, context: &StepContext) -> Result<Vec<Leftover>, Failure> {
        context.progress(0, None, "", "Looking for what an earlier run made and did not write down");
        sweep::find(&self.session().await?, self.name.as_str()).await
    }
}

/// What the plan would make although it is there.
fn found(changes: &Changes, there: &[Leftover], refused: &[String]) -> Result<Vec<Adoption>, Failure> {
    let mut found = Vec::new();
    for change in changes.planned.iter().filter(|change| change.action == ChangeAction::Create) {
        let adopt = |id| Adoption { address: change.address.clone(), id };
        let mut ids: Vec<String> =
            there.iter().filter_map(|left| left.import_id(&change.resource, |name| change.attribute(name))).collect();
        match (ids.pop(), ids.is_empty()) {
            (Some(id), true) => found.push(adopt(id)),
            (Some(id), false) => return Err(ambiguous(change, &id, &ids)),
            (None, _) if refused.contains(&change.address) => found.extend(part(change).map(adopt)),
            (None, _) => {}
        }
    }
    Ok(found)
}

/// The id by which a part of something is imported. Source: the provider's documentation, section “Import” of each.
fn part(change: &Change) -> Option<String> {
    let value = |name| change.attribute(name);
    Some(match change.resource.as_str() {
        "aws_route" => format!("{}_{}", value("route_table_id")?, value("destination_cidr_block")?),
        "aws_route_table_association" => format!("{}/{}", value("subnet_id")?, value("route_table_id")?),
        "aws_lambda_permission" => format!("{}/{}", value("function_name")?, value("statement_id")?),
        _ => return None,
    })
}

fn ambiguous(change: &Change, one: &str, others: &[String]) -> Failure {
    Failure::environment(format!("Several things in AWS claim to be {} of the stack", change.address))
        .cause(format!("they are {one}, {}", others.join(", ")))
        .hint("Remove those that are not needed in AWS's console, or all of the stack with `retailflow down`.")
}

async fn tell(adoptions: &[Adoption], context: &StepContext) {
    if adoptions.is_empty() {
        return;
    }
    let named: Vec<String> = adoptions.iter().take(NAMED).map(|one| format!("{} ({})", one.address, one.id)).collect();
    let more = adoptions.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let line = format!("Made by an earlier run and taken over: {}{more}", named.join(", "));
    context.log(Level::Warn, line).await;
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plan(resource: &str, after: &Value) -> Changes {
        let entry = json!({
            "address": format!("{resource}.this"), "name": "this", "type": resource, "mode": "managed",
            "change": {"actions": ["create"], "before": null, "after": after},
        });
        Changes::read(json!({"resource_changes": [entry]}).to_string().as_bytes()).unwrap()
    }

    fn network(id: &str) -> Leftover {
        Leftover { kind: sweep::Kind::Vpc, id: id.to_owned(), name: Some("shop".to_owned()), of: None, waits_for: None }
    }

    #[test]
    fn what_carries_the_tag_and_the_name_is_taken_over() {
        let changes = plan("aws_vpc", &json!({"tags": {"Name": "shop"}}));
        let adoption = Adoption { address: "aws_vpc.this".to_owned(), id: "vpc-1".to_owned() };
        assert_eq!(found(&changes, &[network("vpc-1")], &[]).unwrap(), [adoption]);
        assert_eq!(found(&changes, &[], &["aws_vpc.this".to_owned()]).unwrap(), []);
        let two = found(&changes, &[network("vpc-1"), network("vpc-2")], &[]).unwrap_err();
        assert!(two.causes[0].contains("vpc-1") && two.causes[0].contains("vpc-2"), "{two:?}");
    }

    #[test]
    fn a_part_is_taken_over_when_it_was_refused() {
        let route = json!({"route_table_id": "rtb-1", "destination_cidr_block": "0.0.0.0/0"});
        let changes = plan("aws_route", &route);
        let refused = ["aws_route.this".to_owned()];
        assert_eq!(found(&changes, &[], &[]).unwrap(), []);
        assert_eq!(found(&changes, &[], &refused).unwrap()[0].id, "rtb-1_0.0.0.0/0");
        let unknown = plan("aws_route", &json!({"destination_cidr_block": "0.0.0.0/0"}));
        assert_eq!(found(&unknown, &[], &refused).unwrap(), [], "the table is not there yet");
    }
}
