//! Credentials of a registry, and where they come from.

use std::fmt;

use async_trait::async_trait;
use protocol::Failure;

/// A user and password of a registry. It cannot be printed or serialised.
#[derive(Clone)]
pub struct Login {
    user: String,
    password: String,
}

impl Login {
    /// A user and password.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    pub(crate) fn into_parts(self) -> (String, String) {
        (self.user, self.password)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Gives the credentials of one registry.
///
/// It is asked before the first request, and once more for a request whose credentials the registry refuses: tokens
/// run out in the middle of a push. Each time it must give fresh ones.
#[async_trait]
pub trait Logins: Send + Sync {
    /// Credentials that are valid now; `None` to go without.
    async fn login(&self) -> Result<Option<Login>, Failure>;
}

/// For registries that let anybody read.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous;

#[async_trait]
impl Logins for Anonymous {
    async fn login(&self) -> Result<Option<Login>, Failure> {
        Ok(None)
    }
}

/// A login that stays as it is.
#[async_trait]
impl Logins for Login {
    async fn login(&self) -> Result<Option<Login>, Failure> {
        Ok(Some(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let shown = format!("{:?}", Login::new("AWS", "hunter2"));
        assert!(shown.contains("AWS") && !shown.contains("hunter2"), "{shown}");
    }
}
