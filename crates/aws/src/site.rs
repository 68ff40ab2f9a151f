//! Where one stack in AWS is, and with which settings it was made. Everything of it starts from here.

use std::sync::Arc;

use engine::journal;
use protocol::service::StackState;
use protocol::{AwsConfig, Failure, Operation, RunOutcome, ShopConfig, StackName};
use stack::StackFolder;

use crate::session;
use crate::tunnels::Tunnels;

/// One stack's place and settings.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) folder: StackFolder,
    pub(crate) name: StackName,
    pub(crate) shop: ShopConfig,
    pub(crate) config: Arc<AwsConfig>,
    pub(crate) tunnels: Arc<Tunnels>,
}

impl Site {
    /// Signs in as the stack's settings say; the secret half of a key comes from the keyring.
    pub(crate) async fn session(&self) -> Result<cloud::Session, Failure> {
        session::open(&self.config.place()).await
    }

    /// Where the stack stands between runs, as its journal tells. To plan is to change nothing.
    pub(crate) fn state(&self) -> StackState {
        // Of what cannot be read, the worst is assumed.
        let Ok(runs) = journal::summaries(&self.folder.runs(), usize::MAX) else { return StackState::Partial };
        match runs.into_iter().find(|run| run.operation != Some(Operation::Plan)) {
            None => StackState::New,
            Some(run) if run.operation == Some(Operation::Up) && run.outcome == Some(RunOutcome::Succeeded) => {
                StackState::Up
            }
            Some(_) => StackState::Partial,
        }
    }
}
