//! An OpenSSH server of the test's own behind a WebSocket, as an EC2 Instance Connect Endpoint is to one's client.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::{Bytes, Message};

const CONFIGURATION: &str = "\
LogLevel VERBOSE
UsePAM no
StrictModes no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding local
MaxSessions 0
";

/// The longest frame that AWS takes.
const FRAME: usize = 65_000;

/// The server. It ends with this.
pub(crate) struct Server {
    /// Where a tunnel to it is opened.
    pub(crate) address: String,
    /// Who may log in: whoever runs the test.
    pub(crate) user: String,
    folder: Arc<TempDir>,
    cut: Arc<Notify>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.path().join("host")));
        let files = format!(
            "HostKey {0}/host\nAuthorizedKeysFile {0}/admitted\nPidFile none\n{CONFIGURATION}",
            folder.path().display()
        );
        fs::write(folder.path().join("sshd_config"), files).unwrap();
        let user = run(Command::new("id").arg("-un")).trim().to_owned();
        if user == "root" {
            // As the system's own service does when it starts; without root the server does without.
            let _ = fs::create_dir("/run/sshd");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("ws://{}/openTunnel", listener.local_addr().unwrap());
        let server = Self { address, user, folder: folder.clone(), cut: Arc::default() };
        let cut = server.cut.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (folder, cut) = (folder.clone(), cut.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = serve(connection, folder.path()) => {}
                        () = cut.notified() => {}
                    }
                });
            }
        });
        server
    }

    pub(crate) fn host_keys(&self) -> Vec<String> {
        vec![fs::read_to_string(self.folder.path().join("host.pub")).unwrap().trim().to_owned()]
    }

    pub(crate) fn admit(&self, public_key: &str) {
        fs::write(self.folder.path().join("admitted"), format!("{public_key}\n")).unwrap();
    }

    /// What the server said of its logins.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Breaks every tunnel that is open, without a word.
    pub(crate) fn cut(&self) {
        self.cut.notify_waiters();
    }
}

/// A server for one connection, which ends with this.
struct Login(Child);

impl Drop for Login {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Carries between a WebSocket and a server of its own.
async fn serve(connection: TcpStream, folder: &Path) {
    let (mut outgoing, mut incoming) = accept_async(connection).await.unwrap().split();
    let (ours, theirs) = Pair::pair().unwrap();
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let _login = Login(
        Command::new("/usr/sbin/sshd")
            .args(["-i", "-e", "-f"])
            .arg(folder.join("sshd_config"))
            .stdin(Stdio::from(OwnedFd::from(theirs.try_clone().unwrap())))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(log)
            .spawn()
            .unwrap(),
    );
    ours.set_nonblocking(true).unwrap();
    let (mut from_host, mut to_host) = UnixStream::from_std(ours).unwrap().into_split();
    let up = async {
        while let Some(Ok(message)) = incoming.next().await {
            if let Message::Binary(bytes) = message {
                assert!(bytes.len() <= FRAME, "a frame of {} bytes", bytes.len());
                to_host.write_all(&bytes).await.unwrap();
            }
        }
    };
    let down = async {
        let mut buffer = vec![0; FRAME];
        while let Ok(length) = from_host.read(&mut buffer).await {
            let bytes = Bytes::copy_from_slice(&buffer[..length]);
            if length == 0 || outgoing.send(Message::Binary(bytes)).await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = up => {}, () = down => {} }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
