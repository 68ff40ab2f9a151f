//! What is kept on this computer: layers once packed, and manifests and configs once read.
//!
//! A folder in the form of an OCI image layout, `blobs/sha256/…`, and beside it `layers/…`, which tells for a
//! fingerprint what layer came of it. All of it can be deleted at any time; it is made or read anew.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use oci_spec::image::Digest;
use protocol::Failure;
use tempfile::NamedTempFile;

use crate::fingerprint::{Fingerprint, digest_of};
use crate::image::{Blob, Image, Origin};
use crate::layer::{self, Cancelled, Layer, Tree};

/// A folder of layers and documents. Several programs may use one at a time.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens the store in a folder, and makes it if need be.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, Failure> {
        let store = Self { folder: folder.into() };
        let make = || {
            std::fs::create_dir_all(store.blobs())?;
            std::fs::create_dir_all(store.layers())
        };
        make().map_err(|error| unwritable(&store.folder, &error))?;
        Ok(store)
    }

    /// The layer that was packed for a fingerprint, if it is still there.
    pub fn layer(&self, fingerprint: &Fingerprint) -> Option<Layer> {
        let memo = std::fs::read(self.memo(fingerprint)).ok()?;
        let layer: Layer = serde_json::from_slice(&memo).ok()?;
        let there = std::fs::metadata(self.blob(&layer.digest)).ok()?.len();
        (there == layer.size).then_some(layer)
    }

    /// Packs folders into a layer and remembers it by the fingerprint of what they were made from. `note` goes into the
    /// image's history. Dropping the future ends the work.
    pub async fn pack(&self, fingerprint: &Fingerprint, trees: Vec<Tree>, note: &str) -> Result<Layer, Failure> {
        let (store, fingerprint, note) = (self.clone(), fingerprint.clone(), note.to_owned());
        let cancelled = Cancelled::default();
        let _ends = EndsOnDrop(Arc::clone(&cancelled));
        let packing = tokio::task::spawn_blocking(move || store.pack_now(&fingerprint, &trees, note, &cancelled));
        packing.await.map_err(|error| Failure::bug("Packing a layer ended in the middle").source(&error))?
    }

    fn pack_now(
        &self,
        fingerprint: &Fingerprint,
        trees: &[Tree],
        note: String,
        cancelled: &Cancelled,
    ) -> Result<Layer, Failure> {
        // It takes its name when it is whole; a draft that is given up deletes itself.
        let draft = self.draft().map_err(|error| unwritable(&self.folder, &error))?;
        let packed = layer::pack(trees, draft.as_file(), cancelled)?;
        let layer = Layer { digest: packed.digest, diff_id: packed.diff_id, size: packed.size, note };
        let keep = || {
            draft.persist(self.blob(&layer.digest))?;
            self.write(&self.memo(fingerprint), &serde_json::to_vec(&layer)?)
        };
        keep().map_err(|error| unwritable(&self.folder, &error))?;
        Ok(layer)
    }

    /// Deletes what none of these images needs. For after a push: a layer of the version before is some 100 MB.
    pub fn keep_only(&self, images: &[&Image]) -> Result<(), Failure> {
        let blobs = images.iter().flat_map(|image| image.blobs.iter().map(|blob| &blob.digest).chain([&image.digest]));
        let wanted: HashSet<&str> = blobs.map(Digest::digest).collect();
        let sweep = || {
            remove_unless(&self.blobs(), |path| wanted.contains(name(path)))?;
            remove_unless(&self.layers(), |path| {
                let layer = std::fs::read(path).ok().and_then(|memo| serde_json::from_slice::<Layer>(&memo).ok());
                layer.is_some_and(|layer| wanted.contains(layer.digest.digest()))
            })
        };
        sweep().map_err(|error| unwritable(&self.folder, &error))
    }

    /// The blob of a layer that was packed here.
    pub(crate) fn packed(&self, layer: &Layer) -> Blob {
        Blob { digest: layer.digest.clone(), size: layer.size, origin: Origin::File(self.blob(&layer.digest)) }
    }

    /// A manifest or config that was kept. One that is damaged is as good as none.
    pub(crate) fn document(&self, digest: &Digest) -> Option<Bytes> {
        let bytes = std::fs::read(self.blob(digest)).ok()?;
        (digest_of(&bytes) == *digest).then(|| bytes.into())
    }

    /// Keeps a manifest or config.
    pub(crate) fn keep(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Failure> {
        self.write(&self.blob(digest), bytes).map_err(|error| unwritable(&self.folder, &error))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut draft = self.draft()?;
        draft.write_all(bytes)?;
        draft.persist(path)?;
        Ok(())
    }

    fn draft(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix(".draft").tempfile_in(self.blobs())
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.digest())
    }

    fn memo(&self, fingerprint: &Fingerprint) -> PathBuf {
        self.layers().join(fingerprint.to_string())
    }

    fn blobs(&self) -> PathBuf {
        self.folder.join("blobs").join("sha256")
    }

    fn layers(&self) -> PathBuf {
        self.folder.join("layers")
    }
}

/// Tells a thread at work that nobody waits for it.
struct EndsOnDrop(Cancelled);

impl Drop for EndsOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn remove_unless(folder: &Path, wanted: impl Fn(&Path) -> bool) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if !wanted(&path) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::environment(format!("{} could not be written", path.display())).source(error)
}
