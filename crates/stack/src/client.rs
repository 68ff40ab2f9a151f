//! Talking to a stack's agent: one request a connection. Only what begins something starts an agent; to ask does not.

use std::time::Duration;

use engine::process::{Environment, Mark, ServiceSpec, Started, spawn_detached};
use protocol::Failure;
use protocol::command::{AgentRequest, RunRequest, Update};
use protocol::snapshot::Snapshot;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::folder::StackFolder;
use crate::role::{self, Role};
use crate::wire::{self, Connection, Reply, read_line, stranger, write_line};

/// How long an agent may take to answer on its socket after it was started.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// How long an agent may take to answer a request; each returns at once and lets its work go on.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

/// How often an agent that was just started is looked for.
const POLL: Duration = Duration::from_millis(20);

/// Lines that are quoted of one that could not start.
const QUOTED: usize = 8;

/// The agent of one stack.
pub struct AgentClient {
    folder: StackFolder,
}

/// A client that the agent tells of everything.
pub struct Attached {
    snapshot: Snapshot,
    connection: Connection,
}

impl AgentClient {
    /// The agent of the stack in a folder.
    pub fn new(folder: StackFolder) -> Self {
        Self { folder }
    }

    /// Begins a run, in an agent that is started if need be.
    pub async fn start(&self, run: RunRequest) -> Result<protocol::RunId, Failure> {
        self.ask_started(&AgentRequest::Start(run)).await.map(|(run, _)| run)
    }

    /// Attaches to the agent, which is started if need be.
    pub async fn attach(&self) -> Result<Attached, Failure> {
        let (snapshot, connection) = self.ask_started(&AgentRequest::Attach(())).await?;
        Ok(Attached { snapshot, connection })
    }

    /// Attaches to the agent, if there is one.
    pub async fn attach_if_there(&self) -> Result<Option<Attached>, Failure> {
        let answer = self.ask_one_there(&AgentRequest::Attach(())).await?;
        Ok(answer.map(|(snapshot, connection)| Attached { snapshot, connection }))
    }

    /// What the agent answers, if there is one.
    pub async fn ask<T: DeserializeOwned>(&self, request: &AgentRequest) -> Result<Option<T>, Failure> {
        Ok(self.ask_one_there(request).await?.map(|(answer, _)| answer))
    }

    async fn ask_one_there<T: DeserializeOwned>(
        &self,
        request: &AgentRequest,
    ) -> Result<Option<(T, Connection)>, Failure> {
        match self.connect().await? {
            Some(connection) => exchange(connection, request).await,
            None => Ok(None),
        }
    }

    /// Asks an agent, starting one if need be. One that ends before it answers has begun nothing, or its successor takes over
    /// what it began: it is asked as well.
    async fn ask_started<T: DeserializeOwned>(&self, request: &AgentRequest) -> Result<(T, Connection), Failure> {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let connection = self.connect_to_started(deadline).await?;
            if let Some(answer) = exchange(connection, request).await? {
                return Ok(answer);
            }
            if Instant::now() > deadline {
                return Err(Failure::environment("The stack's agent ended before it answered")
                    .hint("Run the command again: a new agent takes over where it stopped."));
            }
            sleep(POLL).await;
        }
    }

    /// Whether there is an agent that can be asked.
    pub async fn listens(&self) -> bool {
        matches!(self.connect().await, Ok(Some(_)))
    }

    async fn connect(&self) -> Result<Option<Connection>, Failure> {
        // An agent that was just started may have had to put its socket elsewhere.
        let folder = self.folder.now();
        // Who could put a socket there could answer in the agent's place.
        if !folder.has_runtime()? {
            return Ok(None);
        }
        let socket = folder.agent_socket();
        wire::connect(&socket).await.map_err(|error| {
            Failure::environment("The stack's agent could not be reached")
                .cause(format!("{}: {error}", socket.display()))
        })
    }

    async fn connect_to_started(&self, deadline: Instant) -> Result<Connection, Failure> {
        let mut started: Option<Started> = None;
        loop {
            // There may be no such stack any more.
            self.folder.config()?;
            if let Some(connection) = self.connect().await? {
                return Ok(connection);
            }
            match started.as_mut().map(Started::ended) {
                None => started = Some(self.spawn_agent()?),
                Some(None) => {}
                // It found another one, which has left since.
                Some(Some(status)) if status.success() => started = None,
                Some(Some(status)) => {
                    let failure = Failure::environment(format!("The stack's agent could not start ({status})"));
                    return Err(self.quoting(started.as_ref(), failure));
                }
            }
            if Instant::now() > deadline {
                let seconds = START_DEADLINE.as_secs();
                let failure = Failure::environment(format!("The stack's agent did not answer within {seconds} s"));
                return Err(self.quoting(started.as_ref(), failure));
            }
            sleep(POLL).await;
        }
    }

    /// A failure with the agent's own last words for its cause.
    fn quoting(&self, started: Option<&Started>, failure: Failure) -> Failure {
        let words = started.map(|started| started.last_words(QUOTED)).unwrap_or_default();
        let log = self.folder.service_log(Role::Agent.name());
        words.into_iter().fold(failure, Failure::cause).hint(format!(
            "Mend what it says and run the command again; nothing was begun. Its log is {}.",
            log.display()
        ))
    }

    /// Two clients may do this at once: the second agent finds the stack locked and leaves.
    fn spawn_agent(&self) -> Result<Started, Failure> {
        let spawned = spawn_detached(&ServiceSpec {
            mark: Mark::new(self.folder.now().id(), Role::Agent.name()),
            program: role::executable()?,
            args: Role::Agent.arguments(self.folder.path()),
            env: Environment::whole(),
            folder: self.folder.path().to_owned(),
            log: self.folder.service_log(Role::Agent.name()),
            user: None,
        });
        // A stack that was removed this very moment is not there, whatever else could not be done in its folder.
        spawned.or_else(|failure| self.folder.config().and(Err(failure)))
    }
}

