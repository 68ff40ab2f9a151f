//! Tunnels to a real OpenSSH server behind a WebSocket.

#![expect(clippy::unwrap_used, reason = "in a test, to panic is to fail")]

mod server;

use protocol::Failure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tunnel::{Key, Tunnel};

use server::Server;

/// A loopback port that answers with what it is sent, reversed, once the sender has ended.
async fn mirror() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut said = Vec::new();
                connection.read_to_end(&mut said).await.unwrap();
                said.reverse();
                connection.write_all(&said).await.unwrap();
            });
        }
    });
    port
}

async fn ask(tunnel: &Tunnel, port: u16, said: &[u8]) -> Vec<u8> {
    let mut stream = tunnel.connect(port).await.unwrap();
    stream.write_all(said).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    answer
}

async fn opened(server: &Server) -> Tunnel {
    let key = Key::new().unwrap();
    server.admit(&key.public());
    Tunnel::open(&server.address, &server.user, key, &server.host_keys()).await.unwrap()
}

async fn refused(server: &Server, key: Key, host_keys: &[String]) -> Failure {
    Tunnel::open(&server.address, &server.user, key, host_keys).await.err().expect("it is refused")
}

#[tokio::test]
async fn streams_side_by_side_reach_a_port_of_the_host() {
    let server = Server::start().await;
    let (tunnel, port) = (opened(&server).await, mirror().await);
    // More than a frame, a packet and a window hold.
    let long: Vec<u8> = (0..5_000_000_u32).map(|number| number.to_le_bytes()[number as usize % 3]).collect();
    let (short, answer) = tokio::join!(ask(&tunnel, port, b"hello"), ask(&tunnel, port, &long));
    assert_eq!(short, b"olleh");
    assert!(answer.iter().rev().eq(&long), "what comes back is what was sent");
    assert!(tunnel.is_open());
}

#[tokio::test]
async fn whoever_shows_another_key_is_told_nothing() {
    let (server, other) = (Server::start().await, Server::start().await);
    let key = Key::new().unwrap();
    server.admit(&key.public());
    let failure = refused(&server, key, &other.host_keys()).await;
    assert!(failure.summary.contains("is not the host"), "{failure:?}");
    assert!(!server.log().contains("Accepted publickey"), "nobody logged in");
}

#[tokio::test]
async fn a_host_that_has_told_no_key_is_not_trusted() {
    let server = Server::start().await;
    let key = Key::new().unwrap();
    server.admit(&key.public());
    let failure = refused(&server, key, &[]).await;
    assert!(failure.summary.contains("is not the host"), "{failure:?}");
}

#[tokio::test]
async fn who_is_not_admitted_is_told_so() {
    let server = Server::start().await;
    let failure = refused(&server, Key::new().unwrap(), &server.host_keys()).await;
    assert!(failure.summary.contains("does not let this computer in"), "{failure:?}");
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_named() {
    let server = Server::start().await;
    let tunnel = opened(&server).await;
    // The discard service's: nobody listens there.
    let failure = tunnel.connect(9).await.err().expect("nothing listens");
    assert!(failure.summary.contains("port 9 of the host"), "{failure:?}");
    assert_eq!(ask(&tunnel, mirror().await, b"still open").await, b"nepo llits");
}

#[tokio::test]
async fn a_tunnel_that_is_cut_is_known_to_be() {
    let server = Server::start().await;
    let (tunnel, port) = (opened(&server).await, mirror().await);
    let mut stream = tunnel.connect(port).await.unwrap();
    server.cut();
    let mut answer = Vec::new();
    // An end or an error, but one of them at once.
    let _ = stream.read_to_end(&mut answer).await;
    assert_eq!(answer, b"");
    assert!(!tunnel.is_open());
    assert!(tunnel.connect(port).await.is_err());
    let again = opened(&server).await;
    assert_eq!(ask(&again, port, b"again").await, b"niaga");
}

#[tokio::test]
async fn what_aws_says_in_place_of_a_tunnel_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ws://{}/openTunnel", listener.local_addr().unwrap());
    let answers = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let _ = connection.read(&mut [0; 4096]).await.unwrap();
        let body = r#"{"ErrorCode": "AccessDenied", "Message": "not authorized"}"#;
        let head = format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n", body.len());
        connection.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    });
    let failure = Tunnel::open(&address, "ec2-user", Key::new().unwrap(), &[]).await.err().expect("it is refused");
    answers.await.unwrap();
    let told = format!("{failure:?}");
    assert!(told.contains("403") && told.contains("not authorized") && told.contains("OpenTunnel"), "{told}");
}

#[tokio::test]
async fn an_address_with_tls_is_spoken_to_with_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("wss://{}/openTunnel", listener.local_addr().unwrap());
    let first = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.read_u8().await.unwrap()
    });
    let failure = Tunnel::open(&address, "ec2-user", Key::new().unwrap(), &[]).await.err().expect("nobody answers");
    // A record of TLS's handshake begins with 22: RFC 8446, 5.1.
    assert_eq!(first.await.unwrap(), 22);
    assert!(failure.summary.contains("was not opened"), "{failure:?}");
}
