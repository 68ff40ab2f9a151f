//! A registry, asked with patience: deadlines on everything, retries for what passes, fresh credentials when refused.

mod ask;
mod blob;
mod chunks;
mod download;
mod session;
mod trouble;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use oci_client::Reference;
use protocol::{Blame, Failure};

use crate::limits::Limits;
use crate::login::Logins;

use session::Sessions;
pub(crate) use trouble::Trouble;

/// A container registry. Clones share its connections.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    address: String,
    limits: Limits,
    sessions: Sessions,
}

impl Registry {
    /// The registry at an address, for example `123456789012.dkr.ecr.eu-central-1.amazonaws.com`. Nothing is sent yet.
    ///
    /// It is spoken to over TLS, except on this computer's loopback.
    pub fn new(address: &str, logins: Arc<dyn Logins>, limits: Limits) -> Result<Self, Failure> {
        let parsed = format!("{address}/name").parse::<Reference>();
        // What does not look like a host would silently become part of a name on Docker Hub.
        if !parsed.as_ref().is_ok_and(|reference| reference.registry() == address) {
            return Err(Failure::new(Blame::User, format!("“{address}” is not the address of a registry"))
                .hint("It is a host name, and a port if need be: registry.example.com:5000."));
        }
        let sessions = Sessions::new(address, is_loopback(address), logins, &limits);
        Ok(Self { shared: Arc::new(Shared { address: address.to_owned(), limits, sessions }) })
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    fn tagged(&self, repository: &str, tag: &str) -> Reference {
        Reference::with_tag(self.address().to_owned(), repository.to_owned(), tag.to_owned())
    }

    fn by_digest(&self, repository: &str, digest: &str) -> Reference {
        Reference::with_digest(self.address().to_owned(), repository.to_owned(), digest.to_owned())
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").field(&self.shared.address).finish()
    }
}

/// Whether an address, with or without a port, is this computer.
fn is_loopback(address: &str) -> bool {
    let host = match address.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => address,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::Anonymous;

    #[test]
    fn only_this_computer_is_spoken_to_without_tls() {
        for local in ["localhost", "localhost:5000", "127.0.0.1:1", "127.1.2.3", "[::1]:5000"] {
            assert!(is_loopback(local), "{local}");
        }
        for far in ["example.com", "localhost.example.com:5000", "10.0.0.1:5000", "127.0.0.1.example.com", "[::2]:1"] {
            assert!(!is_loopback(far), "{far}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let open = |address| Registry::new(address, Arc::new(Anonymous), Limits::default());
        assert!(open("localhost:5000").is_ok());
        assert!(open("public.ecr.aws").is_ok());
        for wrong in ["", "shop", "https://example.com", "example.com/shop", "user@example.com"] {
            let failure = open(wrong).expect_err(wrong);
            assert!(failure.summary.contains("is not the address of a registry"), "{failure}");
        }
    }
}
