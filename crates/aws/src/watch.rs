//! How a stack in AWS is, asked of AWS seldom: what it says changes by the minute, and every question is a request.

use std::time::Duration;

use protocol::Failure;
use protocol::service::{ServiceStatus, StackState};
use protocol::shop::Invocation;
use tokio::time::timeout;

use crate::site::Site;

/// How often AWS is asked how everything is.
pub(crate) const ROUND: Duration = Duration::from_secs(15);

/// How long a look may take.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// How far back the shop's calls are asked for, in minutes.
const CALLS_SPAN: u32 = 60;

impl Site {
    /// Everything of the stack that can be well or unwell; nothing before there is a stack.
    pub(crate) async fn statuses(&self) -> Result<Vec<ServiceStatus>, Failure> {
        if self.state() == StackState::New {
            return Ok(Vec::new());
        }
        self.in_time(async |session| cloud::watch::statuses(&session, self.name.as_str()).await).await
    }

    /// The shop's latest calls, newest first.
    pub(crate) async fn invocations(&self) -> Result<Vec<Invocation>, Failure> {
        if self.state() == StackState::New {
            return Ok(Vec::new());
        }
        self.in_time(async |session| cloud::watch::invocations(&session, self.name.as_str(), CALLS_SPAN).await).await
    }

    pub(crate) async fn in_time<T>(
        &self,
        ask: impl AsyncFnOnce(cloud::Session) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let asked = async { ask(self.session().await?).await };
        timeout(DEADLINE, asked).await.unwrap_or_else(|_| {
            Err(Failure::environment(format!("AWS did not answer within {} seconds", DEADLINE.as_secs()))
                .hint("It is asked again; check this computer's connection."))
        })
    }
}
