//! Questions to a registry that are answered in one go.

use bytes::Bytes;
use futures::TryStreamExt;
use oci_client::Reference;
use oci_client::errors::OciDistributionError as Error;
use oci_spec::image::{Digest, MediaType};

use super::Registry;
use super::session::Session;
use super::trouble::Trouble;

/// The kinds of manifest that are understood.
const MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// Manifests and configs are kilobytes; more than this is not one.
const LARGEST: usize = 8 << 20;

impl Registry {
    /// The digest of the image a tag names, if it names one.
    pub(crate) async fn tag(&self, repository: &str, tag: &str) -> Result<Option<String>, Trouble> {
        let reference = &self.tagged(repository, tag);
        let found = self
            .persist(reference, |session| {
                self.answered(async move { session.client.fetch_manifest_digest(reference, &session.auth).await })
            })
            .await;
        absent(found)
    }

    /// A manifest by its digest, which it is checked against.
    pub(crate) async fn manifest(&self, repository: &str, digest: &Digest) -> Result<Bytes, Trouble> {
        let reference = &self.by_digest(repository, digest.as_ref());
        let (bytes, _) = self
            .persist(reference, |session| {
                self.answered(
                    async move { session.client.pull_manifest_raw(reference, &session.auth, &MANIFESTS).await },
                )
            })
            .await?;
        Ok(bytes)
    }

    /// A small blob by its digest, which it is checked against.
    pub(crate) async fn document(&self, repository: &str, digest: &Digest) -> Result<Bytes, Trouble> {
        let reference = &self.by_digest(repository, digest.as_ref());
        self.persist(reference, |session| {
            self.answered(async move {
                let chunks = session.client.pull_blob_stream(reference, digest.as_ref()).await?;
                let whole = chunks.try_fold(Vec::new(), |mut whole, chunk| async move {
                    whole.extend_from_slice(&chunk);
                    if whole.len() > LARGEST { Err(std::io::Error::other("it is far too large")) } else { Ok(whole) }
                });
                Ok(Bytes::from(whole.await?))
            })
        })
        .await
    }

    /// Whether a blob is in a repository.
    pub(crate) async fn has(&self, repository: &str, digest: &Digest) -> Result<bool, Trouble> {
        let reference = &self.by_digest(repository, digest.as_ref());
        self.persist(reference, |session| self.has_now(session, reference)).await
    }

    /// The same of a blob's reference, asked once.
    pub(super) async fn has_now(&self, session: Session, blob: &Reference) -> Result<bool, Trouble> {
        self.answered(session.client.blob_exists(blob, blob.digest().unwrap_or_default())).await
    }

    /// Lets a repository have a blob of another one of the same registry. `false` if the registry would rather be sent
    /// it: the specification leaves it free to.
    pub(crate) async fn mount(&self, repository: &str, from: &str, digest: &Digest) -> Result<bool, Trouble> {
        let (target, source) = (&self.by_digest(repository, digest.as_ref()), &self.by_digest(from, digest.as_ref()));
        self.persist(target, |session| {
            self.answered(async move {
                match session.client.mount_blob(target, source, digest.as_ref()).await {
                    Ok(()) => Ok(true),
                    Err(Error::SpecViolationError(_) | Error::ServerError { code: 400..=499, .. }) => Ok(false),
                    Err(error) => Err(error),
                }
            })
        })
        .await
    }

    /// Stores a manifest under a tag.
    pub(crate) async fn store(
        &self,
        repository: &str,
        tag: &str,
        manifest: &Bytes,
        media_type: &MediaType,
    ) -> Result<(), Trouble> {
        let reference = &self.tagged(repository, tag);
        let kind = media_type.to_string();
        self.persist(reference, |session| {
            let (bytes, kind) = (manifest.clone(), kind.parse());
            self.answered(async move {
                let kind = kind.map_err(|_| Error::UnsupportedMediaTypeError(String::new()))?;
                session.client.push_manifest_raw(reference, bytes, kind).await.map(drop)
            })
        })
        .await
    }

    /// Tries until it succeeds, or fails in a way that will not pass, or patience ends. Credentials that are refused
    /// are renewed once.
    pub(super) async fn persist<T, W: Future<Output = Result<T, Trouble>>>(
        &self,
        reference: &Reference,
        mut attempt: impl FnMut(Session) -> W,
    ) -> Result<T, Trouble> {
        let mut pauses = self.limits().pauses();
        let mut session = self.shared.sessions.current().await?;
        let mut renewed = false;
        loop {
            session.presume(reference).await;
            match attempt(session.clone()).await {
                Err(Trouble::Refused(_)) if !renewed => {
                    session = self.shared.sessions.renewed(&session).await?;
                    renewed = true;
                }
                Err(trouble) if trouble.passes() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(trouble),
                },
                result => return result,
            }
        }
    }

    /// The answer to a request, within the deadline for one.
    pub(super) async fn answered<T>(&self, request: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
        let limit = self.limits().answer;
        let answer = tokio::time::timeout(limit, request).await.map_err(|_| Trouble::silent(limit))?;
        answer.map_err(Trouble::from)
    }
}

/// What is not there is an answer, not a failure.
fn absent<T>(found: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Trouble::Missing(_)) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}
