//! Keeping logs short that others write.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use protocol::Failure;

/// Puts aside the contents of every log in a folder that is longer than `limit` bytes; what was put aside of it before goes. A
/// folder that is not there has none.
///
/// Its writer has it open and goes on, at its new end: it must have opened it to append. Lines that are written in the moment
/// between the copy and the cut are lost.
pub fn bound_all(folder: &Path, limit: u64) -> Result<(), Failure> {
    let bound = || -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log") && fs::metadata(&path)?.len() > limit {
                put_aside(&path)?;
            }
        }
        Ok(())
    };
    match bound() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let failure = Failure::environment(format!("The logs in {} could not be kept short", folder.display()));
            Err(failure.source(&error))
        }
        _ => Ok(()),
    }
}

/// Where the contents of a log go.
pub(super) fn aside(log: &Path) -> PathBuf {
    log.with_extension("log.1")
}

fn put_aside(log: &Path) -> io::Result<()> {
    let draft = log.with_extension("log.draft");
    let copied = fs::copy(log, &draft).and_then(|_| fs::rename(&draft, aside(log)));
    if copied.is_err() {
        let _ = fs::remove_file(&draft);
    }
    copied?;
    File::options().write(true).open(log)?.set_len(0)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use protocol::logs::LogFilter;

    use super::super::LogReader;
    use super::*;

    #[test]
    fn a_log_that_grew_too_long_is_put_aside_while_its_writer_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("x.log");
        let mut writer = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut reader = LogReader::new(&log, LogFilter::default()).unwrap();
        let mut shown = || {
            let window = reader.window(0, 1).unwrap();
            (window.total, window.lines.first().map(|line| line.spans[0].text.clone()).unwrap_or_default())
        };
        (0..100).for_each(|_| writeln!(writer, "before").unwrap());
        bound_all(folder.path(), 700).unwrap();
        assert_eq!(shown(), (100, "before".to_owned()), "it is not too long yet");
        writeln!(writer, "before").unwrap();
        bound_all(folder.path(), 700).unwrap();
        assert_eq!(fs::metadata(&log).unwrap().len(), 0);
        assert_eq!(fs::read_to_string(aside(&log)).unwrap(), "before\n".repeat(101));
        // Longer than it was when it was last looked at: its length does not give away that it is another one.
        (0..200).for_each(|_| writeln!(writer, "after").unwrap());
        assert_eq!(shown(), (200, "after".to_owned()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert_eq!(bound_all(&folder.path().join("none"), 0), Ok(()));
    }
}
