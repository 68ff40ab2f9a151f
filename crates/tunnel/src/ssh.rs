//! A login at a host, and streams to its ports.

use std::sync::Arc;
use std::time::Duration;

use protocol::{Blame, Failure};
use russh::client::{self, Handle, Handler};
use russh::keys::key::safe_rng;
use russh::keys::{Algorithm, PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelStream, Disconnect, Preferred};
use tokio::time::timeout;

use crate::socket;

/// How long each may take: to open the tunnel, to log in, to reach a port.
const DEADLINE: Duration = Duration::from_secs(20);

/// How often the host is asked whether it is there while nothing else is said, and how often in vain before the tunnel
/// counts as broken: after a computer's sleep, or a change of its network.
const KEEPALIVE: Duration = Duration::from_secs(10);
const KEEPALIVES: usize = 3;

/// The loopback of a host.
const LOOPBACK: &str = "127.0.0.1";

/// A stream to a port.
pub type Stream = ChannelStream<client::Msg>;

/// What logs this computer in. It is in memory only, and made anew for each tunnel.
pub struct Key(PrivateKey);

impl Key {
    /// A new one.
    pub fn new() -> Result<Self, Failure> {
        let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519);
        key.map(Self).map_err(|error| Failure::environment("An SSH key could not be made").source(&error))
    }

    /// Its public half in OpenSSH's form.
    pub fn public(&self) -> String {
        // Of an Ed25519 key, nothing can be missing.
        self.0.public_key().to_openssh().unwrap_or_default()
    }
}

/// A login at a host. It ends when this is dropped.
pub struct Tunnel {
    ssh: Handle<Pinned>,
}

impl Tunnel {
    /// Opens the WebSocket at `address`, and logs in as `user` at a host that shows one of `host_keys` (in OpenSSH's
    /// form).
    pub async fn open(address: &str, user: &str, key: Key, host_keys: &[String]) -> Result<Self, Failure> {
        let known: Vec<_> = host_keys.iter().filter_map(|key| PublicKey::from_openssh(key).ok()).collect();
        let socket = in_time("the tunnel", Box::pin(socket::open(address))).await??;
        let config = Arc::new(config(&known));
        let login = async {
            let mut ssh =
                client::connect_stream(config, socket, Pinned(known)).await.map_err(|error| stranger(&error))?;
            let key = PrivateKeyWithHashAlg::new(Arc::new(key.0), None);
            let answer = ssh.authenticate_publickey(user, key).await.map_err(|error| broken(&error))?;
            if answer.success() { Ok(Self { ssh }) } else { Err(not_admitted(user)) }
        };
        in_time("the host's login", login).await?
    }

    /// Whether it still leads there, as far as is known.
    pub fn is_open(&self) -> bool {
        !self.ssh.is_closed()
    }

    /// A stream to a port of the host's loopback.
    pub async fn connect(&self, port: u16) -> Result<Stream, Failure> {
        let opened = self.ssh.channel_open_direct_tcpip(LOOPBACK, u32::from(port), LOOPBACK, 0);
        let channel = in_time("the host", opened).await?.map_err(|error| match error {
            russh::Error::ChannelOpenFailure(_) => {
                Failure::environment(format!("Nothing answers at port {port} of the host"))
                    .cause("the service there does not run, or not yet")
                    .hint("`retailflow status` shows how the services are.")
            }
            error => broken(&error),
        })?;
        Ok(channel.into_stream())
    }

    /// Says goodbye.
    pub async fn close(&self) {
        // A tunnel that is broken already needs none.
        let _ = timeout(DEADLINE, self.ssh.disconnect(Disconnect::ByApplication, "", "")).await;
    }
}

fn config(known: &[PublicKey]) -> client::Config {
    // So that a host with several keys shows one that is known, and that can be checked: RSA is not compiled in.
    let algorithms: Vec<_> =
        known.iter().map(PublicKey::algorithm).filter(|one| !matches!(one, Algorithm::Rsa { .. })).collect();
    client::Config {
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES,
        preferred: Preferred { key: algorithms.into(), ..Preferred::default() },
        ..client::Config::default()
    }
}

/// The keys of the one host that is trusted.
struct Pinned(Vec<PublicKey>);

impl Handler for Pinned {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        // A key's comment is no part of it.
        Ok(matches!(shown, PublicKeyOrCertificate::PublicKey { key, .. }
            if self.0.iter().any(|known| known.key_data() == key.key_data())))
    }
}

async fn in_time<T>(whom: &str, work: impl Future<Output = T>) -> Result<T, Failure> {
    timeout(DEADLINE, work).await.map_err(|_| {
        Failure::environment(format!("There was no answer from {whom} within {} seconds", DEADLINE.as_secs()))
            .hint("It is tried again; if it goes on, look whether the host is well with `retailflow status`.")
    })
}

fn stranger(error: &russh::Error) -> Failure {
    match error {
        russh::Error::UnknownKey | russh::Error::NoCommonAlgo { .. } => {
            Failure::new(Blame::Environment, "Whoever answers at the end of the tunnel is not the host")
                .cause("it shows another SSH key than the host told on its console")
                .hint("Nothing was sent to it. If the host was just started again, wait until it tells its keys anew.")
        }
        error => broken(error),
    }
}

fn not_admitted(user: &str) -> Failure {
    Failure::environment("The host does not let this computer in")
        .cause(format!("its key for {user} was refused; AWS admits one for a minute"))
        .hint("It is tried again with a new one.")
}

fn broken(error: &russh::Error) -> Failure {
    Failure::environment("The tunnel to the host broke").source(error).hint("It is opened again.")
}
