//! A WebSocket as a stream of bytes.

use std::future::ready;
use std::io;

use bytes::Bytes;
use futures::{SinkExt, StreamExt, TryStreamExt, stream};
use protocol::Failure;
use tokio::io::{AsyncRead, AsyncWrite, join};
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

/// The most bytes of a frame: no more than AWS's own command line sends in one.
const FRAME: usize = 65_000;

/// Opens the WebSocket at an address.
pub(crate) async fn open(address: &str) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>, Failure> {
    // Without Nagle's algorithm: what a terminal or a query says is short, and waited for.
    let (socket, _) = connect_async_with_config(address, None, true).await.map_err(|error| refused(&error))?;
    let (outgoing, incoming) = socket.split();
    let outgoing = outgoing.sink_map_err(io::Error::other).with_flat_map(|bytes| stream::iter(frames(bytes).map(Ok)));
    let incoming = incoming.map_err(io::Error::other).try_filter_map(|message| ready(Ok(payload(message))));
    Ok(join(StreamReader::new(incoming), SinkWriter::new(CopyToBytes::new(outgoing))))
}

fn frames(mut bytes: Bytes) -> impl Iterator<Item = Message> {
    std::iter::from_fn(move || {
        let frame = bytes.split_to(bytes.len().min(FRAME));
        (!frame.is_empty()).then_some(Message::Binary(frame))
    })
}

fn payload(message: Message) -> Option<Bytes> {
    match message {
        Message::Binary(bytes) => Some(bytes),
        _ => None,
    }
}

fn refused(error: &Error) -> Failure {
    let failure = Failure::environment("The tunnel to the host was not opened");
    match error {
        Error::Http(answer) => failure.cause(words(answer)).hint(
            "AWS opens one for who may call ec2-instance-connect:OpenTunnel, while the host runs; `retailflow doctor \
             --target aws` lists what is not permitted.",
        ),
        _ => {
            failure.source(error).hint("Check this computer's connection, its proxy and its clock; it is tried again.")
        }
    }
}

/// What AWS said in place of a tunnel.
fn words(answer: &Response<Option<Vec<u8>>>) -> String {
    let body = answer.body().as_deref().unwrap_or_default();
    format!("AWS answered {}: {}", answer.status().as_u16(), String::from_utf8_lossy(body).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_frame_is_longer_than_aws_takes() {
        let whole: Bytes = (0..150_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let frames: Vec<Bytes> = frames(whole.clone()).filter_map(payload).collect();
        assert_eq!(frames.iter().map(Bytes::len).collect::<Vec<_>>(), [FRAME, FRAME, 20_000]);
        assert_eq!(frames.concat(), whole);
    }
}
