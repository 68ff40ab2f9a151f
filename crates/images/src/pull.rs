//! What an image consists of, as its registry tells it.

use std::sync::Arc;

use bytes::Bytes;
use oci_client::Reference;
use oci_spec::image::{Descriptor, Digest, ImageIndex, ImageManifest, MediaType};
use protocol::{Blame, Failure};
use serde::Deserialize;

use crate::image::{Blob, Image, Origin};
use crate::limits::Limits;
use crate::login::Logins;
use crate::registry::{Registry, Trouble};
use crate::store::Store;

/// An image somewhere, pinned by its digest.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where it is.
    pub registry: Registry,
    /// In which repository.
    pub repository: String,
    /// Of its manifest, or of an index that has one for linux/amd64.
    pub digest: Digest,
}

impl Source {
    /// Reads a reference such as `docker.io/library/postgres:16@sha256:…`. Nothing is sent yet.
    pub fn parse(text: &str, logins: Arc<dyn Logins>, limits: Limits) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::new(Blame::User, format!("“{text}” does not name one image for good"))
                .cause(why)
                .hint("It is registry/repository@sha256:…, the digest being that of its manifest.")
        };
        let reference: Reference = text.parse().map_err(|error| wrong(&format!("{error}")))?;
        let digest = reference.digest().ok_or_else(|| wrong("it has no digest, and a tag may move"))?;
        let digest = digest.parse().map_err(|error| wrong(&format!("{error}")))?;
        let registry = Registry::new(reference.registry(), logins, limits)?;
        Ok(Self { registry, repository: reference.repository().to_owned(), digest })
    }
}

/// Reads what an image consists of: its manifest, not its layers. What the store has is not asked for again.
pub async fn pull(source: &Source, store: &Store) -> Result<Image, Failure> {
    read(source, store).await.map(|found| found.image)
}

/// An image and its manifest in parts.
pub(crate) struct Found {
    pub(crate) image: Image,
    pub(crate) manifest: ImageManifest,
}

pub(crate) async fn read(source: &Source, store: &Store) -> Result<Found, Failure> {
    let mut digest = source.digest.clone();
    let mut bytes = manifest(source, &digest, store).await?;
    if let Kind { manifests: Some(_), .. } = parse(source, &digest, &bytes)? {
        let index: ImageIndex = parse(source, &digest, &bytes)?;
        digest = for_linux_amd64(source, &index)?;
        bytes = manifest(source, &digest, store).await?;
    }
    let kind: Kind = parse(source, &digest, &bytes)?;
    let manifest: ImageManifest = parse(source, &digest, &bytes)?;
    let blobs = [manifest.config()].into_iter().chain(manifest.layers()).map(|descriptor| blob(source, descriptor));
    let blobs = Image::each_once(blobs.collect::<Result<Vec<_>, _>>()?);
    let media_type = kind.media_type.unwrap_or(MediaType::ImageManifest);
    Ok(Found { image: Image { digest, manifest: bytes, media_type, blobs }, manifest })
}

/// A config, which is small, and kept.
pub(crate) async fn config(source: &Source, digest: &Digest, store: &Store) -> Result<Bytes, Failure> {
    if let Some(bytes) = store.document(digest) {
        return Ok(bytes);
    }
    let read = source.registry.document(&source.repository, digest).await;
    let bytes = read.map_err(|trouble| explain(source, digest, trouble))?;
    store.keep(digest, &bytes)?;
    Ok(bytes)
}

async fn manifest(source: &Source, digest: &Digest, store: &Store) -> Result<Bytes, Failure> {
    if let Some(bytes) = store.document(digest) {
        return Ok(bytes);
    }
    let read = source.registry.manifest(&source.repository, digest).await;
    let bytes = read.map_err(|trouble| explain(source, digest, trouble))?;
    store.keep(digest, &bytes)?;
    Ok(bytes)
}

fn explain(source: &Source, digest: &Digest, trouble: Trouble) -> Failure {
    let (address, repository) = (source.registry.address(), &source.repository);
    match trouble {
        Trouble::Missing(cause) => Failure::new(Blame::User, format!("{address} has no image {repository}@{digest}"))
            .cause(cause)
            .hint("The digest may be mistyped, or the image withdrawn: pin one that is there."),
        trouble => trouble.explain(address, &format!("reading the image {repository}@{digest}")),
    }
}

/// What tells the kinds of manifest apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    media_type: Option<MediaType>,
    manifests: Option<serde::de::IgnoredAny>,
}

fn parse<'a, T: Deserialize<'a>>(source: &Source, digest: &Digest, bytes: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        Failure::environment(format!("{}@{digest} is no image that can be read", source.repository))
            .source(&error)
            .hint("Images of Docker's first format and artefacts of other kinds cannot be used.")
    })
}

fn for_linux_amd64(source: &Source, index: &ImageIndex) -> Result<Digest, Failure> {
    let fits = |descriptor: &&Descriptor| {
        let platform = descriptor.platform().as_ref();
        platform.is_some_and(|at| at.os().to_string() == "linux" && at.architecture().to_string() == "amd64")
    };
    let found = index.manifests().iter().find(fits).map(|descriptor| descriptor.digest().clone());
    found.ok_or_else(|| {
        Failure::new(Blame::User, format!("{}@{} is not made for linux/amd64", source.repository, source.digest))
            .hint("Pin an image that is.")
    })
}

fn blob(source: &Source, descriptor: &Descriptor) -> Result<Blob, Failure> {
    // Layers that only their maker may hand out, in old images of Windows.
    if descriptor.urls().as_ref().is_some_and(|urls| !urls.is_empty()) {
        return Err(Failure::new(
            Blame::User,
            format!("{} has a layer that is not in its registry", source.repository),
        )
        .cause(descriptor.digest())
        .hint("Such images cannot be copied: use another one."));
    }
    let origin = Origin::Registry(source.registry.clone(), source.repository.clone());
    Ok(Blob { digest: descriptor.digest().clone(), size: descriptor.size(), origin })
}
