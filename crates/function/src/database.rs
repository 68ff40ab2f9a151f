//! Where the shop's database is, and what opens it.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config as AwsConfig, Credentials, Region};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use generator::Writer;
use serde::Deserialize;
use tokio_postgres::Config;

use crate::error::Error;
use crate::settings::Settings;

/// The database that the service PostgreSQL makes at its first start.
const DATABASE: &str = "shop";

/// How long Secrets Manager may take. Without a way to it, its client would use up the call.
const SECRET_DEADLINE: Duration = Duration::from_secs(20);

/// What the server is to do for this connection: notice within a minute that the function's host is gone. It would
/// hold the lock of the tick that was being written for hours otherwise, and keep every later one waiting.
const SESSION: &str = "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3";

/// What the secret holds. Without `Debug`, so that it cannot get into a log.
#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

/// Connects, with a login that is fetched each time: it lives no longer than the connection.
///
/// # Errors
/// If the secret cannot be had `within` a time, or the database not be reached with it.
pub(crate) async fn connect(settings: &Settings, within: Duration) -> Result<Writer, Error> {
    let secret = || settings.secret.clone();
    let after = within.min(SECRET_DEADLINE);
    let login = tokio::time::timeout(after, login(&settings.secret))
        .await
        .map_err(|_| Error::NoSecret { secret: secret(), reason: format!("no answer within {after:.0?}") })??;
    let mut config = Config::new();
    config.host(&settings.host).port(settings.port).dbname(DATABASE).options(SESSION);
    config.user(login.username).password(login.password);
    Writer::connect(&config).await.map_err(|reason| {
        let host = settings.host.clone();
        if reason.is_transient() {
            Error::NoDatabase { host, reason }
        } else {
            Error::DatabaseRefused { host, secret: secret(), reason }
        }
    })
}

async fn login(secret: &str) -> Result<Login, Error> {
    let answer = client()?.get_secret_value().secret_id(secret).send().await;
    let answer = answer.map_err(|error| failure(secret.to_owned(), &error))?;
    // What the parser says of it is not told: it may quote the secret.
    serde_json::from_str(answer.secret_string().unwrap_or_default())
        .map_err(|_| Error::SecretUnreadable { secret: secret.to_owned() })
}

/// A client with the credentials that Lambda lends the function. There are no others for it to look for, and the code
/// that would look for them would be a quarter of the program.
fn client() -> Result<Client, Error> {
    let set = |name| std::env::var(name).map_err(|_| Error::NotInLambda { name });
    let session = std::env::var("AWS_SESSION_TOKEN").ok();
    let credentials =
        Credentials::new(set("AWS_ACCESS_KEY_ID")?, set("AWS_SECRET_ACCESS_KEY")?, session, None, "Lambda");
    let mut config = AwsConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(set("AWS_REGION")?))
        .credentials_provider(credentials);
    config.set_endpoint_url(std::env::var("AWS_ENDPOINT_URL").ok());
    Ok(Client::from_conf(config.build()))
}

/// Why there is no secret, in the words for people alone: an answer as the programmer sees it may hold the secret.
fn failure(secret: String, error: &SdkError<GetSecretValueError>) -> Error {
    if let (Some(code), Some(message)) = (error.code(), error.message()) {
        return Error::SecretRefused { secret, reason: format!("{code}: {message}") };
    }
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    Error::NoSecret { secret, reason: causes.map(ToString::to_string).collect::<Vec<_>>().join(": ") }
}
