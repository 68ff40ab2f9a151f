//! A stack at rest: no agent looks after it, so whoever asks about it looks for himself. Nothing is started for that.

use std::time::Duration;

use agent::{Observer, Pending};
use engine::{blocking, journal};
use protocol::Failure;
use protocol::command::Update;
use protocol::snapshot::Snapshot;
use stack::StackFolder;
use stack::client::{AgentClient, Attached};
use tokio::sync::mpsc::Sender;

use crate::targets::target_of;

/// How often an agent is looked for that may have been started meanwhile.
const ROUND: Duration = Duration::from_millis(250);

/// The stack as it stands.
pub(super) async fn snapshot(folder: StackFolder) -> Result<Snapshot, Failure> {
    let eyes = observer(folder).await?;
    let statuses = eyes.ask().await?;
    eyes.see(&statuses);
    Ok(eyes.snapshot().0)
}

/// Tells of the stack until an agent looks after it, then what that one tells. [`Update::Ended`] comes last, also when the
/// stack is removed.
pub(super) async fn watch(folder: StackFolder, to: Sender<Update>) -> Result<(), Failure> {
    let agent = AgentClient::new(folder.clone());
    let eyes = observer(folder.clone()).await?;
    eyes.look_around().await?;
    tokio::spawn(async move {
        let attended = tokio::select! {
            attended = until_attended(&folder, &agent) => attended,
            () = tell(&eyes, &to) => return,
            () = to.closed() => return,
        };
        // Its snapshot makes void what was told at rest.
        match attended {
            Some(attached) => attached.pass_on(&to).await,
            None => drop(to.send(Update::Ended).await),
        }
    });
    Ok(())
}

async fn observer(folder: StackFolder) -> Result<Observer, Failure> {
    blocking(move || {
        let config = folder.config()?;
        let history = journal::peek(&folder.runs())?;
        let target = target_of(&folder, &config);
        Ok(Observer::new(folder, config, target, history))
    })
    .await
}

/// Waits for an agent; `None` if the stack goes instead.
async fn until_attended(folder: &StackFolder, agent: &AgentClient) -> Option<Attached> {
    loop {
        tokio::time::sleep(ROUND).await;
        // One that cannot be asked is one that cannot be followed: then it goes on as it was.
        if let Ok(Some(attached)) = agent.attach_if_there().await {
            return Some(attached);
        }
        // Another one may have been made in its place meanwhile.
        if !folder.config_file().exists() || folder.now() != *folder {
            return None;
        }
    }
}

/// Looks and tells, until nobody listens.
async fn tell(eyes: &Observer, to: &Sender<Update>) {
    let telling = async {
        let (snapshot, events) = eyes.snapshot();
        let mut next = Some(Update::Snapshot(Box::new(snapshot)));
        let mut pending = Pending::new(events);
        loop {
            while let Some(update) = next.take().or_else(|| pending.take(|| eyes.snapshot())) {
                if to.send(update).await.is_err() {
                    return;
                }
            }
            pending.gather().await;
        }
    };
    tokio::select! {
        () = telling => {}
        () = eyes.watch_services() => {}
        () = eyes.watch_shop() => {}
    }
}
