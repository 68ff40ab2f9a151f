//! The review: what the plans of all roots would change, kept until it is confirmed, and held against every plan that
//! is about to be applied.
//!
//! The first `up` applies the very plan files that were reviewed, known by their digests. A plan made later (the services', which need what the
//! foundation gave; a resumed `up`, whose first half is done) may do less than the review says, never more.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use protocol::{Blame, ChangeAction, Cost, Failure, ResourceChange, Review};
use sha2::{Digest, Sha256};
use stack::{StackFolder, files};

use crate::names::RootName;

/// How many of the changes nobody confirmed a failure names.
const NAMED: usize = 5;

/// Puts a review together. Its id is made from what it says, so that the same plan has the same id.
pub(crate) fn compose(
    mut changes: Vec<ResourceChange>,
    drift: Vec<ResourceChange>,
    forecast: Vec<String>,
    plans: BTreeMap<String, String>,
    cost: Cost,
) -> Review {
    changes.sort_by_key(|change| rank(&change.root));
    let mut hash = Sha256::new();
    for change in &changes {
        hash.update(format!("{} {} {:?} {:?}\n", change.root, change.address, change.action, change.attributes));
    }
    for line in &cost.lines {
        hash.update(format!("{} {}\n", line.what, line.hourly));
    }
    let id = hex::encode(&hash.finalize()[..8]);
    Review { id, made_at: Timestamp::now(), changes, drift, forecast, plans, cost }
}

/// The roots in the order in which they are applied.
fn rank(root: &str) -> usize {
    RootName::ALL.iter().position(|known| known.name() == root).unwrap_or(RootName::ALL.len())
}

/// What a plan file is known by.
pub(crate) fn digest(plan: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(plan)
        .map_err(|error| Failure::environment(format!("{} could not be read", plan.display())).source(&error))?;
    Ok(hex::encode(Sha256::digest(bytes)))
}

/// Keeps a review for its confirmation.
pub(crate) fn save(folder: &StackFolder, review: &Review) -> Result<(), Failure> {
    let path = folder.review_file();
    let text = serde_json::to_vec_pretty(review)
        .map_err(|error| Failure::bug("The review could not be encoded").source(&error))?;
    files::write_atomically(&path, &text)
        .map_err(|error| Failure::environment(format!("{} could not be written", path.display())).source(&error))
}

/// The latest review, if there was one.
pub(crate) fn load(folder: &StackFolder) -> Result<Option<Review>, Failure> {
    let path = folder.review_file();
    let unreadable = |error: &(dyn std::error::Error + 'static)| {
        Failure::environment(format!("{} could not be read", path.display()))
            .source(error)
            .hint("`retailflow plan` makes a new one.")
    };
    match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&error)),
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(&error)),
    }
}

/// A review that allows nothing, for plans that are only described.
pub(crate) fn nothing_confirmed() -> Review {
    let cost = Cost { region: String::new(), prices_of: String::new(), lines: Vec::new(), note: None };
    compose(Vec::new(), Vec::new(), Vec::new(), BTreeMap::new(), cost)
}

/// The review that a run names; fails if it is not the latest.
pub(crate) fn confirmed(folder: &StackFolder, id: Option<&str>) -> Result<Review, Failure> {
    let ask = |summary: &str| {
        Err(Failure::new(Blame::User, summary)
            .cause("nothing is made in AWS before its plan and its cost were looked at")
            .hint("`retailflow plan` shows them; `retailflow up` asks and then goes on."))
    };
    match (load(folder)?, id) {
        (None, _) | (_, None) => ask("There is no confirmed plan"),
        (Some(review), Some(id)) if review.id != id => ask("The plan has changed since it was confirmed"),
        (Some(review), Some(_)) => Ok(review),
    }
}

/// Fails if a plan would do what the review does not say.
pub(crate) fn hold_against(review: &Review, changes: &[ResourceChange]) -> Result<(), Failure> {
    let beyond: Vec<&ResourceChange> = changes.iter().filter(|change| !covers(review, change)).collect();
    if beyond.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(Blame::User, format!("The plan would now do {} more than was confirmed", beyond.len()));
    let named =
        beyond.iter().take(NAMED).map(|change| format!("{} {}.{}", word(change.action), change.root, change.address));
    Err(named
        .fold(failure, Failure::cause)
        .hint("Nothing of it was done. `retailflow plan` shows the plan as it is now."))
}

