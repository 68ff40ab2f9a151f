//! Tunnels to the stack's hosts: one for each, opened when it is first needed and again when it broke.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Lock, PoisonError};

use protocol::Failure;
use tokio::sync::Mutex;
use tunnel::{Key, Stream, Tunnel};

use super::Aws;

/// A host's tunnel, if it was opened; locked while it is being opened, so that nobody opens another beside it.
type Slot = Arc<Mutex<Option<Tunnel>>>;

/// The tunnels of a stack, by the role of their host.
#[derive(Default)]
pub(super) struct Tunnels(Lock<BTreeMap<&'static str, Slot>>);

impl Tunnels {
    fn slot(&self, role: &'static str) -> Slot {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(role).or_default().clone()
    }
}

impl Aws {
    /// A stream to a port that listens on the loopback of a role's host.
    pub(super) async fn stream_to(&self, role: &'static str, port: u16) -> Result<Stream, Failure> {
        let slot = self.tunnels.slot(role);
        let mut slot = slot.lock().await;
        let tunnel = match slot.take().filter(Tunnel::is_open) {
            Some(tunnel) => tunnel,
            None => self.open_tunnel(role).await?,
        };
        slot.insert(tunnel).connect(port).await
    }

    async fn open_tunnel(&self, role: &str) -> Result<Tunnel, Failure> {
        let session = self.session().await?;
        let passage = session.passage(self.name.as_str(), role).await?;
        let key = Key::new()?;
        session.admit(&passage, &key.public()).await?;
        let address = session.tunnel_address(&passage).await?;
        Tunnel::open(&address, cloud::passage::USER, key, &passage.host_keys).await
    }

    /// Closes the tunnel to a role's host, if there is one.
    pub(super) async fn close_tunnel(&self, role: &'static str) {
        if let Some(tunnel) = self.tunnels.slot(role).lock().await.take() {
            tunnel.close().await;
        }
    }
}
