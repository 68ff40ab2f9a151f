//! Files and folders: written whole, removed whole, open to whom they must be and to nobody else.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::privileges::{runs_as_root, set_mode};

/// The free space, in bytes, of the disk that holds the path or would hold it; `None` if it cannot be told.
pub fn free_space(path: &Path) -> Option<u64> {
    let disk = path.ancestors().find_map(|folder| rustix::fs::statvfs(folder).ok())?;
    Some(disk.f_bavail * disk.f_frsize)
}

/// Writes a file so that a reader, another writer, or a kill, sees the old content or the new one and nothing between.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    draft(path, content)?.persist(path)?;
    Ok(())
}

/// The same, for a file that is not there yet: fails if it is.
pub fn create_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    draft(path, content)?.persist_noclobber(path)?;
    Ok(())
}

/// The content in a file of its own beside the one that it is for; gone when dropped.
fn draft(path: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut draft = NamedTempFile::with_prefix_in(".draft-", path.parent().unwrap_or(Path::new(".")))?;
    draft.write_all(content)?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

/// Removes a folder and all in it; one that is not there is success.
pub fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes a folder for this user alone. When root runs us, others may pass through it (not list it), because
/// PostgreSQL then runs as an unprivileged user and must reach its own folder inside.
pub fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    set_mode(path, if runs_as_root() { 0o711 } else { 0o700 })
}
