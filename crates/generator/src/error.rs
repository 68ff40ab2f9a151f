//! What can go wrong while the shop is written, in words a user can act on.

use std::error::Error as _;
use std::time::Duration;

use tokio_postgres::error::SqlState;

/// Why the shop could not be written. Its text says what was attempted and why that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no connection to be had.
    #[error("could not connect to PostgreSQL: {}", reason(.cause))]
    Connect {
        /// The driver's account of it.
        cause: tokio_postgres::Error,
    },
    /// The server accepts connections but does not speak.
    #[error("PostgreSQL did not answer within {} s", .after.as_secs())]
    NoAnswer {
        /// How long was waited.
        after: Duration,
    },
    /// A statement failed or the connection broke.
    #[error("{action} failed: {}", reason(.cause))]
    Query {
        /// What was being done.
        action: &'static str,
        /// The driver's account of it.
        cause: tokio_postgres::Error,
    },
    /// The server lacks what the shop's schema needs.
    #[error("PostgreSQL {found} is too old: the shop needs version 14 or newer")]
    ServerTooOld {
        /// The server's version.
        found: String,
    },
    /// A setting is out of its range.
    #[error("{setting} is {value}: it must be {must_be}")]
    InvalidConfig {
        /// The setting's name.
        setting: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        must_be: &'static str,
    },
    /// The database holds a shop grown from another seed.
    #[error(
        "the database holds a shop with seed {existing}, and seed {asked} was asked for: \
         go on with seed {existing}, or start with an empty database"
    )]
    SeedMismatch {
        /// The seed of the shop that is there.
        existing: i64,
        /// The seed asked for.
        asked: i64,
    },
    /// The shop has not been opened.
    #[error("the database holds no shop yet: write its history first")]
    NotOpened,
    /// Live ticks were asked for while days of history are missing.
    #[error("the shop's history still lacks {days} days: write them first")]
    HistoryIncomplete {
        /// How many days are missing.
        days: i64,
    },
    /// A tick was to be written before the ticks it follows from.
    #[error("tick {asked} cannot be written: the next one is {expected}")]
    OutOfOrder {
        /// The tick asked for.
        asked: i64,
        /// The only one that can be written now.
        expected: i64,
    },
    /// The generating thread stopped before its tick was complete.
    #[error("generating tick {tick} stopped early, which is a bug")]
    GeneratorStopped {
        /// The tick it worked on.
        tick: i64,
    },
    /// The caller cancelled; what was not committed is rolled back.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// Whether trying again later, on a new connection if need be, may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { cause } | Self::Query { cause, .. } => is_transient(cause),
            Self::NoAnswer { .. } => true,
            _ => false,
        }
    }
}

/// Attaches what was being done to the driver's errors.
pub(crate) trait During<T> {
    fn during(self, action: &'static str) -> Result<T, Error>;
}

impl<T> During<T> for Result<T, tokio_postgres::Error> {
    fn during(self, action: &'static str) -> Result<T, Error> {
        self.map_err(|cause| Error::Query { action, cause })
    }
}

/// The server's own words where there are any: the driver says just "db error".
fn reason(cause: &tokio_postgres::Error) -> String {
    if let Some(error) = cause.as_db_error() {
        let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        return format!("{}{detail} [{}]", error.message(), error.code().code());
    }
    match cause.source() {
        Some(source) => format!("{cause}: {source}"),
        None => cause.to_string(),
    }
}

fn is_transient(cause: &tokio_postgres::Error) -> bool {
    match cause.code() {
        Some(code) => is_transient_state(code),
        None => cause.is_closed() || cause.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>),
    }
}

/// Lost connections, a full server, a restart, a deadlock. Not: wrong passwords, missing tables, bad data.
fn is_transient_state(code: &SqlState) -> bool {
    const CLASSES: [&str; 4] = ["08", "40", "53", "58"];
    const RESTARTS: [SqlState; 3] = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW];
    CLASSES.iter().any(|class| code.code().starts_with(class)) || RESTARTS.contains(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_waited_for_and_mistakes_are_not() {
        for code in ["57P01", "57P03", "08006", "53300", "53100", "40P01"] {
            assert!(is_transient_state(&SqlState::from_code(code)), "{code}");
        }
        for code in ["28P01", "3D000", "42P01", "23505", "57014"] {
            assert!(!is_transient_state(&SqlState::from_code(code)), "{code}");
        }
    }

    #[test]
    fn messages_say_what_to_do() {
        let text = Error::SeedMismatch { existing: 1, asked: 2 }.to_string();
        assert!(text.contains("go on with seed 1"), "{text}");
        let text = Error::OutOfOrder { asked: 9, expected: 4 }.to_string();
        assert_eq!(text, "tick 9 cannot be written: the next one is 4");
    }
}
