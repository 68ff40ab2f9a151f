//! Files and folders: written whole, removed whole, open to whom they must be and to nobody else.

use std::fs;
use std::io;
use std::path::Path;

/// The user id that owns PostgreSQL's files when RetailFlow runs as root, which PostgreSQL refuses to: `nobody`.
const NOBODY: u32 = 65_534;

/// The free space, in bytes, of the disk that holds the path or would hold it; `None` if it cannot be told.
pub(crate) fn free_space(path: &Path) -> Option<u64> {
    let disk = path.ancestors().find_map(|folder| rustix::fs::statvfs(folder).ok())?;
    Some(disk.f_bavail * disk.f_frsize)
}

/// Writes a file so that a reader, or a kill, sees the old content or the new one and nothing between.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let draft = path.with_extension("draft");
    let mut file = fs::File::create(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// Removes a folder and all in it; one that is not there is success.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes a folder for this user alone. When root runs us, others may pass through it (not list it), because
/// PostgreSQL then runs as an unprivileged user and must reach its own folder inside.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    set_mode(path, if runs_as_root() { 0o711 } else { 0o700 })
}

/// Gives a folder to the user PostgreSQL runs as, closed to everyone else.
pub(crate) fn make_postgres_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    if let Some(user) = postgres_user() {
        std::os::unix::fs::chown(path, Some(user), Some(user))?;
    }
    set_mode(path, 0o700)
}

/// The user PostgreSQL must run as instead of ours, if ours is root.
pub(crate) fn postgres_user() -> Option<u32> {
    runs_as_root().then_some(NOBODY)
}

pub(crate) fn runs_as_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
