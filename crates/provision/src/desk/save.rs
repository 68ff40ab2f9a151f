//! Saving a log as a plain text file among the user's downloads.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use logs::{LogReader, plain_line};
use protocol::logs::LogFilter;
use protocol::{Failure, StackName};

/// Lines read at a time.
const WINDOW: u32 = 2000;

/// Saves the lines of `log` that pass `filter` and gives the new file. An older file is never written over.
pub(super) fn save(stack: &StackName, source: &str, log: &Path, filter: LogFilter) -> Result<PathBuf, Failure> {
    let folder = downloads()?;
    let mut reader = LogReader::new(log, filter)?;
    let name = format!("retailflow-{stack}-{}", source.replace('/', "-"));
    let (path, file) = fresh_file(&folder, &name).map_err(|error| unwritable(&folder, &error))?;
    match write(&mut reader, file) {
        Ok(()) => Ok(path),
        Err(failure) => {
            // Half a log is worse than none: it looks whole.
            let _ = fs::remove_file(&path);
            Err(failure.cause(path.display()))
        }
    }
}

fn downloads() -> Result<PathBuf, Failure> {
    directories::UserDirs::new()
        .map(|dirs| dirs.download_dir().unwrap_or(dirs.home_dir()).to_owned())
        .ok_or_else(|| Failure::environment("This user has no home directory").hint("Copy the lines instead."))
}

/// `name.log`, or `name-2.log` and so on if that exists.
fn fresh_file(folder: &Path, name: &str) -> io::Result<(PathBuf, File)> {
    fs::create_dir_all(folder)?;
    let mut number = 1;
    loop {
        let path = folder.join(if number == 1 { format!("{name}.log") } else { format!("{name}-{number}.log") });
        match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            created => return created.map(|file| (path, file)),
        }
    }
}

fn write(reader: &mut LogReader, file: File) -> Result<(), Failure> {
    let mut file = BufWriter::new(file);
    let mut from = 0;
    // What is written while we read belongs to a later file, or this would never end.
    let total = reader.window(0, 0)?.total;
    while from < total {
        let count = WINDOW.min(u32::try_from(total - from).unwrap_or(WINDOW));
        let window = reader.window(from, count)?;
        // A log put aside and begun anew in the meantime is shorter.
        if window.from != from || window.lines.is_empty() {
            break;
        }
        from += window.lines.len() as u64;
        for line in &window.lines {
            file.write_all(plain_line(line).as_bytes()).map_err(|error| unsaved(&error))?;
        }
    }
    file.flush().map_err(|error| unsaved(&error))
}

fn unsaved(error: &io::Error) -> Failure {
    Failure::environment("The log could not be saved").source(error).hint("Make room on the disk, then save it again.")
}

fn unwritable(folder: &Path, error: &io::Error) -> Failure {
    Failure::environment(format!("No file can be made in {}", folder.display()))
        .source(error)
        .hint("Make it writable, or copy the lines instead.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_log_holds_the_lines_that_pass_and_spares_an_older_file() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("run.log");
        let lines =
            (0..5000).map(|n| format!("2026-11-23T09:15:00.000Z {} a           Hello {n}", ["INFO ", "ERROR"][n % 2]));
        fs::write(&log, lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
        let (first, file) = fresh_file(folder.path(), "demo").unwrap();
        write(&mut LogReader::new(&log, LogFilter::default()).unwrap(), file).unwrap();
        assert_eq!(fs::read_to_string(&first).unwrap(), fs::read_to_string(&log).unwrap());
        let (second, file) = fresh_file(folder.path(), "demo").unwrap();
        assert_eq!(second, folder.path().join("demo-2.log"));
        let errors = LogFilter { level: Some(protocol::Level::Error), ..LogFilter::default() };
        write(&mut LogReader::new(&log, errors).unwrap(), file).unwrap();
        let saved = fs::read_to_string(&second).unwrap();
        assert_eq!(saved.lines().count(), 2500);
        assert!(saved.lines().all(|line| line.contains("ERROR")));
    }
}
