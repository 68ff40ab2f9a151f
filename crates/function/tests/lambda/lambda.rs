//! AWS Lambda on loopback, as far as a function sees it: the runtime API, and the process that is started for calls.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hyper::body::Bytes;
use hyper::{Method, Request, Response};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

use crate::http::{self, Server};

/// Names a program to test in place of the one that was built with the tests, such as the one for Amazon Linux.
const PROGRAM: &str = "RETAILFLOW_TEST_FUNCTION";

/// Of the role that Lambda lends a function.
pub(crate) const SESSION_TOKEN: &str = "a session of the function's role";

/// The time of a call unless a test says otherwise, as Terraform gives it.
const TIMEOUT: Duration = Duration::from_mins(2);

/// What a call ended with: its result, or the error that AWS would show.
pub(crate) type Answer = Result<Value, Value>;

/// A call that waits to be fetched, or to be answered.
struct Invocation {
    id: String,
    event: String,
    deadline: SystemTime,
}

/// The runtime API of one execution environment.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
struct Api {
    queue: AsyncMutex<mpsc::UnboundedReceiver<Invocation>>,
    waiting: Mutex<BTreeMap<String, oneshot::Sender<Answer>>>,
}

impl Api {
    async fn handle(&self, request: Request<Bytes>) -> http::Answer {
        let path: Vec<_> = request.uri().path().split('/').skip(1).collect();
        match (request.method(), &path[..]) {
            (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => self.next().await,
            (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
                self.ended(id, serde_json::from_slice(request.body()).map_err(|_| Value::Null))
            }
            (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => {
                self.ended(id, Err(serde_json::from_slice(request.body()).unwrap_or_default()))
            }
            (method, _) => http::answer(404, format!("{method} {} is not of the runtime API", request.uri())),
        }
    }

    /// The next call; until there is one, the function is frozen.
    async fn next(&self) -> http::Answer {
        let Some(Invocation { id, event, deadline }) = self.queue.lock().await.recv().await else {
            return http::answer(500, "the environment is being shut down");
        };
        let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970").as_millis();
        Response::builder()
            .header("Lambda-Runtime-Aws-Request-Id", id)
            .header("Lambda-Runtime-Deadline-Ms", deadline.to_string())
            .header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:eu-central-1:123456789012:function:shop-generator",
            )
            .header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419")
            .header("Content-Type", "application/json")
            .body(Bytes::from(event).into())
            .expect("an answer")
    }

    fn ended(&self, id: &str, answer: Answer) -> http::Answer {
        match self.waiting.lock().expect("the calls").remove(id) {
            Some(waiting) => {
                let _ = waiting.send(answer);
                http::answer(202, r#"{"status":"OK"}"#)
            }
            None => http::answer(400, r#"{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#),
        }
    }
}

/// The function's process in an execution environment of its own. It is killed with this value.
pub(crate) struct Function {
    api: Arc<Api>,
    calls: mpsc::UnboundedSender<Invocation>,
    called: AtomicUsize,
    answers: Arc<Mutex<Vec<Answer>>>,
    log: PathBuf,
    process: Child,
    _server: Server,
}

impl Function {
    /// Starts it with the variables of a stack. What it prints is added to `log`, and what it answers to `answers`.
    pub(crate) async fn start(
        variables: &BTreeMap<&str, String>,
        log: &Path,
        answers: &Arc<Mutex<Vec<Answer>>>,
    ) -> Self {
        let (calls, queue) = mpsc::unbounded_channel();
        let api = Arc::new(Api { queue: AsyncMutex::new(queue), waiting: Mutex::default() });
        let shared = Arc::clone(&api);
        let server = Server::start(move |request| {
            let api = Arc::clone(&shared);
            async move { api.handle(request).await }
        })
        .await;
        let output = || File::options().create(true).append(true).open(log).expect("the log");
        let program = std::env::var_os(PROGRAM).unwrap_or_else(|| env!("CARGO_BIN_EXE_retailflow-function").into());
        let process = Command::new(program)
            .env_clear()
            .envs(reserved_variables())
            .env("AWS_LAMBDA_RUNTIME_API", server.address.to_string())
            .envs(variables)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output())
            .stderr(output())
            .kill_on_drop(true)
            .spawn()
            .expect("the function's program");
        let (called, answers, log) = (AtomicUsize::new(0), Arc::clone(answers), log.to_owned());
        Self { api, calls, called, answers, log, process, _server: server }
    }

    /// Calls it with an event, and waits for the answer.
    pub(crate) async fn call(&self, event: &str) -> Answer {
        self.call_within(TIMEOUT, event).await
    }

    /// Calls it with an event and so much time to answer. It must keep to it: AWS would cut it off.
    pub(crate) async fn call_within(&self, limit: Duration, event: &str) -> Answer {
        let answer = self.begin(limit, event);
        let Ok(Ok(answer)) = tokio::time::timeout(limit, answer).await else {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            panic!("the function did not answer within {limit:?}; its log:\n{log}");
        };
        self.answers.lock().expect("the answers").push(answer.clone());
        answer
    }

    /// Calls it with an event, without waiting.
    pub(crate) fn begin(&self, limit: Duration, event: &str) -> oneshot::Receiver<Answer> {
        let (waiting, answer) = oneshot::channel();
        let id = format!("8476a536-e9f4-11e8-9739-{:012x}", self.called.fetch_add(1, Ordering::Relaxed));
        self.api.waiting.lock().expect("the calls").insert(id.clone(), waiting);
        let call = Invocation { id, event: event.to_owned(), deadline: SystemTime::now() + limit };
        assert!(self.calls.send(call).is_ok(), "the environment is there");
        answer
    }

    /// Kills it at once, as AWS does when a call is over its time.
    pub(crate) async fn kill(mut self) {
        self.process.kill().await.expect("killing the function");
    }
}

/// What Lambda sets for every function.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
fn reserved_variables() -> [(&'static str, &'static str); 13] {
    [
        ("_HANDLER", "bootstrap"),
        ("AWS_ACCESS_KEY_ID", "ASIAQWERTYUIOPASDFGH"),
        ("AWS_SECRET_ACCESS_KEY", "a key of the function's role"),
        ("AWS_SESSION_TOKEN", SESSION_TOKEN),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_NAME", "shop-generator"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/shop-generator"),
        ("TZ", ":UTC"),
    ]
}
