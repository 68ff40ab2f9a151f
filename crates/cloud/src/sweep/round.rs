//! One round of a sweep: look at everything, and remove what can be removed.

use futures::future::join_all;
use protocol::{AwsPlace, Failure};

use super::{Leftover, look, remove};
use crate::failure::Refusal;
use crate::session::Session;

/// How many leftovers, and how many reasons, a failure names.
const NAMED: usize = 8;
const REASONS: usize = 3;

/// What a round found and did.
pub(super) struct Round {
    /// What it removed, or began to.
    pub(super) removed: Vec<Leftover>,
    /// What it found and could not remove, or that goes by itself.
    pub(super) left: Vec<Leftover>,
    /// Why.
    refusals: Vec<Refusal>,
}

impl Round {
    pub(super) async fn made(aws: &Session, stack: &str) -> Self {
        let mut round = Self { removed: Vec::new(), left: Vec::new(), refusals: Vec::new() };
        let mut found = Vec::new();
        for answer in look(aws, stack).await {
            match answer {
                Ok(leftovers) => found.extend(leftovers),
                Err(refusal) => round.refusals.push(refusal),
            }
        }
        // One sort after the other: an instance profile goes before its role, and a VPC after everything in it.
        for alike in found.chunk_by(|one, other| one.kind == other.kind) {
            if round.is_hopeless() {
                round.left.extend_from_slice(alike);
            } else {
                round.remove(alike, aws).await;
            }
        }
        round
    }

    async fn remove(&mut self, alike: &[Leftover], aws: &Session) {
        let (going, here): (Vec<_>, Vec<_>) = alike.iter().cloned().partition(|leftover| leftover.waits_for.is_some());
        self.left.extend(going);
        let answers = join_all(here.iter().map(|leftover| remove(leftover, aws))).await;
        for (leftover, answer) in here.into_iter().zip(answers) {
            match answer {
                Ok(()) => self.removed.push(leftover),
                Err(refusal) => {
                    self.refusals.push(Refusal { summary: format!("{leftover}: {}", refusal.summary), ..refusal });
                    self.left.push(leftover);
                }
            }
        }
    }

    /// Whether it looked at everything, and there was nothing.
    pub(super) fn found_nothing(&self) -> bool {
        self.removed.is_empty() && self.left.is_empty() && self.refusals.is_empty()
    }

    fn is_hopeless(&self) -> bool {
        self.refusals.iter().any(|refusal| refusal.reason.is_everywhere())
    }

    /// Whether a further round can do more than this one.
    pub(super) fn is_worth_another(&self) -> bool {
        let moves = !self.removed.is_empty() || self.left.iter().any(|leftover| leftover.waits_for.is_some());
        !self.is_hopeless() && (moves || self.refusals.iter().any(|refusal| refusal.reason.passes()))
    }

    /// What is left after this round, and why.
    pub(super) fn failure(&self, place: &AwsPlace) -> Failure {
        // What somebody must mend comes before what would have passed.
        let worst =
            self.refusals.iter().min_by_key(|refusal| (!refusal.reason.is_everywhere(), refusal.reason.passes()));
        if let Some(refusal) = worst.filter(|refusal| refusal.reason.is_everywhere()) {
            return refusal.failure(place);
        }
        // What is listed again and again although AWS took it for removed is still there, for all that can be seen.
        let still: Vec<&Leftover> = self.left.iter().chain(&self.removed).collect();
        let summary = match still.len() {
            0 => "It could not be seen whether something of the stack is left in AWS".to_owned(),
            1 => "Something of the stack is still in AWS".to_owned(),
            several => format!("{several} things of the stack are still in AWS"),
        };
        let named = still.iter().take(NAMED).map(|left| format!("{}: {left}", left.kind.title()));
        let unnamed = still.len().saturating_sub(NAMED);
        let more = (unnamed > 0).then(|| format!("and {unnamed} more"));
        let reasons =
            self.refusals.iter().take(REASONS).map(|refusal| format!("{}: {}", refusal.summary, refusal.words));
        let failure = named.chain(more).chain(reasons).fold(Failure::environment(summary), Failure::cause);
        let mend = worst.filter(|refusal| !refusal.reason.passes()).map(|refusal| refusal.remedy(place));
        failure.hint(mend.unwrap_or_else(|| {
            "Run `retailflow down` again: it goes on from here. What is left may cost money while it exists.".to_owned()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Reason;
    use crate::sweep::Kind;

    fn refusal(reason: Reason) -> Refusal {
        Refusal { summary: "it could not be removed".into(), reason, words: "X: no".into() }
    }

    fn round(left: usize, reason: Reason) -> Round {
        let left = (0..left).map(|number| Leftover::new(Kind::Role, format!("shop-{number}"))).collect();
        Round { removed: Vec::new(), left, refusals: vec![refusal(reason)] }
    }

    fn place() -> AwsPlace {
        AwsPlace { access: protocol::AwsAccess::Default, region: "eu-central-1".into() }
    }

    #[test]
    fn what_passes_is_waited_for_and_nothing_else() {
        assert!(round(1, Reason::InUse).is_worth_another());
        assert!(round(1, Reason::Throttled).is_worth_another());
        assert!(!round(1, Reason::Denied).is_worth_another());
        assert!(!round(1, Reason::Expired).is_worth_another());
        let mut moves = round(1, Reason::Denied);
        moves.removed.push(Leftover::new(Kind::Vpc, "vpc-1"));
        assert!(moves.is_worth_another(), "what went may have been what held the rest");
    }

    #[test]
    fn a_failure_names_what_is_left_and_what_to_mend() {
        let failure = round(10, Reason::Denied).failure(&place());
        assert_eq!(failure.summary, "10 things of the stack are still in AWS");
        assert_eq!(failure.causes[0], "Roles: shop-0");
        assert_eq!(failure.causes[NAMED], "and 2 more");
        assert!(failure.hint.unwrap().contains("permission"));
        assert!(round(1, Reason::InUse).failure(&place()).hint.unwrap().contains("down"));
        assert!(round(1, Reason::Expired).failure(&place()).hint.unwrap().contains("sign in"));
    }

    #[test]
    fn not_having_looked_is_not_having_found_nothing() {
        assert!(!round(0, Reason::Denied).found_nothing());
    }
}
