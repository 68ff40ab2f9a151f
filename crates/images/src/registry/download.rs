//! A blob as it comes from a registry, asked for again from where it broke off.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures::stream::{self, StreamExt};
use oci_client::client::{BlobResponse, SizedStream};
use oci_client::errors::OciDistributionError as Error;
use oci_spec::image::Digest;

use super::Registry;
use super::chunks::Chunks;
use super::trouble::Trouble;
use crate::image::Blob;

/// Streams a blob out of a registry. Its digest is for the receiver to check, which it does anyway.
pub(super) fn download(registry: &Registry, repository: &str, blob: &Blob) -> Chunks {
    let download = Download {
        registry: registry.clone(),
        repository: repository.to_owned(),
        digest: blob.digest.clone(),
        size: blob.size,
        offset: 0,
        source: None,
        pauses: registry.limits().pauses().collect(),
    };
    stream::try_unfold(download, async |mut download: Download| {
        Ok(download.next().await?.map(|bytes| (bytes, download)))
    })
    .boxed()
}

struct Download {
    registry: Registry,
    repository: String,
    digest: Digest,
    size: u64,
    /// How many bytes have been given out.
    offset: u64,
    source: Option<SizedStream>,
    /// What is left of the patience with this blob.
    pauses: VecDeque<Duration>,
}

impl Download {
    async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        while self.offset < self.size {
            match self.read().await {
                Ok(bytes) => {
                    self.offset += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                Err(trouble) => {
                    self.source = None;
                    let pause = self.pauses.pop_front().filter(|_| trouble.passes());
                    let Some(pause) = pause else { return Err(self.explained(trouble)) };
                    tokio::time::sleep(pause).await;
                }
            }
        }
        Ok(None)
    }

    /// The next bytes, at least one.
    async fn read(&mut self) -> Result<Bytes, Trouble> {
        let limit = self.registry.limits().silence;
        let source = match &mut self.source {
            Some(source) => source,
            None => self.source.insert(self.registry.open(&self.repository, &self.digest, self.offset).await?),
        };
        loop {
            let chunk = tokio::time::timeout(limit, source.next()).await.map_err(|_| Trouble::silent(limit))?;
            match chunk {
                Some(Ok(bytes)) if bytes.len() as u64 > self.size - self.offset => {
                    return Err(Trouble::Damaged(format!("{} has more than {} bytes", self.digest, self.size)));
                }
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => return Ok(bytes),
                Some(Err(error)) => return Err(Error::IoError(error).into()),
                None => return Err(Trouble::Lost(format!("it ended after {} of {} bytes", self.offset, self.size))),
            }
        }
    }

    fn explained(&self, trouble: Trouble) -> Trouble {
        let doing = format!("reading {} of {}", self.digest, self.repository);
        Trouble::Elsewhere(trouble.explain(self.registry.address(), &doing))
    }
}

impl Registry {
    /// A blob from an offset on.
    async fn open(&self, repository: &str, digest: &Digest, offset: u64) -> Result<SizedStream, Trouble> {
        let reference = &self.by_digest(repository, digest.as_ref());
        let response = self.persist(reference, |session| {
            self.answered(async move {
                session.client.pull_blob_stream_partial(reference, digest.as_ref(), offset, None).await
            })
        });
        match response.await? {
            BlobResponse::Partial(stream) => Ok(stream),
            BlobResponse::Full(stream) => skip(stream, offset, self.limits().silence).await,
        }
    }
}

/// Drops the bytes that came already, for registries that do not give parts.
async fn skip(mut stream: SizedStream, mut offset: u64, limit: Duration) -> Result<SizedStream, Trouble> {
    while offset > 0 {
        let chunk = tokio::time::timeout(limit, stream.stream.next()).await.map_err(|_| Trouble::silent(limit))?;
        let chunk = chunk.ok_or_else(|| Trouble::Lost("it ended early".to_owned()))?;
        let mut bytes = chunk.map_err(Error::IoError)?;
        let dropped = bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        bytes.advance(dropped);
        offset -= dropped as u64;
        if !bytes.is_empty() {
            let rest = stream::iter([Ok(bytes)]).chain(stream.stream);
            return Ok(SizedStream { stream: rest.boxed(), ..stream });
        }
    }
    Ok(stream)
}
