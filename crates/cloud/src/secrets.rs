//! Logins that the stack's services share, from AWS Secrets Manager.

use std::fmt;

use protocol::Failure;
use serde::Deserialize;

use crate::failure::Answer;
use crate::session::Session;

/// A user and password. It cannot be printed.
#[derive(Deserialize)]
pub struct Login {
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

impl Session {
    /// The login that a secret of a stack holds, for example `postgres`, as Terraform wrote it.
    pub async fn login(&self, stack: &str, secret: &str) -> Result<Login, Failure> {
        let name = format!("{stack}/{secret}");
        let call = aws_sdk_secretsmanager::Client::new(&self.config).get_secret_value().secret_id(&name);
        let answer = call.send().await.told("AWS did not give a login of the stack");
        let answer = answer.map_err(|refusal| refusal.failure(self.place()))?;
        // What the text is, nobody may read in an error.
        answer.secret_string().and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| {
            Failure::environment(format!("The secret {name} holds no login"))
                .cause("it is to be an object with a username and a password")
                .hint("Somebody changed it; `retailflow down`, then `retailflow up`, makes it anew.")
        })
    }
}
