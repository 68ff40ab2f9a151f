//! Talking to a stack's agent: one request a connection, one JSON value a line.

use std::time::Duration;

use engine::process::{Mark, ServiceSpec, spawn_detached};
use protocol::Failure;
use protocol::command::{AgentRequest, RunRequest, Update};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::agent::socket::{self, Connection};
use crate::home::StackFolder;
use crate::role::{self, Role};

/// How long an agent may take to answer on its socket after it was started.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// How long an agent may take to answer a request; each returns at once and lets its work go on.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

/// Updates that may wait for a slow reader before the agent's socket is no longer read.
const UPDATE_BACKLOG: usize = 64;

/// What the agent answers to a request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Result(serde_json::Value),
    Failed(Failure),
}

/// The agent of one stack, started when it is needed.
pub(crate) struct AgentClient {
    folder: StackFolder,
}

impl AgentClient {
    pub(crate) fn new(folder: StackFolder) -> Self {
        Self { folder }
    }

    pub(crate) async fn start(&self, run: RunRequest) -> Result<protocol::RunId, Failure> {
        self.call(&AgentRequest::Start(run)).await
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn call<T: DeserializeOwned>(&self, request: &AgentRequest) -> Result<T, Failure> {
        let mut connection = self.connect().await?;
        exchange(&mut connection, request).await
    }

    /// Attaches: the first update is a snapshot, and [`Update::Ended`] is the last.
    pub(crate) async fn watch(&self) -> Result<mpsc::Receiver<Update>, Failure> {
        let mut connection = self.connect().await?;
        let snapshot = exchange(&mut connection, &AgentRequest::Attach(())).await?;
        let (sender, receiver) = mpsc::channel(UPDATE_BACKLOG);
        tokio::spawn(async move {
            if sender.send(Update::Snapshot(Box::new(snapshot))).await.is_ok() {
                pass_on(&mut connection, &sender).await;
            }
        });
        Ok(receiver)
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        if let Ok(connection) = socket::connect(&self.folder.agent_socket()).await {
            return Ok(connection);
        }
        self.spawn_agent()?;
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            match socket::connect(&self.folder.agent_socket()).await {
                Ok(connection) => return Ok(connection),
                Err(error) if Instant::now() > deadline => {
                    let log = self.folder.service_log(Role::Agent.name());
                    return Err(Failure::environment(format!(
                        "The stack's agent did not answer within {} s",
                        START_DEADLINE.as_secs()
                    ))
                    .source(&error)
                    .hint(format!("Its log is {}.", log.display())));
                }
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Two clients may do this at once: the second agent finds the stack locked and leaves.
    fn spawn_agent(&self) -> Result<(), Failure> {
        spawn_detached(&ServiceSpec {
            mark: Mark::new(self.folder.path(), Role::Agent.name()),
            program: role::executable()?,
            args: Role::Agent.arguments(self.folder.path()),
            env: Vec::new(),
            folder: self.folder.path().to_owned(),
            log: self.folder.service_log(Role::Agent.name()),
            user: None,
        })
        .map(drop)
    }
}

async fn exchange<T: DeserializeOwned>(connection: &mut Connection, request: &AgentRequest) -> Result<T, Failure> {
    let answered = timeout(ANSWER_DEADLINE, async {
        write_line(connection, request).await?;
        read_line(connection).await
    });
    let reply = answered.await.map_err(|_| {
        Failure::environment(format!("The stack's agent did not answer within {} s", ANSWER_DEADLINE.as_secs()))
    })?;
    match reply.map_err(|error| lost(&error))? {
        Some(Reply::Result(value)) => serde_json::from_value(value).map_err(|error| lost(&error.into())),
        Some(Reply::Failed(failure)) => Err(failure),
        None => Err(lost(&std::io::ErrorKind::UnexpectedEof.into())),
    }
}

fn lost(error: &std::io::Error) -> Failure {
    Failure::environment("The stack's agent ended before it answered")
        .source(error)
        .hint("Run the command again: a new agent takes over where it stopped.")
}

async fn pass_on(connection: &mut Connection, to: &mpsc::Sender<Update>) {
    loop {
        let update = tokio::select! {
            update = read_line::<Update>(connection) => update,
            () = to.closed() => return,
        };
        // An unreadable line means an agent of another version; the client attaches again and sees.
        let update = update.ok().flatten().unwrap_or(Update::Ended);
        let ended = update == Update::Ended;
        if to.send(update).await.is_err() || ended {
            return;
        }
    }
}

/// Writes a value as one line.
pub(crate) async fn write_line(to: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}

/// Reads a value from one line; `None` at the end.
pub(crate) async fn read_line<T: DeserializeOwned>(
    from: &mut (impl AsyncBufRead + Unpin),
) -> std::io::Result<Option<T>> {
    let mut line = Vec::new();
    if from.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    serde_json::from_slice(&line).map(Some).map_err(Into::into)
}
