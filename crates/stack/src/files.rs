//! Files and folders: written whole, removed whole, open to whom they must be and to nobody else.

use std::fs;
use std::io;
use std::path::Path;

use crate::privileges::{runs_as_root, set_mode};

/// The free space, in bytes, of the disk that holds the path or would hold it; `None` if it cannot be told.
pub fn free_space(path: &Path) -> Option<u64> {
    let disk = path.ancestors().find_map(|folder| rustix::fs::statvfs(folder).ok())?;
    Some(disk.f_bavail * disk.f_frsize)
}

/// Writes a file so that a reader, or a kill, sees the old content or the new one and nothing between.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let draft = path.with_extension("draft");
    let mut file = fs::File::create(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path)
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
