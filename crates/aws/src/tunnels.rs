//! Tunnels to the stack's hosts: one for each, opened when it is first needed and again when it broke.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Lock};

use cloud::Session;
use engine::lock;
use protocol::{AwsPlace, Failure};
use tokio::sync::Mutex;
use tunnel::{Key, Stream, Tunnel};

use crate::session;

/// A host's tunnel, if it was opened; locked while it is being opened, so that nobody opens another beside it.
type Slot = Arc<Mutex<Option<Tunnel>>>;

/// The tunnels of a stack, by the role of their host.
#[derive(Default)]
pub(crate) struct Tunnels(Lock<BTreeMap<&'static str, Slot>>);

impl Tunnels {
    /// A stream to a port that listens on the loopback of a role's host.
    pub(crate) async fn stream_to(
        &self,
        place: &AwsPlace,
        stack: &str,
        role: &'static str,
        port: u16,
    ) -> Result<Stream, Failure> {
        let slot = self.slot(role);
        let mut slot = slot.lock().await;
        let tunnel = match slot.take().filter(Tunnel::is_open) {
            Some(tunnel) => tunnel,
            None => open(&session::open(place).await?, stack, role).await?,
        };
        slot.insert(tunnel).connect(port).await
    }

    /// Closes the tunnel to a role's host, if there is one.
    pub(crate) async fn close(&self, role: &'static str) {
        if let Some(tunnel) = self.slot(role).lock().await.take() {
            tunnel.close().await;
        }
    }

    fn slot(&self, role: &'static str) -> Slot {
        lock(&self.0).entry(role).or_default().clone()
    }
}

async fn open(session: &Session, stack: &str, role: &str) -> Result<Tunnel, Failure> {
    let passage = session.passage(stack, role).await?;
    let key = Key::new()?;
    session.admit(&passage, &key.public()).await?;
    let address = session.tunnel_address(&passage).await?;
    Tunnel::open(&address, cloud::passage::USER, key, &passage.host_keys).await
}
