//! Clients that come, ask, begin and cancel runs, follow them at their own pace, and go.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::command::{AgentRequest, RunRequest, Update};
use protocol::snapshot::Snapshot;
use protocol::{Event, Operation, RunId, RunState};
use stack::client::AgentClient;
use tokio::sync::mpsc;

use super::world::{World, name_of};

/// What one client saw from a snapshot on.
#[derive(Default)]
pub(crate) struct Sight {
    /// The number that its snapshot goes up to, and the latest that it saw.
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) run: Option<RunState>,
    /// The durable events after the snapshot.
    pub(crate) durable: Vec<Event>,
}

impl Sight {
    fn see(&mut self, event: Event) {
        self.to = event.seq;
        match (&mut self.run, RunState::begin(&event)) {
            (run, Some(begun)) => *run = Some(begun),
            (Some(run), None) => run.apply(&event),
            (None, None) => {}
        }
        if event.kind.is_durable() {
            self.durable.push(event);
        }
    }
}

/// All that clients of one agent saw, also those that are still looking.
pub(crate) type Sights = Arc<Mutex<Vec<Sight>>>;

/// Does some things that clients do.
pub(crate) async fn live(world: Arc<World>, sights: Sights) {
    for _ in 0..=world.below(4) {
        world.pause(Duration::from_secs(2)).await;
        let client = AgentClient::new(world.folder.clone());
        match world.below(14) {
            0..=2 => follow(&world, &client, &sights).await,
            3..=5 => begin(&world, &client, Operation::Up).await,
            6 => begin(&world, &client, Operation::Refresh).await,
            7 => begin(&world, &client, Operation::Plan).await,
            8 => begin(&world, &client, Operation::Down).await,
            9 => {
                let cancelled = client.ask::<()>(&AgentRequest::Cancel(())).await;
                world.tell(format!("a client cancels: {}", cancelled.is_ok()));
            }
            10 => {
                let snapshot = client.ask::<Snapshot>(&AgentRequest::Snapshot(())).await;
                let state = snapshot.ok().flatten().map(|snapshot| snapshot.state);
                world.tell(format!("a client asks: {state:?}"));
            }
            11 => world.end_one_process(),
            _ => {
                // It is being started again, more or less, when the run begins.
                world.end_one_process();
                world.pause(Duration::from_secs(4)).await;
                begin(&world, &client, if world.below(2) == 0 { Operation::Up } else { Operation::Down }).await;
            }
        }
    }
}

async fn begin(world: &World, client: &AgentClient, operation: Operation) {
    let begun = client.ask::<RunId>(&AgentRequest::Start(RunRequest::plain(operation))).await;
    let how = match begun {
        Ok(Some(_)) => "begun".to_owned(),
        Ok(None) => "nobody there".to_owned(),
        Err(failure) => failure.summary,
    };
    world.tell(format!("a client says {}: {how}", operation.verb()));
}

/// Attaches, reads for some time with pauses of its own, and hangs up.
async fn follow(world: &Arc<World>, client: &AgentClient, sights: &Sights) {
    let Ok(Some(attached)) = client.attach_if_there().await else { return world.tell("a client finds nobody") };
    let (sender, mut updates) = mpsc::channel(1);
    let passing = tokio::spawn(async move { attached.pass_on(&sender).await });
    let patience = Duration::from_millis(200 + world.below(8000));
    let mut mine = None;
    let reading = async {
        while let Some(update) = updates.recv().await {
            match update {
                Update::Snapshot(snapshot) => {
                    let Snapshot { seq, run, .. } = *snapshot;
                    world.tell(format!("a client sees a snapshot up to {seq}"));
                    let mut sights = sights.lock().unwrap();
                    mine = Some(sights.len());
                    sights.push(Sight { from: seq, to: seq, run, durable: Vec::new() });
                }
                Update::Events(events) => {
                    for event in events {
                        if event.kind.is_durable() {
                            world.tell(format!("a client sees {} {}", event.seq, name_of(&event.kind)));
                        }
                        sights.lock().unwrap()[mine.expect("a snapshot comes first")].see(event);
                    }
                }
                Update::Ended => return world.tell("a client sees the end"),
            }
            if world.goes_wrong(20) {
                world.pause(Duration::from_secs(1)).await;
            }
        }
    };
    if tokio::time::timeout(patience, reading).await.is_err() {
        world.tell("a client hangs up");
    }
    passing.abort();
}
