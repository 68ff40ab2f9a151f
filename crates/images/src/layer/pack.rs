//! Writing a layer: a tar archive without anything that differs between computers, compressed.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oci_spec::image::Digest;
use protocol::Failure;
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::gzip::Gzip;
use super::tree::{Kind, Tree, entries};
use crate::disk::{unreadable, unwritable};
use crate::fingerprint::digest;

/// Set when nobody waits for the layer any more.
pub(crate) type Cancelled = Arc<AtomicBool>;

/// What was written.
pub(crate) struct Packed {
    pub(crate) digest: Digest,
    pub(crate) diff_id: Digest,
    pub(crate) size: u64,
}

/// Packs trees into a file. Blocks, for seconds when they are large.
pub(crate) fn pack(trees: &[Tree], to: &File, cancelled: &Cancelled) -> Result<Packed, Failure> {
    let gzip = Gzip::new(Hashed::new(BufWriter::new(to), cancelled)).map_err(|error| unwritten(&error))?;
    let mut archive = Builder::new(Hashed::new(gzip, cancelled));
    for (path, kind) in entries(trees)? {
        append(&mut archive, &path, kind)?;
    }
    let finish = || {
        let (gzip, diff_id, _) = archive.into_inner()?.finish();
        let (mut file, digest, size) = gzip.finish()?.finish();
        file.flush()?;
        // The name it gets tells its content, also after the power was lost.
        to.sync_data()?;
        Ok(Packed { digest, diff_id, size })
    };
    finish().map_err(|error| unwritten(&error))
}

fn append(archive: &mut Builder<impl Write>, path: &str, kind: Kind) -> Result<(), Failure> {
    // Everything a header could say beyond this (owner, time, group's and others' rights) is the same for all.
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    match kind {
        Kind::Folder => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o755);
            archive.append_data(&mut header, format!("{path}/"), io::empty()).map_err(|error| unwritten(&error))
        }
        Kind::Link { to } => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            archive.append_link(&mut header, path, to).map_err(|error| unwritten(&error))
        }
        Kind::File { from, size, executable } => {
            header.set_mode(if executable { 0o755 } else { 0o644 });
            header.set_size(size);
            let mut content = Content::open(&from, size).map_err(|error| unreadable(&from, &error))?;
            let appended = archive.append_data(&mut header, path, &mut content);
            content.checked(&from, appended)
        }
    }
}

/// A file's bytes, as many as its header promises. Keeps apart what goes wrong with it and with the archive.
struct Content {
    file: File,
    left: u64,
    fault: Option<io::Error>,
}

impl Content {
    fn open(path: &Path, size: u64) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, left: size, fault: None })
    }

    fn checked(self, path: &Path, appended: io::Result<()>) -> Result<(), Failure> {
        if let Some(fault) = self.fault {
            return Err(unreadable(path, &fault));
        }
        appended.map_err(|error| unwritten(&error))
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read(&mut buffer[..limit])?;
        if read == 0 && limit > 0 {
            return Err(io::Error::other("it became shorter while it was packed"));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_some(buffer).map_err(|error| {
            let told = io::Error::other("a file could not be read");
            self.fault = Some(error);
            told
        })
    }
}

/// Hashes and counts what passes through, until cancelled.
struct Hashed<'a, W> {
    to: W,
    hash: Sha256,
    size: u64,
    cancelled: &'a Cancelled,
}

impl<'a, W> Hashed<'a, W> {
    fn new(to: W, cancelled: &'a Cancelled) -> Self {
        Self { to, hash: Sha256::new(), size: 0, cancelled }
    }

    fn finish(self) -> (W, Digest, u64) {
        (self.to, digest(self.hash), self.size)
    }
}

