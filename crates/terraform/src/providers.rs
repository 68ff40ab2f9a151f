//! Installing providers: once for all roots and stacks, into a folder they share.
//!
//! A provider is hundreds of megabytes. Terraform takes one from its cache only if the root's lock file has its checksum,
//! and a fresh root has no lock file; so the lock file of the root that was initialised last is lent to the next. Two
//! Terraforms must not write to the cache at once, so the second waits.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::Failure;

use crate::files::{self, read_if_there, unreadable, unwritable, write_durably};
use crate::listener::Listener;

const POLL: Duration = Duration::from_millis(200);

const LOCK_FILE: &str = ".terraform.lock.hcl";

/// The folder that roots share.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where Terraform puts providers.
    pub(crate) fn providers(&self) -> PathBuf {
        self.folder.join("providers")
    }

    /// Waits until nobody else installs, and keeps others waiting while the file lives.
    pub(crate) async fn alone(&self, listener: &dyn Listener) -> Result<File, Failure> {
        fs::create_dir_all(self.providers()).map_err(unwritable(&self.folder))?;
        let path = self.folder.join("lock");
        let file = File::create(&path).map_err(unwritable(&path))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => {
                    listener.progress(0, None, "Waiting for another root to install its provider".to_owned());
                    tokio::select! {
                        () = tokio::time::sleep(POLL) => {}
                        () = listener.stopping().cancelled() => return Err(Failure::cancelled()),
                    }
                }
                Err(TryLockError::Error(error)) => return Err(unwritable(&path)(error)),
            }
        }
    }

    /// Lends a root without a lock file the latest one; says whether it did.
    pub(crate) fn lend(&self, root: &Path) -> Result<bool, Failure> {
        let own = root.join(LOCK_FILE);
        let lent = self.folder.join("lent.lock.hcl");
        if own.exists() {
            return Ok(false);
        }
        let Some(content) = read_if_there(&lent).map_err(unreadable(&lent))? else { return Ok(false) };
        write_durably(&own, &content).map_err(unwritable(&own))?;
        Ok(true)
    }

    /// Takes back a lock file that a root could not use.
    pub(crate) fn take_back(root: &Path) -> Result<(), Failure> {
        files::remove(&root.join(LOCK_FILE))
    }

    /// Keeps the lock file of a root that was initialised.
    pub(crate) fn keep(&self, root: &Path) -> Result<(), Failure> {
        let own = root.join(LOCK_FILE);
        // A root that needs no provider but the one built in has none.
        let Some(content) = read_if_there(&own).map_err(unreadable(&own))? else { return Ok(()) };
        let lent = self.folder.join("lent.lock.hcl");
        write_durably(&lent, &content).map_err(unwritable(&lent))
    }
}

/// A Terraform configuration that takes providers from a folder laid out as a filesystem mirror and from nowhere else.
/// To be named to Terraform in `TF_CLI_CONFIG_FILE`.
pub fn mirror_config(mirror: &Path) -> String {
    let path = mirror.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${");
    format!("provider_installation {{\n  filesystem_mirror {{\n    path = \"{path}\"\n  }}\n}}\n")
}

/// Whether every provider that a folder of Terraform's names is there. They are links into the cache, which somebody may
/// have emptied.
pub(crate) fn are_there(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let there = if entry.file_type()?.is_dir() { are_there(&entry.path())? } else { entry.path().exists() };
        if !there {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_is_lent_to_a_root_that_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        for root in [&first, &second] {
            fs::create_dir(root).unwrap();
        }
        let cache = Cache::new(folder.path().join("cache"));
        fs::create_dir(&cache.folder).unwrap();
        cache.keep(&first).unwrap();
        assert!(!cache.lend(&second).unwrap(), "there is none to lend");
        fs::write(first.join(LOCK_FILE), "hashes").unwrap();
        cache.keep(&first).unwrap();
        assert!(cache.lend(&second).unwrap());
        assert_eq!(fs::read_to_string(second.join(LOCK_FILE)).unwrap(), "hashes");
        assert!(!cache.lend(&second).unwrap(), "it has its own now");
        Cache::take_back(&second).unwrap();
        assert!(!second.join(LOCK_FILE).exists());
    }

    #[test]
    fn a_mirror_with_an_odd_name_is_named_rightly() {
        let config = mirror_config(Path::new("/a \"b\"/${c}"));
        assert!(config.contains(r#"path = "/a \"b\"/$${c}""#), "{config}");
    }

    #[test]
    fn an_emptied_cache_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(are_there(&folder.path().join("none")).unwrap());
        let (target, deep) = (folder.path().join("target"), folder.path().join("providers/x/y"));
        fs::create_dir_all(&target).unwrap();
        fs::create_dir_all(&deep).unwrap();
        std::os::unix::fs::symlink(&target, deep.join("linux_amd64")).unwrap();
        assert!(are_there(&folder.path().join("providers")).unwrap());
        fs::remove_dir(&target).unwrap();
        assert!(!are_there(&folder.path().join("providers")).unwrap());
    }
}