impl Attached {
    /// Passes on everything, beginning with the snapshot, until the agent or the listener ends. [`Update::Ended`] comes last.
    pub async fn pass_on(mut self, to: &mpsc::Sender<Update>) {
        let mut update = Update::Snapshot(Box::new(self.snapshot));
        loop {
            let ended = update == Update::Ended;
            if to.send(update).await.is_err() || ended {
                return;
            }
            let read = tokio::select! {
                biased;
                () = to.closed() => return,
                read = read_line::<Update>(&mut self.connection) => read,
            };
            // An unreadable line means an agent of another version; the client attaches again and sees.
            update = read.ok().flatten().unwrap_or(Update::Ended);
        }
    }
}

/// Asks, and gives the answer with the connection it came on; `None` if the agent ended before it answered.
async fn exchange<T: DeserializeOwned>(
    mut connection: Connection,
    request: &AgentRequest,
) -> Result<Option<(T, Connection)>, Failure> {
    let asking = async {
        if write_line(&mut connection, request).await.is_err() {
            return Ok(None);
        }
        match next_reply(&mut connection).await? {
            None => return Ok(None),
            Some(Reply::Hello(hello)) => hello.understood()?,
            Some(_) => return Err(stranger("the first", None)),
        }
        next_reply(&mut connection).await
    };
    let reply = timeout(ANSWER_DEADLINE, asking).await.map_err(|_| {
        Failure::environment(format!("The stack's agent did not answer within {} s", ANSWER_DEADLINE.as_secs()))
    })??;
    match reply {
        None => Ok(None),
        Some(Reply::Failed(failure)) => Err(failure),
        Some(Reply::Hello(_)) => Err(unreadable(&std::io::Error::from(std::io::ErrorKind::InvalidData))),
        Some(Reply::Result(value)) => match serde_json::from_value(value) {
            Ok(answer) => Ok(Some((answer, connection))),
            Err(error) => Err(unreadable(&error)),
        },
    }
}

/// What the agent says next; `None` if it ended.
async fn next_reply(connection: &mut Connection) -> Result<Option<Reply>, Failure> {
    match read_line(connection).await {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(unreadable(&error)),
        Err(_) => Ok(None),
        Ok(reply) => Ok(reply),
    }
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::environment("The stack's agent said something that this program does not understand")
        .source(error)
        .hint("Another version of RetailFlow may have started it: use that one, or end its process.")
}

#[cfg(test)]
mod tests {
    use protocol::Blame;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;

    /// What a client makes of an agent that answers so.
    async fn answered(text: &str) -> Result<Option<u32>, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let connection = wire::connect(&path).await.unwrap().unwrap();
        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read_u8().await;
            stream.write_all(text.as_bytes()).await.unwrap();
        };
        let (answer, ()) = tokio::join!(exchange::<u32>(connection, &AgentRequest::Snapshot(())), answer);
        answer.map(|answer| answer.map(|(value, _)| value))
    }

    fn hello(protocol: u32) -> String {
        format!("{{\"hello\":{{\"protocol\":{protocol},\"version\":\"9.9.9\",\"pid\":7}}}}\n")
    }

    #[tokio::test]
    async fn an_agent_is_understood_or_said_not_to_be() {
        let own = hello(wire::PROTOCOL);
        assert_eq!(answered(&format!("{own}{{\"result\":5}}\n")).await, Ok(Some(5)));
        let refused = Failure::new(Blame::User, "no");
        let line = serde_json::to_string(&Reply::Failed(refused.clone())).unwrap();
        assert_eq!(answered(&format!("{own}{line}\n")).await, Err(refused));
        for cut in ["", "{\"hel", &own, &format!("{own}{{\"result\":")] {
            assert_eq!(answered(cut).await, Ok(None), "{cut}");
        }
        let newer = answered(&format!("{}{{\"result\":5}}\n", hello(99))).await.unwrap_err();
        assert!(newer.causes[0].contains("9.9.9") && newer.hint.unwrap().contains("(7)"), "{:?}", newer.causes);
        let first = answered("{\"result\":5}\n").await.unwrap_err();
        assert!(first.summary.contains("another version"), "{first}");
        assert!(answered("what?\n").await.unwrap_err().summary.contains("does not understand"));
        assert!(answered(&format!("{own}{{\"result\":\"five\"}}\n")).await.is_err());
    }
}
