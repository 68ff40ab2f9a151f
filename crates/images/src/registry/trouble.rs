//! What can go wrong with a registry, and what is said of it.

use std::time::Duration;

use oci_client::errors::{DigestError, OciDistributionError as Error, OciEnvelope, OciErrorCode};
use protocol::{Blame, Failure};

/// Why an attempt came to nothing.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// No connection could be made.
    Unreachable(String),
    /// The connection broke, or nothing moved on it for too long.
    Lost(String),
    /// It answered that it cannot answer now.
    Overloaded(String),
    /// It wants other credentials.
    Refused(String),
    /// What was asked for is not there.
    Missing(String),
    /// It understood, and will not.
    Rejected(String),
    /// What came is not what its digest promises.
    Damaged(String),
    /// It does not speak as the specification says.
    Odd(String),
    /// Not the registry's doing: a file, or credentials that could not be had.
    Elsewhere(Failure),
}

impl Trouble {
    /// That nothing came for so long.
    pub(crate) fn silent(limit: Duration) -> Self {
        Self::Lost(format!("nothing came for {limit:?}"))
    }

    /// Whether another attempt may fare better.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Lost(_) | Self::Overloaded(_))
    }

    /// The trouble as its user sees it. `doing` continues “… while”, for example “reading the image a/b:1”.
    pub(crate) fn explain(self, registry: &str, doing: &str) -> Failure {
        const RESUME: &str = "What has arrived stays there: run the same again, and only the rest is sent.";
        let environment = |summary: String, cause: String| Failure::environment(summary).cause(cause);
        match self {
            Self::Unreachable(cause) => environment(format!("{registry} could not be reached while {doing}"), cause)
                .hint(format!("Check the network; a proxy or a firewall may be in the way. {RESUME}")),
            Self::Lost(cause) => {
                environment(format!("The connection to {registry} broke while {doing}"), cause).hint(RESUME)
            }
            Self::Overloaded(cause) => environment(format!("{registry} kept failing while {doing}"), cause)
                .hint(format!("Its own status page may know more. {RESUME}")),
            Self::Refused(cause) => {
                Failure::new(Blame::User, format!("{registry} refused the credentials while {doing}"))
                    .cause(cause)
                    .hint("Check that they are still valid and that they allow reading from and pushing to it.")
            }
            Self::Missing(cause) => {
                Failure::new(Blame::User, format!("{registry} does not have what was asked for while {doing}"))
                    .cause(cause)
                    .hint("Check its name and its digest, and that the repository exists.")
            }
            Self::Rejected(cause) => environment(format!("{registry} would not go along while {doing}"), cause)
                .hint("Its answer says why; it will be the same until that is mended."),
            Self::Damaged(cause) => environment(format!("Bytes came out damaged while {doing} ({registry})"), cause)
                .hint("Run the same again; if it happens again, something on the way changes what passes."),
            Self::Odd(cause) => environment(format!("{registry} gave an unexpected answer while {doing}"), cause)
                .hint("It may not be a container registry, or a proxy may have answered in its place."),
            Self::Elsewhere(failure) => failure,
        }
    }

    fn of_status(status: u16, text: String) -> Self {
        match status {
            401 | 403 => Self::Refused(text),
            404 => Self::Missing(text),
            408 | 429 | 500.. => Self::Overloaded(text),
            _ => Self::Rejected(text),
        }
    }

    fn of_envelope(envelope: &OciEnvelope) -> Self {
        let text = words(envelope);
        match envelope.errors.first().map(|error| &error.code) {
            Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => Self::Refused(text),
            Some(
                OciErrorCode::NameUnknown
                | OciErrorCode::ManifestUnknown
                | OciErrorCode::BlobUnknown
                | OciErrorCode::NotFound,
            ) => Self::Missing(text),
            Some(OciErrorCode::Toomanyrequests) => Self::Overloaded(text),
            _ => Self::Rejected(text),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::RequestError(error) => {
                // The address would say little and fill lines: uploads carry their state in it.
                let error = error.without_url();
                let text = chain(&error);
                match error.status() {
                    Some(status) => Self::of_status(status.as_u16(), text),
                    None if error.is_connect() => Self::Unreachable(text),
                    None => Self::Lost(text),
                }
            }
            Error::ServerError { code, message, .. } if doubts_digest(&message) => {
                Self::Damaged(answer(code, &message))
            }
            Error::ServerError { code, message, .. } => Self::of_status(code, answer(code, &message)),
            Error::RegistryError { envelope, .. } => Self::of_envelope(&envelope),
            Error::UnauthorizedError { .. } => Self::Refused("it answered 401".to_owned()),
            Error::AuthenticationFailure(text) => Self::Refused(text),
            Error::ImageManifestNotFoundError(text) => Self::Missing(text),
            Error::DigestError(error) => Self::Damaged(error.to_string()),
            // The library checks bytes as they pass.
            Error::IoError(error) if matches!(error.get_ref(), Some(inner) if inner.is::<DigestError>()) => {
                Self::Damaged(error.to_string())
            }
            Error::IoError(error) => Self::Lost(error.to_string()),
            other => Self::Odd(other.to_string()),
        }
    }
}

/// What an answer with an error status says: the registry's own words, or the start of whatever page came.
fn answer(status: u16, body: &str) -> String {
    const LONGEST: usize = 300;
    let said = match serde_json::from_str::<OciEnvelope>(body) {
        Ok(envelope) => words(&envelope),
        Err(_) => body.trim().chars().take(LONGEST).collect(),
    };
    if said.is_empty() { format!("it answered {status}") } else { format!("it answered {status}: {said}") }
}

/// Whether a registry says that what it got is not what was announced.
fn doubts_digest(body: &str) -> bool {
    let envelope = serde_json::from_str::<OciEnvelope>(body);
    envelope.is_ok_and(|envelope| envelope.errors.iter().any(|error| error.code == OciErrorCode::DigestInvalid))
}

fn words(envelope: &OciEnvelope) -> String {
    let words = envelope.errors.iter().map(|error| {
        // The code as it was on the wire.
        let code = serde_json::to_value(&error.code).unwrap_or_default();
        format!("{}: {}", code.as_str().unwrap_or("error"), error.message)
    });
    words.collect::<Vec<_>>().join("; ")
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    Failure::environment("").source(error).causes.join(": ")
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Elsewhere(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_error(code: u16, message: &str) -> Trouble {
        Error::ServerError { code, url: String::new(), message: message.to_owned() }.into()
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (status, passes) in [(429, true), (500, true), (503, true), (400, false), (401, false), (404, false)] {
            assert_eq!(server_error(status, "").passes(), passes, "{status}");
        }
    }

    #[test]
    fn the_registrys_own_words_are_the_cause() {
        let body = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}"#;
        let failure = server_error(404, body).explain("localhost:5000", "asking for an image");
        assert_eq!(failure.causes, ["it answered 404: NAME_UNKNOWN: repository name not known to registry"]);
        let page = server_error(502, &format!("<html>{}", "x".repeat(10_000))).explain("r", "asking");
        assert!(page.causes[0].starts_with("it answered 502: <html>x") && page.causes[0].len() < 400);
    }
}
