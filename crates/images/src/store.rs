//! What is kept on this computer: layers once packed, and manifests and configs once read.
//!
//! A folder in the form of an OCI image layout, `blobs/sha256/…`, and beside it `layers/…`, which tells for a
//! fingerprint what layer came of it. All of it can be deleted at any time; it is made or read anew.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use oci_spec::image::Digest;
use protocol::Failure;
use tempfile::NamedTempFile;

use crate::disk::unwritable;
use crate::fingerprint::{Fingerprint, digest_of};
use crate::image::{Blob, Image, Origin};
use crate::layer::{self, Cancelled, Layer, Tree};

/// How the names of half-written files begin.
const DRAFT: &str = ".draft";

/// A draft this old belongs to a program that was killed.
const ABANDONED: Duration = Duration::from_hours(24);

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
        make().map_err(|error| unwritable(store.folder.display(), &error))?;
        Ok(store)
    }

    /// The layer that was packed for a fingerprint, if it is still there.
    pub fn layer(&self, fingerprint: &Fingerprint) -> Option<Layer> {
        let layer = read_memo(&self.memo(fingerprint))?;
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
        let draft = self.draft().map_err(|error| unwritable(self.folder.display(), &error))?;
        let packed = layer::pack(trees, draft.as_file(), cancelled)?;
        let layer = Layer { digest: packed.digest, diff_id: packed.diff_id, size: packed.size, note };
        let keep = || {
            draft.persist(self.blob(&layer.digest))?;
            self.write(&self.memo(fingerprint), &serde_json::to_vec(&layer)?)
        };
        keep().map_err(|error| unwritable(self.folder.display(), &error))?;
        Ok(layer)
    }

    /// Deletes the layers that none of these images needs. For after a push: one of the version before is some 100 MB.
    pub fn keep_only(&self, images: &[&Image]) -> Result<(), Failure> {
        let wanted: HashSet<&Digest> =
            images.iter().flat_map(|image| image.blobs.iter().map(|blob| &blob.digest)).collect();
        let sweep = || {
            for memo in files(&self.layers())? {
                let layer = read_memo(&memo);
                if layer.as_ref().is_some_and(|layer| wanted.contains(&layer.digest)) {
                    continue;
                }
                // The blob first: without its memo it would never be found again.
                layer.map_or(Ok(()), |layer| remove(&self.blob(&layer.digest)))?;
                remove(&memo)?;
            }
            self.remove_old_drafts()
        };
        sweep().map_err(|error| unwritable(self.folder.display(), &error))
    }

    /// What killed programs left. A fresh one may belong to a program at work.
    fn remove_old_drafts(&self) -> io::Result<()> {
        for path in files(&self.blobs())? {
            let draft = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(DRAFT));
            let written = std::fs::metadata(&path).and_then(|file| file.modified());
            if draft && written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ABANDONED)) {
                remove(&path)?;
            }
        }
        Ok(())
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
        self.write(&self.blob(digest), bytes).map_err(|error| unwritable(self.folder.display(), &error))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut draft = self.draft()?;
        draft.write_all(bytes)?;
        draft.persist(path)?;
        Ok(())
    }

    fn draft(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix(DRAFT).tempfile_in(self.blobs())
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.digest())
    }

    fn memo(&self, fingerprint: &Fingerprint) -> PathBuf {
        self.layers().join(format!("{}-{fingerprint}", layer::FORMAT))
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

fn read_memo(path: &Path) -> Option<Layer> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// Removes a file. That somebody else did so first is as good.
fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
