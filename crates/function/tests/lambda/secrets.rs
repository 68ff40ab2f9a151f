//! AWS Secrets Manager on loopback, with the one secret that opens the shop's database.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::Request;
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::http::{Answer, Server, answer};

/// The ARN of the secret.
pub(crate) const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/postgres-a1b2c3";

/// What becomes of a request for the secret.
#[derive(Clone, Debug)]
pub(crate) enum Secret {
    /// It is given, with this as its string.
    Text(String),
    /// It is given, but as bytes.
    Binary,
    /// The answer is no answer of Secrets Manager.
    Garbled(String),
    /// It is refused with this code and message.
    Refused(&'static str, &'static str),
    /// There is no answer.
    Silence,
}

/// The service.
pub(crate) struct SecretsManager {
    server: Server,
    state: Arc<Mutex<(Secret, usize)>>,
}

impl SecretsManager {
    pub(crate) async fn start(secret: Secret) -> Self {
        let state = Arc::new(Mutex::new((secret, 0)));
        let shared = Arc::clone(&state);
        let server = Server::start(move |request| {
            let secret = {
                let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                state.1 += 1;
                state.0.clone()
            };
            async move { respond(&request, secret).await }
        })
        .await;
        Self { server, state }
    }

    /// Where AWS is, for a program that is to ask this one.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Changes what becomes of the requests that follow.
    pub(crate) fn set(&self, secret: Secret) {
        self.state.lock().expect("the state").0 = secret;
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> usize {
        self.state.lock().expect("the state").1
    }
}

async fn respond(request: &Request<Bytes>, secret: Secret) -> Answer {
    if let Err(wrong) = check(request) {
        return answer(400, json!({ "__type": "ValidationException", "message": wrong }).to_string());
    }
    match secret {
        Secret::Text(text) => answer(200, described(&json!({ "SecretString": text }))),
        Secret::Binary => answer(200, described(&json!({ "SecretBinary": "AAECAw==" }))),
        Secret::Garbled(text) => answer(200, text),
        Secret::Refused(code, message) => answer(400, json!({ "__type": code, "Message": message }).to_string()),
        Secret::Silence => std::future::pending().await,
    }
}

/// Whether it is a signed `GetSecretValue` of AWS's JSON protocol for the one secret; if not, what is wrong with it.
fn check(request: &Request<Bytes>) -> Result<(), String> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    for (what, is, must) in [
        ("method", request.method().as_str(), "POST"),
        ("target", header("x-amz-target"), "secretsmanager.GetSecretValue"),
        ("content type", header("content-type"), "application/x-amz-json-1.1"),
        ("session token", header("x-amz-security-token"), crate::lambda::SESSION_TOKEN),
        ("secret", body["SecretId"].as_str().unwrap_or_default(), ARN),
    ] {
        if is != must {
            return Err(format!("the {what} is {is:?} and must be {must:?}"));
        }
    }
    let signed = header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=")
        && header("authorization").contains("/eu-central-1/secretsmanager/aws4_request");
    if signed { Ok(()) } else { Err(format!("it is not signed: {}", header("authorization"))) }
}

fn described(value: &Value) -> String {
    let mut answer =
        json!({ "ARN": ARN, "Name": "shop/postgres", "VersionId": "0d1d4a8f-3f9a-4f0c-8c9e-6a2f5f0f2d11" });
    answer.as_object_mut().expect("an object").extend(value.as_object().expect("an object").clone());
    answer.to_string()
}
