//! Secrets: kept in the operating system's keyring, never printed, never serialised, and taken out of whatever is told.

mod keyring;
mod redact;

use secrecy::{ExposeSecret, SecretString};

pub use self::keyring::Keyring;
pub use self::redact::Redactor;

/// A secret in memory. It has no `Serialize`, its `Debug` says nothing, and it is wiped when dropped.
#[derive(Clone, Debug)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a value that must not be seen again.
    pub fn new(value: String) -> Self {
        Self(SecretString::from(value))
    }

    /// The value, for the one call that needs it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}
