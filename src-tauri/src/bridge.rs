//! The page's three commands.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use protocol::command::{Desk, DeskRequest, Update};
use protocol::{Failure, StackName};
use provision::LocalDesk;
use tauri::State;
use tauri::ipc::Channel;
use tokio_util::sync::CancellationToken;

/// The stacks the page follows, by the number it was given for each.
#[derive(Default)]
pub(crate) struct Watches {
    last: AtomicU32,
    running: Mutex<HashMap<u32, CancellationToken>>,
}

impl Watches {
    fn add(&self) -> (u32, CancellationToken) {
        let watch = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let stop = CancellationToken::new();
        self.lock().insert(watch, stop.clone());
        (watch, stop)
    }

    fn end(&self, watch: u32) {
        if let Some(stop) = self.lock().remove(&watch) {
            stop.cancel();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u32, CancellationToken>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a command at the desk.
#[tauri::command]
pub(crate) async fn rpc(desk: State<'_, LocalDesk>, request: DeskRequest) -> Result<serde_json::Value, Failure> {
    desk.dispatch(request).await
}

/// Follows a stack: its snapshot and then its events go to the channel. Gives a number to end it with.
#[tauri::command]
pub(crate) async fn watch(
    desk: State<'_, LocalDesk>,
    watches: State<'_, Watches>,
    stack: StackName,
    channel: Channel<Update>,
) -> Result<u32, Failure> {
    let mut updates = desk.watch(stack).await?;
    let (watch, stop) = watches.add();
    tauri::async_runtime::spawn(async move {
        while let Some(Some(update)) = stop.run_until_cancelled(updates.recv()).await {
            // A page that was closed or loaded afresh no longer listens.
            if channel.send(update).is_err() {
                return;
            }
        }
    });
    Ok(watch)
}

/// Ends a watch; one that has ended already is fine.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "Tauri hands state over by value")]
pub(crate) fn unwatch(watches: State<'_, Watches>, watch: u32) {
    watches.end(watch);
}
