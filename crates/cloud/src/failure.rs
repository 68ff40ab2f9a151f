//! What AWS and its SDK complain of, in plain words and with a remedy.
//!
//! Every service has words of its own for the same few reasons; they are read here once, and whoever asked goes by the
//! [`Reason`] alone.

use std::error::Error;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use protocol::{AwsAccess, AwsPlace, Failure};

/// Why AWS did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The session of the credentials is over.
    Expired,
    /// There are no credentials, or not those of the profile.
    NoCredentials,
    /// AWS does not know the credentials.
    Unknown,
    /// This computer's clock is wrong.
    Skewed,
    /// The credentials lack a permission.
    Denied,
    /// A limit of the account is reached.
    Quota,
    /// AWS asks to be asked less often.
    Throttled,
    /// Something else still needs it, or it is still changing.
    InUse,
    /// It does not exist.
    Gone,
    /// AWS was not reached.
    Unreachable,
    /// AWS was reached and did not answer in time.
    Late,
    /// AWS has trouble of its own.
    Broken,
    /// None of these.
    Other,
}

impl Reason {
    /// Whether the same call can succeed later, without anybody's doing.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Self::Throttled | Self::InUse | Self::Unreachable | Self::Late | Self::Broken)
    }

    /// Whether every other call fails for the same reason.
    pub(crate) fn is_everywhere(self) -> bool {
        matches!(self, Self::Expired | Self::NoCredentials | Self::Unknown | Self::Skewed)
    }
}

/// A call that AWS did not answer as hoped.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) summary: String,
    pub(crate) reason: Reason,
    /// What AWS or the SDK said.
    pub(crate) words: String,
}

/// Reads the answer of a call.
pub(crate) trait Answer<T> {
    /// The answer, or what to tell, of which `summary` says what happened.
    fn told(self, summary: &str) -> Result<T, Refusal>;

    /// The answer; none if what was asked about does not exist.
    fn if_there(self, summary: &str) -> Result<Option<T>, Refusal>;
}

impl<T, E, R> Answer<T> for Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    fn told(self, summary: &str) -> Result<T, Refusal> {
        self.map_err(|error| {
            let service = error.as_service_error();
            let code = service.and_then(ProvideErrorMetadata::code).unwrap_or_default();
            let message = service.and_then(ProvideErrorMetadata::message);
            let reason = match &error {
                SdkError::TimeoutError(_) => Some(Reason::Late),
                // It answered, but with what nobody can read.
                SdkError::ResponseError(_) | SdkError::ServiceError(_) => Some(Reason::Broken),
                _ => None,
            };
            Refusal::read(summary, reason, code, message, || chain_of(&error))
        })
    }

    fn if_there(self, summary: &str) -> Result<Option<T>, Refusal> {
        match self.told(summary) {
            Ok(answer) => Ok(Some(answer)),
            Err(refusal) if refusal.is_gone() => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }
}

impl Refusal {
    /// Without a code, `chain` is all there is to say: the error with everything beneath it. It also tells the reason,
    /// if that is not known.
    fn read(
        summary: &str,
        reason: Option<Reason>,
        code: &str,
        message: Option<&str>,
        chain: impl Fn() -> String,
    ) -> Self {
        let (reason, words) = if code.is_empty() {
            let chain = chain();
            (reason.unwrap_or_else(|| unanswered(&chain.to_lowercase())), chain)
        } else {
            let message = message.unwrap_or("it said no more");
            (answered(code, message), format!("{code}: {}", without_blob(message)))
        };
        Self { summary: summary.to_owned(), reason, words }
    }

    /// What AWS said beside an answer of success.
    pub(crate) fn of(summary: &str, code: &str, message: Option<&str>) -> Self {
        let code = if code.is_empty() { "unknown" } else { code };
        Self::read(summary, None, code, message, String::new)
    }

    /// Whether what was asked about does not exist.
    pub(crate) fn is_gone(&self) -> bool {
        self.reason == Reason::Gone
    }

    /// As people see it.
    pub(crate) fn failure(&self, place: &AwsPlace) -> Failure {
        Failure::environment(&self.summary).cause(&self.words).hint(self.remedy(place))
    }

    /// What to do about it.
    pub(crate) fn remedy(&self, place: &AwsPlace) -> String {
        let again = "then run the command again: it goes on where it stopped";
        match self.reason {
            Reason::Expired => sign_in_again(place, again),
            Reason::NoCredentials => no_credentials(place),
            Reason::Unknown => format!(
                "Check the credentials, and that {} is enabled for the account: AWS does not know them there.",
                place.region
            ),
            Reason::Skewed => format!("Set this computer's clock, {again}."),
            Reason::Denied => match self.denied_action() {
                Some(action) => format!("Ask whoever administers the account to allow {action}, {again}."),
                None => format!("Ask whoever administers the account for this permission, {again}."),
            },
            Reason::Quota => {
                format!("Ask for more under “Service Quotas” in AWS's console, or remove what is not needed, {again}.")
            }
            Reason::Throttled => format!("AWS asks to be asked less often: wait a minute, {again}."),
            Reason::Unreachable => {
                format!("Check the network, and that {} is a region of AWS, {again}.", place.region)
            }
            Reason::InUse | Reason::Late | Reason::Broken => format!("Wait a few minutes, {again}."),
            Reason::Gone | Reason::Other => {
                "Run the command again; if it fails in the same way, AWS's status page may say more.".to_owned()
            }
        }
    }

