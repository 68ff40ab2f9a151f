//! What an image is: a manifest, and blobs that lie somewhere.

use std::path::PathBuf;

use bytes::Bytes;
use oci_spec::image::{Digest, MediaType};

use crate::registry::Registry;

/// An image for linux/amd64, ready to be pushed.
#[derive(Debug, Clone)]
pub struct Image {
    /// The manifest's digest, which names the image.
    pub digest: Digest,
    /// The manifest, to the byte.
    pub manifest: Bytes,
    /// What kind of manifest it is.
    pub media_type: MediaType,
    /// The config and the layers, each once.
    pub blobs: Vec<Blob>,
}

impl Image {
    /// A tag that no other image will want: the first 16 digits of the digest.
    pub fn tag(&self) -> String {
        format!("sha256-{}", &self.digest.digest()[..16])
    }

    /// Bytes of all blobs.
    pub fn size(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size).sum()
    }

    /// Drops blobs that are listed a second time; images with an empty layer twice are common.
    pub(crate) fn each_once(blobs: impl IntoIterator<Item = Blob>) -> Vec<Blob> {
        let mut seen = std::collections::HashSet::new();
        blobs.into_iter().filter(|blob| seen.insert(blob.digest.clone())).collect()
    }
}

/// A config or a layer.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Names its bytes.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Where they are.
    pub origin: Origin,
}

/// Where a blob's bytes are.
#[derive(Debug, Clone)]
pub enum Origin {
    /// In memory.
    Memory(Bytes),
    /// In a file.
    File(PathBuf),
    /// In a repository of a registry.
    Registry(Registry, String),
}
