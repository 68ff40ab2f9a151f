//! The page's three commands.

use protocol::command::{Desk, DeskRequest, Update};
use protocol::{Failure, StackName};
use provision::LocalDesk;
use serde::de::DeserializeOwned;
use tauri::ipc::{Channel, CommandArg, CommandItem, InvokeError};
use tauri::{Runtime, State};

use crate::watches::Watches;

/// An argument the page sent. One that cannot be read is refused with a [`Failure`], like everything that goes wrong.
pub(crate) struct Sent<T>(T);

impl<'de, R: Runtime, T: DeserializeOwned> CommandArg<'de, R> for Sent<T> {
    fn from_command(command: CommandItem<'de, R>) -> Result<Self, InvokeError> {
        T::deserialize(command).map(Self).map_err(|error| unknown(&error).into())
    }
}

fn unknown(error: &serde_json::Error) -> Failure {
    Failure::bug("The window asked for something that this program does not know").source(error)
}

/// Gives a command at the desk.
#[tauri::command]
pub(crate) async fn rpc(desk: State<'_, LocalDesk>, request: Sent<DeskRequest>) -> Result<serde_json::Value, Failure> {
    desk.dispatch(request.0).await
}

/// Follows a stack: its snapshot and then its events go to the channel. Gives a number to end it with.
#[tauri::command]
pub(crate) async fn watch(
    desk: State<'_, LocalDesk>,
    watches: State<'_, Watches>,
    stack: Sent<StackName>,
    channel: Channel<Update>,
) -> Result<u32, Failure> {
    let watch = watches.begin();
    // Attaching may take as long as an agent takes to start; the page may be gone by then.
    let mut updates = watch.unless_ended(desk.watch(stack.0)).await.ok_or_else(Failure::cancelled)??;
    let number = watch.number();
    tauri::async_runtime::spawn(async move {
        while let Some(Some(update)) = watch.unless_ended(updates.recv()).await {
            if channel.send(update).is_err() {
                return;
            }
        }
    });
    Ok(number)
}

/// Ends a watch; one that has ended already is fine.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "Tauri hands state over by value")]
pub(crate) fn unwatch(watches: State<'_, Watches>, watch: Sent<u32>) {
    watches.end(watch.0);
}
