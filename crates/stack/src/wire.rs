//! Between a stack's agent and its clients: a local socket, and on it one JSON value a line.

use std::io;
use std::path::{Path, PathBuf};

use protocol::Failure;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{UnixListener, UnixStream};

/// A connection to or from an agent.
pub type Connection = BufStream<UnixStream>;

/// The version of what is said on the socket. Raised by a change that an older side would misunderstand.
pub const PROTOCOL: u32 = 2;

/// Bytes of the longest line that is read: some hundred times a snapshot with all that it can hold.
const LONGEST_LINE: u64 = 64 << 20;

/// What the agent answers to a request: first who it is, then the result.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Who answers. Agents of the first protocol did not say it.
    Hello(Hello),
    /// The result, as JSON.
    Result(serde_json::Value),
    /// Why there is none.
    Failed(Failure),
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// What it speaks, see [`PROTOCOL`].
    pub protocol: u32,
    /// The version of RetailFlow that it is of.
    pub version: String,
    /// Its process.
    pub pid: u32,
}

impl Hello {
    /// This program's own.
    pub fn own() -> Self {
        Self { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id() }
    }

    /// Refuses to talk to one that speaks otherwise.
    pub fn understood(&self) -> Result<(), Failure> {
        if self.protocol == PROTOCOL { Ok(()) } else { Err(stranger(&self.version, Some(self.pid))) }
    }
}

/// The failure to talk to an agent of another version.
pub fn stranger(version: &str, pid: Option<u32>) -> Failure {
    let process = pid.map_or("its process".to_owned(), |pid| format!("its process ({pid})"));
    Failure::environment("The stack's agent is of another version of RetailFlow")
        .cause(format!("it is of version {version}, this program of {}", env!("CARGO_PKG_VERSION")))
        .hint(format!(
            "Let the run that is under way end, then end {process}: the stack's services go on, and the next command that \
             begins a run starts an agent of this version."
        ))
}

/// An agent's socket, open.
pub struct Door {
    listener: UnixListener,
    path: PathBuf,
    /// Device and number of its file.
    file: (u64, u64),
}

impl Door {
    /// Waits for a client.
    pub async fn accept(&self) -> io::Result<Connection> {
        self.listener.accept().await.map(|(stream, _)| BufStream::new(stream))
    }

    /// Whether clients still find it: what cleans temporary folders up removes sockets too.
    pub fn is_there(&self) -> bool {
        identity(&self.path).is_ok_and(|file| file == self.file)
    }
}

/// Listens. The caller holds the stack's lock, so a socket that is already there is a dead agent's.
///
/// Its folder is open to this user alone (to nobody else's reading or writing, if root runs us), so only this user
/// can connect.
pub fn listen(path: &Path) -> Result<Door, Failure> {
    let bind = || {
        remove(path)?;
        let listener = UnixListener::bind(path)?;
        restrict(path)?;
        Ok(Door { listener, path: path.to_owned(), file: identity(path)? })
    };
    bind().map_err(|error: io::Error| {
        Failure::environment(format!("The agent's socket {} could not be opened", path.display())).source(&error)
    })
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Connects to a listening agent; `None` if nobody listens, or the agent ends before it takes the connection.
pub async fn connect(path: &Path) -> io::Result<Option<Connection>> {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, NotFound};
    match UnixStream::connect(path).await {
        Ok(stream) => Ok(Some(BufStream::new(stream))),
        Err(error) if matches!(error.kind(), NotFound | ConnectionRefused | ConnectionReset) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a socket's file; one that is not there is success.
pub fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn restrict(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

/// Writes a value as one line.
pub async fn write_line(to: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}

/// Reads a value from one line; `None` at the end. A line that is longer than any that is said is not read to its end.
pub async fn read_line<T: DeserializeOwned>(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    match from.take(LONGEST_LINE).read_until(b'\n', &mut line).await? {
        0 => return Ok(None),
        read if read as u64 == LONGEST_LINE => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a line of more than {LONGEST_LINE} bytes"),
            ));
        }
        _ => {}
    }
    serde_json::from_slice(&line).map(Some).map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_listens_where_nothing_is_or_an_agent_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        assert!(connect(&path).await.unwrap().is_none(), "no socket");
        let listener = UnixListener::bind(&path).unwrap();
        let (met, ()) = tokio::join!(connect(&path), async { drop(listener) });
        assert!(met.unwrap().is_none(), "killed with a connection that it had not taken");
        assert!(connect(&path).await.unwrap().is_none(), "a dead agent's socket");
    }

    #[tokio::test]
    async fn a_socket_that_was_removed_or_replaced_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let door = listen(&path).unwrap();
        assert!(door.is_there());
        let other = listen(&path).unwrap();
        assert!(other.is_there() && !door.is_there());
        remove(&path).unwrap();
        assert!(!other.is_there());
    }
}