    /// The action that was refused, such as `ec2:RunInstances`, if AWS named it.
    pub(crate) fn denied_action(&self) -> Option<&str> {
        let rest = self.words.split_once("not authorized to perform: ")?.1;
        let action = rest.split([' ', ',']).next()?.trim_end_matches('.');
        action.contains(':').then_some(action)
    }
}

/// The reason behind a code.
fn answered(code: &str, message: &str) -> Reason {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired" => Reason::Expired,
        "RequestTimeTooSkewed" | "RequestInTheFuture" => Reason::Skewed,
        "SignatureDoesNotMatch" | "InvalidSignatureException" if says(&["expired", "not yet current"]) => {
            Reason::Skewed
        }
        "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "AuthFailure"
        | "UnrecognizedClientException"
        | "IncompleteSignature"
        | "MissingAuthenticationToken" => Reason::Unknown,
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "AuthorizationError" => Reason::Denied,
        "Gateway.NotAttached" | "ServiceNotActiveException" | "QueueDoesNotExist" => Reason::Gone,
        // EC2 has no code of its own for an interface that is still attached.
        "InvalidParameterValue" if says(&["currently in use"]) => Reason::InUse,
        _ => by_shape(code),
    }
}

/// Codes of one reason look alike: `VpcLimitExceeded`, `InvalidVpcID.NotFound`, `ClusterContainsTasksException`.
fn by_shape(code: &str) -> Reason {
    let code = code.trim_end_matches("Exception");
    let any = |words: &[&str]| words.iter().any(|word| code.contains(word));
    if matches!(code, "Server" | "Service") {
        Reason::Broken
    } else if any(&["Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown", "PriorRequestNotComplete"]) {
        Reason::Throttled
    } else if any(&["NotFound", "NoSuch", "NonExistentQueue"]) {
        Reason::Gone
    } else if any(&[
        "DependencyViolation",
        "InUse",
        "DeleteConflict",
        "Conflict",
        "ClusterContains",
        "IncorrectState",
        "IncorrectInstanceState",
        "OperationAborted",
        "ConcurrentModification",
        "UpdateInProgress",
    ]) {
        Reason::InUse
    } else if any(&["LimitExceeded", "QuotaExceeded"]) {
        Reason::Quota
    } else if any(&["InternalError", "InternalFailure", "InternalServer", "InternalService", "Unavailable"]) {
        Reason::Broken
    } else {
        Reason::Other
    }
}

/// The reason why there was no answer; `chain` in lower case.
fn unanswered(chain: &str) -> Reason {
    let any = |words: &[&str]| words.iter().any(|word| chain.contains(word));
    let credentials = any(&["credential", "profile", "sso", "token", "identity"]);
    if credentials && any(&["expired", "refresh", "cached sso token"]) {
        Reason::Expired
    } else if credentials
        && any(&["no providers in chain", "not defined", "did not contain", "not properly configured"])
    {
        Reason::NoCredentials
    } else if any(&["timed out", "timeout"]) {
        Reason::Late
    } else if any(&["dispatch failure", "dns error", "connect", "io error"]) && !credentials {
        Reason::Unreachable
    } else if credentials {
        Reason::NoCredentials
    } else {
        Reason::Other
    }
}

/// An error and everything beneath it, outermost first.
fn chain_of(error: &dyn Error) -> String {
    let mut words = vec![error.to_string()];
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        // Many errors repeat their source in their own text.
        if words.last().is_none_or(|last| !last.contains(&text)) {
            words.push(text);
        }
        next = error.source();
    }
    words.join(": ")
}

/// EC2 ends a refusal with a blob that only its own API can decode.
fn without_blob(message: &str) -> &str {
    message.split("Encoded authorization failure message").next().unwrap_or(message).trim_end()
}

fn sign_in_again(place: &AwsPlace, again: &str) -> String {
    match &place.access {
        AwsAccess::Profile { name } => {
            format!("The session has expired: run `aws sso login --profile {name}`, {again}.")
        }
        _ => format!("The session has expired: sign in again, {again}."),
    }
}

fn no_credentials(place: &AwsPlace) -> String {
    match &place.access {
        AwsAccess::Profile { name } => format!(
            "Profile {name} gives no credentials: `aws configure sso --profile {name}` sets it up, and `aws sso login \
             --profile {name}` signs in."
        ),
        _ => "There are no credentials: sign in with `aws configure sso`, choose a profile, or give an access key."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
