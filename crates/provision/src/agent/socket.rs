//! The agent's local socket. On Windows this module becomes a named pipe; nothing else knows what it is.

use std::io;
use std::path::Path;

use protocol::Failure;
use tokio::io::BufStream;
use tokio::net::{UnixListener, UnixStream};

/// A connection to or from an agent.
pub(crate) type Connection = BufStream<UnixStream>;

/// Listens. The caller holds the stack's lock, so a socket that is already there is a dead agent's.
///
/// Its folder is open to this user alone (to nobody else's reading or writing, if root runs us), so only this user
/// can connect.
pub(crate) fn listen(path: &Path) -> Result<UnixListener, Failure> {
    let bind = || {
        remove(path)?;
        let listener = UnixListener::bind(path)?;
        restrict(path)?;
        Ok(listener)
    };
    bind().map_err(|error: io::Error| {
        Failure::environment(format!("The agent's socket {} could not be opened", path.display())).source(&error)
    })
}

/// Connects to a listening agent.
pub(crate) async fn connect(path: &Path) -> io::Result<Connection> {
    UnixStream::connect(path).await.map(BufStream::new)
}

/// The connection of an accepted stream.
pub(crate) fn accepted(stream: UnixStream) -> Connection {
    BufStream::new(stream)
}

/// Removes a socket's file; one that is not there is success.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn restrict(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}
