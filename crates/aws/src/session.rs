//! Signing in, with the secret half of a key from the OS keyring.

use cloud::Session;
use protocol::aws::AwsKey;
use protocol::{AwsAccess, AwsPlace, Blame, Failure};
use secrets::{Keyring, Secret};

/// The keyring's service; an access key is an entry under its public half.
const SERVICE: &str = "retailflow/aws";

/// Signs in.
pub async fn open(place: &AwsPlace) -> Result<Session, Failure> {
    let secret = secret(place).await?;
    Session::open(place, secret.map(|secret| secret.expose().to_owned())).await
}

/// What is signed in with, as far as it is in the keyring.
pub(crate) async fn secret(place: &AwsPlace) -> Result<Option<Secret>, Failure> {
    match &place.access {
        AwsAccess::Key { id } => Keyring::new(SERVICE).read(id).await,
        AwsAccess::Default | AwsAccess::Profile { .. } => Ok(None),
    }
}

/// Keeps an access key.
pub async fn keep(key: AwsKey) -> Result<(), Failure> {
    let secret = key.secret.into_inner();
    if key.id.trim().is_empty() || secret.is_empty() {
        return Err(Failure::new(Blame::User, "An access key has two halves")
            .hint("Give its public half, AKIA…, and its secret half."));
    }
    Keyring::new(SERVICE).store(&key.id, Secret::new(secret)).await
}
