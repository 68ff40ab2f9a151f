//! Why a call failed, in the words of the function's log.

use std::time::Duration;

/// What went wrong, why, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{name} is not set: run the stack again, which sets it")]
    Unset { name: &'static str },
    #[error("{name} is not set, which AWS Lambda sets: this program runs there alone")]
    NotInLambda { name: &'static str },
    #[error("{name} is {text:?}, which is no number it can be: run the stack again, which sets it")]
    NoNumber { name: &'static str, text: String },
    #[error("the function's settings make no shop: {reason}. Run the stack again, which sets them")]
    NoShop { reason: generator::Error },
    #[error(
        "the event has no time that the shop could be brought to ({reason}): call the function by its rule in \
         EventBridge, or with an event like {{\"time\": \"2026-11-23T09:44:00Z\"}}"
    )]
    NoTime { reason: serde_json::Error },
    #[error(
        "Secrets Manager did not give {secret}: {reason}. The function's subnet needs the endpoint of Secrets Manager; \
         the next call tries again"
    )]
    NoSecret { secret: String, reason: String },
    #[error(
        "Secrets Manager refused {secret}: {reason}. Run the stack again, which makes the secret and lets the function \
         read it"
    )]
    SecretRefused { secret: String, reason: String },
    #[error("the secret {secret} is not an object with username and password: run the stack again, which writes it")]
    SecretUnreadable { secret: String },
    #[error(
        "{host}: {reason}. The shop's PostgreSQL is starting or was stopped: see the service PostgreSQL; the next call \
         tries again"
    )]
    NoDatabase { host: String, reason: generator::Error },
    #[error(
        "{host}: {reason}. PostgreSQL keeps the login and the database that it was first started with: the secret \
         {secret} must hold that login"
    )]
    DatabaseRefused { host: String, secret: String, reason: generator::Error },
    #[error("{reason}. What was written stays, and the next call goes on from there")]
    Interrupted { reason: generator::Error },
    #[error(transparent)]
    Shop(generator::Error),
    #[error(
        "a day of history takes longer than the {within:.0?} of a call: give the stack fewer orders a minute, or the \
         function more time"
    )]
    DayTooLong { within: Duration },
    #[error(
        "the shop was not brought to its time within {within:.0?}: PostgreSQL does not answer, or another session \
         locks the shop's tables; the next call tries again"
    )]
    Stuck { within: Duration },
}

impl From<generator::Error> for Error {
    fn from(reason: generator::Error) -> Self {
        if reason.is_transient() { Self::Interrupted { reason } } else { Self::Shop(reason) }
    }
}