fn covers(review: &Review, change: &ResourceChange) -> bool {
    let mut confirmed =
        review.changes.iter().filter(|known| known.root == change.root && known.address == change.address);
    confirmed.any(|known| match (known.action, change.action) {
        (confirmed, planned) if confirmed == planned => true,
        // A resource that was half made when the run was stopped is made anew, or finished in place.
        // What it had made without being told so is taken over, instead of being made twice.
        (
            ChangeAction::Create | ChangeAction::Replace,
            ChangeAction::Create | ChangeAction::Replace | ChangeAction::Update | ChangeAction::Import,
        ) => true,
        _ => false,
    })
}

/// What would be done, as one word.
pub(crate) fn word(action: ChangeAction) -> &'static str {
    match action {
        ChangeAction::Create => "create",
        ChangeAction::Update => "update",
        ChangeAction::Replace => "replace",
        ChangeAction::Delete => "delete",
        ChangeAction::Import => "import",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(root: &str, address: &str, action: ChangeAction) -> ResourceChange {
        ResourceChange {
            root: root.into(),
            address: address.into(),
            resource: "aws_vpc".into(),
            action,
            attributes: vec![],
        }
    }

    fn review(changes: Vec<ResourceChange>) -> Review {
        compose(changes, Vec::new(), Vec::new(), BTreeMap::new(), crate::cost::cost(&protocol::AwsConfig::default()))
    }

    #[test]
    fn the_same_plan_has_the_same_id_and_another_another() {
        let create = |address: &str| change("foundation", address, ChangeAction::Create);
        assert_eq!(review(vec![create("a")]).id, review(vec![create("a")]).id);
        assert_ne!(review(vec![create("a")]).id, review(vec![create("b")]).id);
        let delete = change("foundation", "a", ChangeAction::Delete);
        assert_ne!(review(vec![create("a")]).id, review(vec![delete]).id);
    }

    #[test]
    fn less_than_was_confirmed_is_done_and_more_is_not() {
        let reviewed = review(vec![
            change("foundation", "aws_vpc.this", ChangeAction::Create),
            change("services", "aws_sqs_queue.missed", ChangeAction::Update),
        ]);
        let held = |root: &str, address: &str, action| hold_against(&reviewed, &[change(root, address, action)]);
        assert_eq!(hold_against(&reviewed, &[]), Ok(()));
        assert_eq!(held("foundation", "aws_vpc.this", ChangeAction::Create), Ok(()));
        assert_eq!(held("foundation", "aws_vpc.this", ChangeAction::Replace), Ok(()), "tainted by a kill");
        assert_eq!(held("foundation", "aws_vpc.this", ChangeAction::Import), Ok(()));
        assert!(held("foundation", "aws_vpc.this", ChangeAction::Delete).is_err());
        assert!(held("services", "aws_sqs_queue.missed", ChangeAction::Replace).is_err());
        let more = held("services", "aws_vpc.this", ChangeAction::Create).unwrap_err();
        assert!(more.causes[0].contains("create services.aws_vpc.this"), "{more:?}");
    }

    #[test]
    fn a_run_names_the_review_it_confirms() {
        let place = tempfile::tempdir().unwrap();
        let folder = StackFolder::new(place.path().to_owned());
        assert!(confirmed(&folder, Some("x")).unwrap_err().summary.contains("no confirmed plan"));
        let reviewed = review(vec![change("registry", "a", ChangeAction::Create)]);
        save(&folder, &reviewed).unwrap();
        assert_eq!(confirmed(&folder, Some(&reviewed.id)).unwrap(), reviewed);
        assert!(confirmed(&folder, None).is_err());
        assert!(confirmed(&folder, Some("other")).unwrap_err().summary.contains("has changed"));
        std::fs::write(folder.review_file(), "{").unwrap();
        assert!(load(&folder).unwrap_err().hint.unwrap().contains("retailflow plan"));
    }
}