impl<W: Write> Write for Hashed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(io::Error::other("cancelled"));
        }
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn unwritten(error: &io::Error) -> Failure {
    unwritable("A layer of the image", error)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::{self, OpenOptions};
    use std::time::{Duration, SystemTime};

    use flate2::read::GzDecoder;
    use tempfile::{NamedTempFile, TempDir};

    use super::*;
    use crate::layer::fingerprint;

    fn written(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    fn packed(trees: &[Tree]) -> (Packed, Vec<u8>) {
        let file = NamedTempFile::new().unwrap();
        let packed = pack(trees, file.as_file(), &Cancelled::default()).unwrap();
        let bytes = fs::read(file.path()).unwrap();
        assert_eq!(packed.size, bytes.len() as u64);
        (packed, bytes)
    }

    /// Path → (type, mode, uid, gid, time, content) of each entry, in the order of the archive.
    fn listed(bytes: &[u8]) -> Vec<(String, u8, u32, u64, u64, String)> {
        let mut archive = tar::Archive::new(GzDecoder::new(bytes));
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let (path, header) = (entry.path().unwrap().display().to_string(), entry.header().clone());
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let owner = header.uid().unwrap() + header.gid().unwrap();
            let kind = header.entry_type().as_byte();
            (path, kind, header.mode().unwrap(), owner, header.mtime().unwrap(), content)
        });
        entries.collect()
    }

    #[test]
    fn time_and_order_and_rights_of_others_do_not_show() {
        let files = [("b/two.py", "2"), ("a.py", "1"), ("b/__pycache__/two.pyc", "x"), ("notes/skip", "x")];
        let one = written(&files);
        let other = written(&[files[1], files[0]]);
        let earlier = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let file = OpenOptions::new().write(true).open(other.path().join("a.py")).unwrap();
        file.set_modified(earlier).unwrap();
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(other.path().join("a.py"), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let trees = |folder: &TempDir| [Tree::new(folder.path(), "/opt/shop/").without("notes")];
        let ((one_packed, bytes), (other_packed, _)) = (packed(&trees(&one)), packed(&trees(&other)));
        assert_eq!(one_packed.digest, other_packed.digest);
        assert_eq!(fingerprint(&trees(&one)).unwrap(), fingerprint(&trees(&other)).unwrap());
        let file = |path: &str, content: &str| (path.to_owned(), b'0', 0o644, 0, 0, content.to_owned());
        let folder = |path: &str| (path.to_owned(), b'5', 0o755, 0, 0, String::new());
        assert_eq!(
            listed(&bytes),
            [
                folder("opt/"),
                folder("opt/shop/"),
                file("opt/shop/a.py", "1"),
                folder("opt/shop/b/"),
                file("opt/shop/b/two.py", "2"),
            ]
        );
    }

    #[test]
    fn the_same_bytes_come_out_in_every_place_and_every_year() {
        let folder = written(&[("a.py", "print('hello')\n"), (&format!("{0}/{0}/{0}", "long".repeat(20)), "deep")]);
        let (packed, _) = packed(&[Tree::new(folder.path(), "opt")]);
        // If this changes, so do all images: raise `FORMAT`.
        assert_eq!(
            packed.digest.to_string(),
            "sha256:c9d178a4b84cfdf97b75d85d231e3a091f262565c668f8b09e950159ac406c1b"
        );
    }

    #[test]
    fn every_change_of_content_changes_digest_and_fingerprint() {
        let base = [("a", "1"), ("b", "2")];
        let variants: [&[(&str, &str)]; 5] =
            [&base, &[("a", "1"), ("b", "3")], &[("a", "1")], &[("a", "1"), ("c", "2")], &[("a", "12"), ("b", "")]];
        let mut seen = BTreeMap::new();
        for files in variants {
            let folder = written(files);
            let trees = [Tree::new(folder.path(), "opt")];
            seen.insert(packed(&trees).0.digest.to_string(), fingerprint(&trees).unwrap().to_string());
        }
        assert_eq!(seen.len(), variants.len());
        assert_eq!(seen.values().collect::<std::collections::BTreeSet<_>>().len(), variants.len());
    }

    #[test]
    fn programs_links_and_long_paths_survive() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let long = format!("{0}/{0}/{0}/end", "x".repeat(90));
        let folder = written(&[("bin/run", "#!/bin/sh"), (&long, "deep")]);
        fs::set_permissions(folder.path().join("bin/run"), fs::Permissions::from_mode(0o700)).unwrap();
        symlink("bin/run", folder.path().join("start")).unwrap();
        let (_, bytes) = packed(&[Tree::new(folder.path(), "")]);
        let listed = listed(&bytes);
        let find = |path: &str| listed.iter().find(|entry| entry.0 == path).unwrap();
        assert_eq!((find("bin/run").1, find("bin/run").2), (b'0', 0o755));
        assert_eq!((find("start").1, find("start").2), (b'2', 0o777));
        assert_eq!(find(&long).5, "deep");
        std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        let failure = pack(&[Tree::new(folder.path(), "")], &tempfile::tempfile().unwrap(), &Cancelled::default());
        assert!(failure.err().unwrap().summary.contains("socket cannot be put into an image"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_called_one() {
        let folder = written(&[("a", "1")]);
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let failure = pack(&[Tree::new(folder.path(), "opt")], &full, &Cancelled::default()).err().unwrap();
        assert_eq!(failure.summary, "A layer of the image could not be written");
        assert!(failure.hint.unwrap().starts_with("The disk is full"), "{:?}", failure.causes);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let trees = [Tree::new("/nonexistent/dbt", "opt")];
        let failure = pack(&trees, &tempfile::tempfile().unwrap(), &Cancelled::default()).err().unwrap();
        assert_eq!(failure.summary, "/nonexistent/dbt could not be read");
    }

    #[test]
    fn nobody_waits_for_a_cancelled_one() {
        let folder = written(&[("a", "1")]);
        let cancelled = Cancelled::new(AtomicBool::new(true));
        let packed = pack(&[Tree::new(folder.path(), "opt")], &tempfile::tempfile().unwrap(), &cancelled);
        assert_eq!(packed.err().unwrap().causes, ["cancelled"]);
    }
}
