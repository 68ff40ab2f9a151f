//! Layers made from folders, the same on every computer.

mod gzip;
mod pack;
mod tree;

use std::io::Read;

use oci_spec::image::Digest;
use protocol::Failure;
use serde::{Deserialize, Serialize};

pub(crate) use pack::{Cancelled, pack};
pub use tree::Tree;
use tree::{Kind, entries};

use crate::Fingerprint;
use crate::disk::unreadable;

/// Changes whenever the same folders would give other bytes than before.
pub(crate) const FORMAT: u32 = 2;

/// A packed layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Of the compressed bytes: what a registry calls it.
    pub digest: Digest,
    /// Of the archive inside: what the image's config calls it.
    pub diff_id: Digest,
    /// Of the compressed bytes.
    pub size: u64,
    /// What it is, for the image's history.
    pub note: String,
}

/// The fingerprint of what [`pack`] would put into a layer.
pub(crate) fn fingerprint(trees: &[Tree]) -> Result<Fingerprint, Failure> {
    let mut parts = Vec::new();
    for (path, entry) in entries(trees)? {
        parts.push(path.into_bytes());
        parts.push(match entry {
            Kind::Folder => b"folder".to_vec(),
            Kind::Link { to } => format!("link {to}").into_bytes(),
            Kind::File { from, executable, .. } => {
                let mut content = vec![u8::from(executable)];
                let read = std::fs::File::open(&from).and_then(|mut file| file.read_to_end(&mut content));
                read.map_err(|error| unreadable(&from, &error))?;
                content
            }
        });
    }
    Ok(Fingerprint::of(parts.iter().map(Vec::as_slice)))
}
