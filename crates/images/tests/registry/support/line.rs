//! A line to a registry on which things go wrong. One request a connection, so that each can be cut by itself.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It is answered with a status and does not reach the registry.
    Answer(u16, &'static str),
    /// The connection breaks after so many bytes of its body.
    CutBody(u64),
    /// Nothing moves any more after so many bytes of its body.
    StallBody(u64),
    /// The connection breaks after so many bytes of the answer, its head included.
    CutAnswer(u64),
    /// The last byte of the answer is another one.
    Garble,
    /// The registry does what was asked; nobody learns of it.
    LoseAnswer,
}

/// The next `times` requests of a method whose address contains `path` go wrong.
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) times: usize,
    pub(crate) fault: Fault,
}

/// A request as it was made: method and address.
pub(crate) type Request = (String, String);

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    requests: Vec<Request>,
}

/// The line; it goes down when dropped.
pub(crate) struct Line {
    address: String,
    state: Arc<Mutex<State>>,
    listener: JoinHandle<()>,
}

impl Line {
    pub(crate) async fn to(registry: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (state, registry) = (Arc::new(Mutex::new(State::default())), registry.to_owned());
        let shared = Arc::clone(&state);
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (shared, registry) = (Arc::clone(&shared), registry.clone());
                // A broken connection is what this is for.
                tokio::spawn(async move { pass(client, &registry, &shared).await.ok() });
            }
        });
        Self { address, state, listener }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn breaks(&self, method: &'static str, path: &str, times: usize, fault: Fault) {
        self.state.lock().unwrap().rules.push(Rule { method, path: path.to_owned(), times, fault });
    }

    pub(crate) fn heals(&self) {
        self.state.lock().unwrap().rules.clear();
    }

    /// The requests since it was last asked.
    pub(crate) fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }

    /// How many of the requests since it was last asked were of a method and had this in their address.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        self.requests().iter().filter(|(of, at)| of == method && at.contains(path)).count()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn pass(mut client: TcpStream, registry: &str, state: &Mutex<State>) -> std::io::Result<()> {
    let (head, start) = read_head(&mut client).await?;
    let (method, path) = request_of(&head);
    let fault = fault_for(&mut state.lock().unwrap(), &method, &path);
    if let Some(Fault::Answer(status, body)) = fault {
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} Fault\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        client.write_all(answer.as_bytes()).await?;
        // Without this, closing with unread bytes would reset the connection before the answer is read.
        client.shutdown().await?;
        return drain(&mut client).await;
    }
    let mut server = TcpStream::connect(registry).await?;
    // Its end of connection is then the end of the answer.
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    server.write_all(head.as_bytes()).await?;
    let (mut from, mut to) = client.split();
    let (mut answer, mut body) = server.split();
    let rest = length_of(&head).saturating_sub(start.len() as u64);
    let limit = match fault {
        Some(Fault::CutBody(limit) | Fault::StallBody(limit)) => limit.saturating_sub(start.len() as u64).min(rest),
        _ => rest,
    };
    body.write_all(&start).await?;
    tokio::io::copy(&mut (&mut from).take(limit), &mut body).await?;
    match fault {
        Some(Fault::CutBody(_)) => {}
        Some(Fault::StallBody(_)) => std::future::pending().await,
        Some(Fault::Garble) => {
            let mut whole = Vec::new();
            answer.read_to_end(&mut whole).await?;
            if let Some(last) = whole.last_mut() {
                *last ^= 1;
            }
            to.write_all(&whole).await?;
        }
        Some(Fault::LoseAnswer) => drain(&mut answer).await?,
        Some(Fault::CutAnswer(limit)) => drop(tokio::io::copy(&mut answer.take(limit), &mut to).await?),
        Some(Fault::Answer(..)) | None => drop(tokio::io::copy(&mut answer, &mut to).await?),
    }
    Ok(())
}

/// The head of a request, and what of its body came with it.
async fn read_head(client: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = read.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&read).into_owned(), body));
        }
        if client.read_buf(&mut read).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn request_of(head: &str) -> Request {
    let mut words = head.split(' ').map(str::to_owned);
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}

fn length_of(head: &str) -> u64 {
    let length = |line: &str| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
    head.lines().find_map(length).unwrap_or(0)
}

fn fault_for(state: &mut State, method: &str, path: &str) -> Option<Fault> {
    state.requests.push((method.to_owned(), path.to_owned()));
    let rule =
        state.rules.iter_mut().find(|rule| rule.times > 0 && rule.method == method && path.contains(&rule.path))?;
    rule.times -= 1;
    Some(rule.fault)
}

async fn drain(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
    tokio::io::copy(from, &mut tokio::io::sink()).await.map(drop)
}
