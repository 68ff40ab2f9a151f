//! Writing files that must be whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use protocol::Failure;

/// Writes a file so that a reader, a kill or a loss of power finds the old content or the new one and nothing between.
pub(crate) fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = draft(path);
    let mut file = File::create(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    // The new name is on the disk once its folder is.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// As [`write_durably`], for what need not survive a loss of power.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = draft(path);
    fs::write(&draft, content)?;
    fs::rename(&draft, path)
}

/// Reads a file; `None` if it is not there.
pub(crate) fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a file; one that is not there is success.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::environment(format!("{} could not be removed", path.display())).source(&error))
        }
        _ => Ok(()),
    }
}

/// The numbered files of a folder, the oldest first: `0007.tfstate` or `0007-apply.jsonl` is number 7.
pub(crate) fn numbered(folder: &Path, extension: &str) -> io::Result<Vec<(u32, PathBuf)>> {
    fs::create_dir_all(folder)?;
    let number = |path: &Path| -> Option<u32> {
        let stem = path.file_stem().filter(|_| path.extension().is_some_and(|found| found == extension))?;
        stem.to_str()?.split('-').next()?.parse().ok()
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        found.extend(number(&path).map(|number| (number, path)));
    }
    found.sort_unstable();
    Ok(found)
}

/// A closure that says a path could not be read.
pub(crate) fn unreadable(path: &Path) -> impl Fn(io::Error) -> Failure + '_ {
    move |error| Failure::environment(format!("{} could not be read", path.display())).source(&error)
}

/// A closure that says a path could not be written.
pub(crate) fn unwritable(path: &Path) -> impl Fn(io::Error) -> Failure + '_ {
    move |error| Failure::environment(format!("{} could not be written", path.display())).source(&error)
}

fn draft(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".draft");
    path.with_file_name(name)
}
