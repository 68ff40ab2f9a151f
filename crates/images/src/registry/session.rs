//! Clients with credentials, renewed when those run out.

use std::sync::Arc;
use std::time::Duration;

use oci_client::Client;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use protocol::Failure;
use tokio::sync::Mutex;

use super::trouble::Trouble;
use crate::login::{Login, Logins};

/// A client and the credentials it uses.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) auth: RegistryAuth,
    /// Counts the renewals, so that ten requests refused at once renew once.
    number: u64,
}

/// Makes sessions; at any time there is at most one in use.
pub(super) struct Sessions {
    address: String,
    plain: bool,
    connect: Duration,
    logins: Arc<dyn Logins>,
    current: Mutex<Option<Session>>,
}

impl Sessions {
    pub(super) fn new(address: &str, plain: bool, logins: Arc<dyn Logins>, connect: Duration) -> Self {
        Self { address: address.to_owned(), plain, connect, logins, current: Mutex::new(None) }
    }

    /// The session in use; the first caller opens it.
    pub(super) async fn current(&self) -> Result<Session, Trouble> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(session) => Ok(session.clone()),
            None => self.open(&mut current, 0).await,
        }
    }

    /// A session with fresh credentials in place of one whose credentials were refused.
    pub(super) async fn renewed(&self, refused: &Session) -> Result<Session, Trouble> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(session) if session.number > refused.number => Ok(session.clone()),
            _ => self.open(&mut current, refused.number + 1).await,
        }
    }

    async fn open(&self, slot: &mut Option<Session>, number: u64) -> Result<Session, Trouble> {
        let auth = match self.logins.login().await?.map(Login::into_parts) {
            Some((user, password)) => RegistryAuth::Basic(user, password),
            None => RegistryAuth::Anonymous,
        };
        // The library keeps the first credentials it sees, so fresh ones take a fresh client.
        let client = self.client()?;
        let registry = super::Reference::with_tag(self.address.clone(), String::new(), String::new());
        client.store_auth_if_needed(registry.resolve_registry(), &auth).await;
        let session = Session { client, auth, number };
        *slot = Some(session.clone());
        Ok(session)
    }

    fn client(&self) -> Result<Client, Failure> {
        let protocol =
            if self.plain { ClientProtocol::HttpsExcept(vec![self.address.clone()]) } else { ClientProtocol::Https };
        let config = ClientConfig {
            protocol,
            // One request a blob. In chunks, ECR drops what comes after the first.
            use_monolithic_push: true,
            connect_timeout: Some(self.connect),
            user_agent: concat!("retailflow/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        Client::try_from(config).map_err(|error| Failure::bug("The registry client could not be made").source(&error))
    }
}
