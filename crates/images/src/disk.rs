//! What is said when this computer's disk does not do as asked.

use std::fmt::Display;
use std::io;
use std::path::Path;

use protocol::Failure;

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::environment(format!("{} could not be read", path.display())).source(error)
}

/// `what` begins the sentence: a path, or what it was meant to be.
pub(crate) fn unwritable(what: impl Display, error: &io::Error) -> Failure {
    let failure = Failure::environment(format!("{what} could not be written")).source(error);
    if error.kind() == io::ErrorKind::StorageFull {
        return failure.hint("The disk is full: make room for about a gigabyte, then run the same again.");
    }
    failure
}
