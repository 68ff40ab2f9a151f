//! Signing in to the account's image registry.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use protocol::Failure;

use crate::failure::Answer;
use crate::session::Session;

/// A user and password of the account's registry, valid for twelve hours. It cannot be printed.
pub struct RegistryLogin {
    /// The registry's address, with its scheme.
    pub endpoint: String,
    /// The user, always `AWS`.
    pub user: String,
    /// The password.
    pub password: String,
    /// When it ceases to be valid, UTC, if AWS said so.
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryLogin").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Session {
    /// A fresh login of the account's image registry (ECR) in the session's region.
    pub async fn registry_login(&self) -> Result<RegistryLogin, Failure> {
        let answer = aws_sdk_ecr::Client::new(&self.config).get_authorization_token().send().await;
        let answer = answer.told("AWS gave no login to the image registry");
        let answer = answer.map_err(|refusal| refusal.failure(self.place()))?;
        let found = answer.authorization_data().first();
        let login = found.and_then(|data| {
            let until = data.expires_at().and_then(|at| Timestamp::from_second(at.secs()).ok());
            read(data.authorization_token()?, data.proxy_endpoint()?, until)
        });
        login
            .ok_or_else(|| Failure::environment("AWS gave no login to the image registry").cause("its answer is empty"))
    }
}

/// A token is `user:password` in base64.
fn read(token: &str, endpoint: &str, expires_at: Option<Timestamp>) -> Option<RegistryLogin> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(RegistryLogin {
        endpoint: endpoint.to_owned(),
        user: user.to_owned(),
        password: password.to_owned(),
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_user_and_password() {
        let login = read(&STANDARD.encode("AWS:hush:hush"), "https://registry.example", None).unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("AWS", "hush:hush"));
        assert!(!format!("{login:?}").contains("hush"));
        assert!(read("%%%", "x", None).is_none());
    }
}
