//! Reading a file at a place, so that several threads may share it, and telling files apart. What each system calls that sits
//! here.

use std::fs::{File, Metadata};
use std::io;
use std::time::SystemTime;

/// Reads into as much of `buffer` as the file has from `offset` on, and gives how many bytes that is.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_some(file, &mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// What tells a file from another one that had or gets its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    number: u64,
    /// When it was made, where the file system knows: numbers are used again.
    made: Option<SystemTime>,
}

impl Identity {
    /// Whose metadata these are.
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { number: number(metadata), made: metadata.created().ok() }
    }
}

fn number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}
