//! Writing a run's log.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use protocol::{Failure, Level, RunId};

use super::line::format_line;

/// The one log of a run, all steps in the order they spoke; see [`super::line`] for its lines.
///
/// One file rather than one a step: the viewer shows a single timeline, and to look at one step is to filter it.
#[derive(Debug)]
pub struct RunLog {
    source: String,
    file: File,
    lines: u64,
}

impl RunLog {
    /// The name of a run's log file within its folder.
    pub const FILE: &str = "run.log";

    /// Opens the log of a run under `runs`.
    pub fn open(runs: &Path, run: &RunId) -> Result<Self, Failure> {
        let path = runs.join(&run.0).join(Self::FILE);
        let open = || {
            fs::create_dir_all(runs.join(&run.0))?;
            OpenOptions::new().create(true).append(true).open(&path)
        };
        let file = open().map_err(|error| {
            Failure::environment(format!("The log {} could not be opened", path.display())).source(&error)
        })?;
        Ok(Self { source: format!("run/{run}"), file, lines: 0 })
    }

    /// Its name for [`protocol::logs::LogWindowRequest`].
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How many lines were written.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Appends a line, already redacted.
    pub fn write(&mut self, level: Level, origin: &str, text: &str) -> Result<(), Failure> {
        let line = format_line(Timestamp::now(), level, origin, text);
        self.file
            .write_all(line.as_bytes())
            .map_err(|error| Failure::environment("The run's log could not be written").source(&error))?;
        self.lines += 1;
        Ok(())
    }
}
