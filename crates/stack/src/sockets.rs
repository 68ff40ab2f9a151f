//! The folder of a stack's sockets: where it may lie, and who may write in it.
//!
//! Whoever can put a socket of his own in the place of ours can play our agent. So the folder is one that only this user may write
//! to, below one where nobody else may rename it, and it is looked at before each use.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use protocol::Failure;
use sha2::{Digest, Sha256};

use crate::privileges::runs_as_root;

/// Root's sockets: where only root may write, and the user that PostgreSQL runs as may pass.
const OF_ROOT: &str = if cfg!(target_os = "linux") { "/run/retailflow" } else { "/var/run/retailflow" };

/// Where everybody may make a folder, by a path that is short.
const OF_ALL: &str = "/tmp";

/// The longest path of a socket that the platforms allow, in bytes: 104 (macOS) to 108, with the byte that ends it.
const LONGEST: usize = 103;

/// The longest name of ours in a sockets' folder.
const WITHIN: &str = "pg/.s.PGSQL.5432";

/// What others may do to a folder of mode `0o777`.
const WRITTEN_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// Chooses the sockets' folder of the stack with an identity: in the user's own runtime folder, the temporary folder or `/tmp`, the
/// first that is safe and leaves a path short enough.
pub(crate) fn choose(id: &str) -> PathBuf {
    let bases = if runs_as_root() {
        vec![PathBuf::from(OF_ROOT)]
    } else {
        let own = [runtime_folder(), Some(std::env::temp_dir())].into_iter().flatten();
        own.filter(|base| is_safe_below(base)).collect()
    };
    let mut folders = bases.into_iter().map(|base| base.join(name(id)));
    folders.find(|folder| fits(folder)).unwrap_or_else(|| Path::new(OF_ALL).join(name(id)))
}

/// Where the sockets of a stack would lie that is made now: tried by making a folder there and removing it.
pub fn try_out() -> Result<PathBuf, Failure> {
    let folder = choose(&ulid::Ulid::generate().to_string());
    make(&folder)?;
    // An empty one that stays harms nobody.
    let _ = fs::remove_dir(&folder);
    Ok(folder.parent().unwrap_or(&folder).to_owned())
}

/// Where versions that recorded no choice look for it.
pub(crate) fn where_older_versions_look(id: &str) -> PathBuf {
    runtime_folder().filter(|_| !runs_as_root()).unwrap_or_else(std::env::temp_dir).join(name(id))
}

/// What the folder of the stack with an identity is called.
pub(crate) fn name(id: &str) -> String {
    format!("rf-{}", hex::encode(&Sha256::digest(id)[..6]))
}

fn runtime_folder() -> Option<PathBuf> {
    std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute() && path.is_dir())
}

fn fits(folder: &Path) -> bool {
    folder.join(WITHIN).as_os_str().len() <= LONGEST
}

/// Whether nobody else can rename what we make in a folder.
fn is_safe_below(base: &Path) -> bool {
    fs::metadata(base).is_ok_and(|found| {
        let trusted = found.uid() == own() || found.uid() == 0;
        found.is_dir() && trusted && (found.mode() & WRITTEN_BY_OTHERS == 0 || found.mode() & STICKY != 0)
    })
}

/// Makes the folder unless it is there. One that others could write to is refused.
pub(crate) fn make(folder: &Path) -> Result<(), Failure> {
    let base = folder.parent().filter(|base| *base == Path::new(OF_ROOT));
    base.into_iter().chain([folder]).try_for_each(|path| {
        match DirBuilder::new().mode(mode()).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Failure::environment(format!(
                    "The folder of the stack's sockets {} could not be made",
                    path.display()
                ))
                .source(&error));
            }
            _ => {}
        }
        is_ours(path).map(drop)
    })
}

/// Whether the folder is there; fails if others could write to it.
pub(crate) fn is_ours(folder: &Path) -> Result<bool, Failure> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::environment(format!("{} could not be looked at", folder.display())).source(&error)),
        Ok(found) => objection(&found).map_or(Ok(true), |objection| Err(refused(folder, objection))),
    }
}

fn objection(found: &Metadata) -> Option<String> {
    if !found.is_dir() {
        return Some("it is no folder".to_owned());
    }
    if found.uid() != own() {
        return Some(format!("it belongs to user {}, not to {}", found.uid(), own()));
    }
    (found.mode() & WRITTEN_BY_OTHERS != 0).then(|| format!("others may write to it (mode {:o})", found.mode() & 0o777))
}

fn refused(folder: &Path, objection: String) -> Failure {
    Failure::environment(format!("{} cannot be trusted with the stack's sockets", folder.display()))
        .cause(objection)
        .hint(
            "Somebody else could answer in the place of the stack's agent, so it was not used. Run RetailFlow as the user who made \
             the stack, or remove what lies there; then run the command again.",
        )
}

/// For this user alone; if root runs us, others may pass, because PostgreSQL then runs as one of them.
fn mode() -> u32 {
    if runs_as_root() { 0o711 } else { 0o700 }
}

fn own() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_could_write_to_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("rf-1");
        assert_eq!(is_ours(&folder), Ok(false));
        make(&folder).unwrap();
        make(&folder).unwrap();
        assert_eq!(is_ours(&folder), Ok(true));
        set_mode(&folder, 0o777);
        assert!(make(&folder).unwrap_err().causes[0].contains("777"));
        let link = base.path().join("rf-2");
        symlink(base.path(), &link).unwrap();
        assert!(is_ours(&link).unwrap_err().causes[0].contains("no folder"));
        if runs_as_root() {
            set_mode(&folder, 0o700);
            std::os::unix::fs::chown(&folder, Some(1500), Some(1500)).unwrap();
            assert!(is_ours(&folder).unwrap_err().causes[0].contains("user 1500"));
        }
    }

    #[test]
    fn the_folder_is_chosen_where_nobody_else_can_rename_it_and_the_path_fits() {
        let base = tempfile::tempdir().unwrap();
        assert!(is_safe_below(base.path()));
        set_mode(base.path(), 0o777);
        assert!(!is_safe_below(base.path()));
        set_mode(base.path(), 0o1777);
        assert!(is_safe_below(base.path()));
        let chosen = choose("01k0000000000000000abcdefg");
        assert!(fits(&chosen) && choose("another") != chosen, "{}", chosen.display());
        assert!(!fits(&Path::new("/").join("long/".repeat(20))));
    }
}
