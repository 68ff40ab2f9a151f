//! Finding and removing what is left of a stack, whatever made it and whether or not Terraform knows of it.
//!
//! Every service that `terraform/` uses is asked itself: the tagging API does not list image repositories, roles, rules
//! and more, and goes on listing what is long gone. A thing belongs to a stack if it carries the tag [`TAG`] with the
//! stack's name. Names only say where to look: a role called `shop-postgres` may be the stack `shop`'s, another's, or
//! one that the user made by hand years ago. By name alone goes only what AWS makes itself, without tags, for something
//! that carries the tag.

mod compute;
mod containers;
mod events;
mod identity;
mod import;
mod kind;
mod leftover;
mod network;
mod round;
mod stores;

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use protocol::Failure;
use protocol::snapshot::ProofItem;
use tokio::time::{Instant, sleep_until};

pub use kind::Kind;
pub use leftover::{Leftover, in_words};

use crate::failure::Refusal;
use crate::session::Session;
use round::Round;

/// The tag that everything of a stack carries.
pub const TAG: &str = "retailflow:stack";

/// The pauses before what could not be removed is tried again; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// What a sweep tells.
#[derive(Debug)]
pub enum Told {
    /// It removed something, or began to.
    Removed(Leftover),
    /// It waits for these to go; [`in_words`] says it to people.
    Waits(Vec<Leftover>),
}

/// Everything that is left of a stack, in the order in which it can be removed.
pub async fn find(aws: &Session, stack: &str) -> Result<Vec<Leftover>, Failure> {
    let mut left = Vec::new();
    for found in look(aws, stack).await {
        left.extend(found.map_err(|refusal| refusal.failure(aws.place()))?);
    }
    Ok(left)
}

/// Removes everything that is left of a stack, and tells through `tell` what it removes and what it waits for.
///
/// What something else still uses is tried again until `patience` is over; the failure then names what is left. It
/// fails at once if no more can be done, and may be dropped at any moment: whoever calls it again goes on from there.
pub async fn sweep(
    aws: &Session,
    stack: &str,
    patience: Duration,
    mut tell: impl FnMut(Told) + Send,
) -> Result<(), Failure> {
    let until = Instant::now() + patience;
    let mut pause = PAUSES.0;
    let mut told = HashSet::new();
    loop {
        let round = Round::made(aws, stack).await;
        for removed in round.removed.iter().filter(|removed| told.insert((removed.kind, removed.id.clone()))) {
            tell(Told::Removed(removed.clone()));
        }
        if round.found_nothing() {
            return Ok(());
        }
        if !round.is_worth_another() || Instant::now() + pause > until {
            return Err(round.failure(aws.place()));
        }
        if !round.left.is_empty() {
            tell(Told::Waits(round.left.clone()));
        }
        sleep_until(Instant::now() + pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Removes the rules of a security group of the stack's that are not the stack's own.
pub async fn close(aws: &Session, group: &str, stack: &str) -> Result<(), Failure> {
    network::close(aws, group, stack).await.map_err(|refusal| refusal.failure(aws.place()))
}

/// Looks at every sort of thing, and says of each whether something is left.
pub async fn prove(aws: &Session, stack: &str) -> Result<Vec<ProofItem>, Failure> {
    let answers = look(aws, stack).await;
    if let Some(Err(refusal)) = answers.iter().find(|answer| matches!(answer, Err(no) if no.reason.is_everywhere())) {
        return Err(refusal.failure(aws.place()));
    }
    let item = |(kind, answer): (Kind, Result<Vec<Leftover>, Refusal>)| {
        let (gone, detail) = match answer {
            Ok(left) if left.is_empty() => (true, format!("none of {stack}'s in {}", aws.place().region)),
            Ok(left) => (false, left.iter().map(Leftover::to_string).collect::<Vec<_>>().join("; ")),
            Err(refusal) => (false, format!("could not be looked at: {}", refusal.words)),
        };
        ProofItem { what: kind.title().to_owned(), gone, detail }
    };
    Ok(Kind::ALL.into_iter().zip(answers).map(item).collect())
}

/// Asks for every sort at once; one answer for each of [`Kind::ALL`].
pub(crate) async fn look(aws: &Session, stack: &str) -> Vec<Result<Vec<Leftover>, Refusal>> {
    join_all(Kind::ALL.map(|kind| find_kind(kind, aws, stack))).await
}

async fn find_kind(kind: Kind, aws: &Session, stack: &str) -> Result<Vec<Leftover>, Refusal> {
    match kind {
        Kind::Schedule | Kind::ScheduleGroup | Kind::Rule | Kind::Alarm => {
            Box::pin(events::find(kind, aws, stack)).await
        }
        Kind::Function | Kind::Instance | Kind::Volume | Kind::Address | Kind::LaunchTemplate | Kind::KeyPair => {
            Box::pin(compute::find(kind, aws, stack)).await
        }
        Kind::Service | Kind::TaskDefinition | Kind::ContainerInstance | Kind::Cluster | Kind::Repository => {
            Box::pin(containers::find(kind, aws, stack)).await
        }
        Kind::Profile | Kind::Role => Box::pin(identity::find(kind, aws, stack)).await,
        Kind::Queue | Kind::Secret | Kind::LogGroup => Box::pin(stores::find(kind, aws, stack)).await,
        _ => Box::pin(network::find(kind, aws, stack)).await,
    }
}

/// Removes one; that it is gone already is as good.
async fn remove(leftover: &Leftover, aws: &Session) -> Result<(), Refusal> {
    match leftover.kind {
        Kind::Schedule | Kind::ScheduleGroup | Kind::Rule | Kind::Alarm => {
            Box::pin(events::remove(leftover, aws)).await
        }
        Kind::Function | Kind::Instance | Kind::Volume | Kind::Address | Kind::LaunchTemplate | Kind::KeyPair => {
            Box::pin(compute::remove(leftover, aws)).await
        }
        Kind::Service | Kind::TaskDefinition | Kind::ContainerInstance | Kind::Cluster | Kind::Repository => {
            Box::pin(containers::remove(leftover, aws)).await
        }
        Kind::Profile | Kind::Role => Box::pin(identity::remove(leftover, aws)).await,
        Kind::Queue | Kind::Secret | Kind::LogGroup => Box::pin(stores::remove(leftover, aws)).await,
        _ => Box::pin(network::remove(leftover, aws)).await,
    }
}
