//! Clients with credentials, renewed when those run out.

use std::sync::Arc;
use std::time::Duration;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::token_cache::RegistryTokenType;
use oci_client::{Client, Reference, RegistryOperation};
use protocol::Failure;
use tokio::sync::Mutex;

use super::trouble::Trouble;
use crate::limits::Limits;
use crate::login::{Login, Logins};

/// A client and the credentials it uses.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) auth: RegistryAuth,
    /// Counts the renewals, so that ten requests refused at once renew once.
    number: u64,
}

impl Session {
    /// Saves the question how to log in: ECR, among others, takes user and password with every request. A registry
    /// that does not will refuse them, and the session after this one asks.
    pub(super) async fn presume(&self, reference: &Reference) {
        if let (RegistryAuth::Basic(user, password), 0) = (&self.auth, self.number) {
            for operation in [RegistryOperation::Pull, RegistryOperation::Push] {
                let login = RegistryTokenType::Basic(user.clone(), password.clone());
                self.client.tokens.insert(reference, operation, login).await;
            }
        }
    }
}

/// Makes sessions; at any time there is at most one in use.
pub(super) struct Sessions {
    address: String,
    plain: bool,
    connect: Duration,
    answer: Duration,
    logins: Arc<dyn Logins>,
    current: Mutex<Option<Session>>,
}

impl Sessions {
    pub(super) fn new(address: &str, plain: bool, logins: Arc<dyn Logins>, limits: &Limits) -> Self {
        let Limits { connect, answer, .. } = *limits;
        Self { address: address.to_owned(), plain, connect, answer, logins, current: Mutex::new(None) }
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
        let login =
            tokio::time::timeout(self.answer, self.logins.login()).await.map_err(|_| Trouble::silent(self.answer))?;
        let auth = match login?.map(Login::into_parts) {
            Some((user, password)) => RegistryAuth::Basic(user, password),
            None => RegistryAuth::Anonymous,
        };
        // The library keeps the first credentials it sees, so fresh ones take a fresh client.
        let client = self.client()?;
        let registry = Reference::with_tag(self.address.clone(), String::new(), String::new());
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
