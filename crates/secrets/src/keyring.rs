//! The keyring of the operating system.

use protocol::Failure;

use crate::Secret;

/// The operating system's keyring (Secret Service, Keychain, Credential Manager). Its calls block for up to
/// hundreds of milliseconds, so each runs on a thread of its own.
#[derive(Clone, Debug)]
pub struct Keyring {
    service: String,
}

impl Keyring {
    /// The entries of one service, for example `retailflow/demo`.
    pub fn new(service: impl Into<String>) -> Self {
        Self { service: service.into() }
    }

    /// Stores a secret under a name, replacing an earlier one.
    pub async fn store(&self, name: &str, secret: Secret) -> Result<(), Failure> {
        self.with_entry(name, move |entry| entry.set_password(secret.expose())).await
    }

    /// Reads a secret; `None` if there is none of that name.
    ///
    /// A Secret Service that has no keyring yet says `None` too; it is [`Keyring::store`] that then fails.
    pub async fn read(&self, name: &str) -> Result<Option<Secret>, Failure> {
        self.with_entry(name, |entry| match entry.get_password() {
            Ok(value) => Ok(Some(Secret::new(value))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    /// Removes a secret; one that is not there is success.
    pub async fn remove(&self, name: &str) -> Result<(), Failure> {
        self.with_entry(name, |entry| match entry.delete_credential() {
            Err(keyring::Error::NoEntry) => Ok(()),
            other => other,
        })
        .await
    }

    async fn with_entry<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&keyring::Entry) -> keyring::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (service, name) = (self.service.clone(), name.to_owned());
        let result = tokio::task::spawn_blocking(move || work(&keyring::Entry::new(&service, &name)?)).await;
        result
            .map_err(|error| Failure::bug("The keyring call did not end").source(&error))?
            .map_err(|error| unavailable(&error))
    }
}

fn unavailable(error: &keyring::Error) -> Failure {
    // The keyring is looked for once a process; later calls only say that there is none, the first one knows why.
    let error = match (error, keyring::Entry::store_status()) {
        (keyring::Error::NoDefaultStore, Err(why)) => why,
        _ => error,
    };
    Failure::environment("The keyring of this computer cannot be used").source(error).hint(
        "RetailFlow keeps secrets nowhere else. On Linux, log in to a desktop session or start and unlock a \
         Secret Service such as gnome-keyring, then start RetailFlow again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        assert!(!format!("{:?}", Secret::new("hunter2-hunter2".to_owned())).contains("hunter2"));
    }
}
