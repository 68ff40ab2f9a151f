//! Root and nobody: PostgreSQL refuses to run as root, so where root runs us it runs as a user without rights.

use std::fs;
use std::io;
use std::path::Path;

/// The user id that owns PostgreSQL's files when RetailFlow runs as root, which PostgreSQL refuses to: `nobody`.
const NOBODY: u32 = 65_534;

/// Gives a folder to the user PostgreSQL runs as, closed to everyone else.
pub fn make_postgres_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    if let Some(user) = postgres_user() {
        std::os::unix::fs::chown(path, Some(user), Some(user))?;
    }
    set_mode(path, 0o700)
}

/// The user PostgreSQL must run as instead of ours, if ours is root.
pub fn postgres_user() -> Option<u32> {
    runs_as_root().then_some(NOBODY)
}

/// Lets whoever may pass through our folders read what we make, whatever the user's shell would have: PostgreSQL's user must
/// run programs that root installed. What is to be closed is closed by name.
pub fn set_umask() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
}

/// Whether root runs us.
pub fn runs_as_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
