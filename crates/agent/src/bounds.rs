//! How much of its own past a stack keeps: runs and logs.

use engine::{blocking, journal};
use protocol::Failure;

use crate::Agent;

impl Agent {
    /// Removes runs beyond what is kept. That it cannot be done stops nothing.
    pub(crate) async fn forget_old_runs(&self) {
        let (runs, keep) = (self.eyes.folder.runs(), self.eyes.keep().runs);
        if let Err(failure) = blocking(move || journal::prune(&runs, keep as usize)).await {
            self.eyes.note(&failure.to_string());
        }
    }

    /// Puts aside what services have written, and this agent, where it has become too much.
    pub(crate) async fn bound_logs(&self) -> Result<(), Failure> {
        let (folder, limit) = (self.eyes.folder.logs(), u64::from(self.eyes.keep().log_megabytes) << 20);
        blocking(move || logs::bound_all(&folder, limit)).await
    }
}
