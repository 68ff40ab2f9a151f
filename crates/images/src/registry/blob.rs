//! Blobs on their way: from a file, from memory or straight from another registry, never whole in memory.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use oci_client::Reference;
use oci_client::errors::OciDistributionError;
use tokio::fs::File;
use tokio_util::io::ReaderStream;

use super::Registry;
use super::chunks::Chunks;
use super::download::download;
use super::session::Session;
use super::trouble::Trouble;
use crate::disk::unreadable;
use crate::image::{Blob, Origin};
use crate::progress::Counter;

/// How much of a file is read at a time.
const CHUNK: usize = 256 << 10;

impl Registry {
    /// Sends a blob to a repository, counting its bytes. One that is cut off is begun anew, in an upload of its own:
    /// ECR cannot resume one, others keep the halves apart.
    pub(crate) async fn send(&self, repository: &str, blob: &Blob, counter: &Counter) -> Result<(), Trouble> {
        let reference = &self.by_digest(repository, blob.digest.as_ref());
        let mut tried = false;
        self.persist(reference, |session| {
            let again = mem::replace(&mut tried, true);
            async move {
                // Perhaps all that was lost is the answer.
                if again && self.has_now(session.clone(), reference).await? {
                    return Ok(());
                }
                self.send_now(session, reference, blob, counter).await
            }
        })
        .await
    }

    async fn send_now(
        &self,
        session: Session,
        reference: &Reference,
        blob: &Blob,
        counter: &Counter,
    ) -> Result<(), Trouble> {
        counter.set(0);
        let (chunks, fault) = watched(chunks(blob), counter.clone());
        let sent = session.client.push_blob_stream(reference, chunks, blob.digest.as_ref(), Some(blob.size));
        let result = tokio::select! {
            result = sent => result,
            () = counter.stands_still(self.limits().silence) => return Err(Trouble::silent(self.limits().silence)),
        };
        match (result, fault.get()) {
            (Ok(_), _) => Ok(()),
            // To the client, bytes that could not be had look like a connection that broke.
            (Err(_), Some(fault)) => Err(fault.clone()),
            (Err(error), None) => Err(error.into()),
        }
    }
}

/// The bytes of a blob, from wherever they are.
fn chunks(blob: &Blob) -> Chunks {
    match &blob.origin {
        Origin::Memory(bytes) => stream::iter([Ok(bytes.clone())]).boxed(),
        Origin::File(path) => read(path.clone(), blob.size),
        Origin::Registry(registry, repository) => download(registry, repository, blob),
    }
}

fn read(path: PathBuf, size: u64) -> Chunks {
    let opened = async move {
        let file = open(&path, size).await.map_err(|error| missing(&path, &error))?;
        let chunks = ReaderStream::with_capacity(file, CHUNK);
        Ok::<_, Trouble>(chunks.map_err(move |error| missing(&path, &error)))
    };
    stream::once(opened).try_flatten().boxed()
}

async fn open(path: &Path, size: u64) -> io::Result<File> {
    let file = File::open(path).await?;
    let found = file.metadata().await?.len();
    if found == size { Ok(file) } else { Err(io::Error::other(format!("it has {found} bytes, not {size}"))) }
}

fn missing(path: &Path, error: &io::Error) -> Trouble {
    Trouble::Elsewhere(unreadable(path, error).hint("Remove that file: it is made anew."))
}

/// The same chunks as the client wants them, counted; and what went wrong with them, if something did.
fn watched(
    chunks: Chunks,
    counter: Counter,
) -> (BoxStream<'static, Result<Bytes, OciDistributionError>>, Arc<OnceLock<Trouble>>) {
    let fault = Arc::new(OnceLock::new());
    let note = Arc::clone(&fault);
    let watched = chunks.map(move |chunk| match chunk {
        Ok(bytes) => {
            counter.add(bytes.len());
            Ok(bytes)
        }
        Err(trouble) => {
            // Set once: nothing follows an error.
            let _ = note.set(trouble);
            Err(OciDistributionError::IoError(io::Error::other("the bytes of the blob could not be had")))
        }
    });
    (watched.boxed(), fault)
}
