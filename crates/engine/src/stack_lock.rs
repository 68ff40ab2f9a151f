//! The lock of a stack, which lasts no longer than the process that holds it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use protocol::{Code, Failure};

/// The lock of a stack: held by its agent for as long as it lives, released by the operating system if it is killed.
#[derive(Debug)]
pub struct StackLock {
    file: File,
    path: PathBuf,
}

impl StackLock {
    /// Takes the lock. Fails with [`Code::Busy`] if another process holds it, and with [`Code::NoSuchStack`] if its folder is
    /// not there, or no longer: whoever removes a stack holds the lock meanwhile.
    pub fn acquire(path: &Path) -> Result<Self, Failure> {
        let broken = |error: &io::Error| {
            let failure = Failure::environment(format!("The lock {} could not be taken", path.display())).source(error);
            if error.kind() == io::ErrorKind::NotFound { failure.code(Code::NoSuchStack) } else { failure }
        };
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(|error| broken(&error))?;
        match file.try_lock() {
            Ok(()) => is_at(&file, path).map(|()| Self { file, path: path.to_owned() }).map_err(|error| broken(&error)),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::environment("Another process looks after this stack").code(Code::Busy))
            }
            Err(TryLockError::Error(error)) => Err(broken(&error)),
        }
    }

    /// Whether the stack is still where it was: its folder may have been moved or removed by hand.
    pub fn is_in_place(&self) -> bool {
        !matches!(is_at(&self.file, &self.path), Err(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Whether an open file is still the one that a path names.
fn is_at(file: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let (open, named) = (file.metadata()?, fs::metadata(path)?);
    let same = (open.dev(), open.ino()) == (named.dev(), named.ino());
    if same { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_exclusive_until_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = StackLock::acquire(&path).unwrap();
        assert_eq!(StackLock::acquire(&path).unwrap_err().code, Some(Code::Busy));
        drop(lock);
        StackLock::acquire(&path).unwrap();
    }

    #[test]
    fn the_lock_of_a_folder_that_is_gone_cannot_be_had() {
        let home = tempfile::tempdir().unwrap();
        let (stack, aside) = (home.path().join("stack"), home.path().join("aside"));
        fs::create_dir(&stack).unwrap();
        let lock = StackLock::acquire(&stack.join("lock")).unwrap();
        // Who waits for the lock while its holder takes the folder away has opened the file already.
        let waiting = File::open(stack.join("lock")).unwrap();
        assert!(lock.is_in_place());
        fs::rename(&stack, &aside).unwrap();
        assert!(!lock.is_in_place());
        drop(lock);
        assert_eq!(is_at(&waiting, &stack.join("lock")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(StackLock::acquire(&stack.join("lock")).unwrap_err().code, Some(Code::NoSuchStack));
        fs::create_dir(&stack).unwrap();
        File::create(stack.join("lock")).unwrap();
        assert!(is_at(&waiting, &stack.join("lock")).is_err(), "another stack's lock is another lock");
    }
}
