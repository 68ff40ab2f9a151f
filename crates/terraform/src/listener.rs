//! Whom a command at work is told to: the step it works for, and in tests an ear that remembers.

use async_trait::async_trait;
use engine::StepContext;
use protocol::{Level, ResourceAction};
use tokio_util::sync::CancellationToken;

/// What wants to hear of a command while it works.
#[async_trait]
pub trait Listener: Send + Sync {
    /// A line for the log.
    async fn log(&self, level: Level, line: &str);
    /// How many resources of how many are done, and what is being done, in words.
    fn progress(&self, done: u64, total: Option<u64>, words: String);
    /// A resource was made or removed.
    async fn resource(&self, action: ResourceAction, kind: &str, address: &str);
    /// Cancelled when the work should be brought to an orderly end.
    fn stopping(&self) -> &CancellationToken;
}

#[async_trait]
impl Listener for StepContext {
    async fn log(&self, level: Level, line: &str) {
        StepContext::log(self, level, line).await;
    }

    fn progress(&self, done: u64, total: Option<u64>, words: String) {
        StepContext::progress(self, done, total, "resources", words);
    }

    async fn resource(&self, action: ResourceAction, kind: &str, address: &str) {
        StepContext::resource(self, action, kind, address).await;
    }

    fn stopping(&self) -> &CancellationToken {
        self.cancellation()
    }
}
