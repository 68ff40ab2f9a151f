//! Windows over a log file, filtered or not, without holding the file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{Searcher, SearcherBuilder, Sink, SinkMatch};
use protocol::Failure;
use protocol::logs::{LogFilter, LogLine, LogWindow};

use super::line::{parse_line, render};

/// Bytes read at a time while indexing.
const CHUNK: usize = 1 << 20;

/// The most lines a window gives.
const MOST_LINES: u32 = 2000;

/// Reads one log through one filter. It remembers where the lines that pass begin, and on each call looks only at
/// what was appended since; 16 bytes a line are all it holds.
pub struct LogReader {
    path: PathBuf,
    filter: LogFilter,
    matcher: RegexMatcher,
    hits: Vec<Hit>,
    scanned: Scanned,
    /// When the file looked through was made, where the file system knows: a log put aside leaves its name to another.
    made: Option<SystemTime>,
}

/// Where a line that passes the filter begins, and which line of the file it is.
#[derive(Clone, Copy)]
struct Hit {
    offset: u64,
    number: u64,
}

/// How far the file has been looked through, in whole lines.
#[derive(Clone, Copy, Default)]
struct Scanned {
    bytes: u64,
    lines: u64,
}

impl LogReader {
    /// A reader of the log at `path`, which may not exist yet.
    pub fn new(path: &Path, filter: LogFilter) -> Result<Self, Failure> {
        let matcher = RegexMatcherBuilder::new()
            .fixed_strings(true)
            .case_insensitive(true)
            .line_terminator(Some(b'\n'))
            .build(&filter.query)
            .map_err(|error| Failure::bug("The search text could not be used").source(&error))?;
        Ok(Self { path: path.to_owned(), filter, matcher, hits: Vec::new(), scanned: Scanned::default(), made: None })
    }

    /// The lines from `from` on, at most `count`, counted among those that pass the filter.
    pub fn window(&mut self, from: u64, count: u32) -> Result<LogWindow, Failure> {
        self.read_window(from, count).map_err(|error| {
            Failure::environment(format!("The log {} could not be read", self.path.display())).source(&error)
        })
    }

    fn read_window(&mut self, from: u64, count: u32) -> io::Result<LogWindow> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(self.empty()),
            other => other?,
        };
        self.catch_up(&mut file)?;
        let total = self.hits.len() as u64;
        let count = u64::from(count.min(MOST_LINES)).min(total);
        let from = from.min(total - count);
        let wanted = usize::try_from(from).unwrap_or(usize::MAX)..usize::try_from(from + count).unwrap_or(usize::MAX);
        let lines = self.hits[wanted].iter().map(|hit| read_line(&mut file, *hit)).collect::<io::Result<_>>()?;
        Ok(LogWindow { total, from, lines })
    }

    fn empty(&mut self) -> LogWindow {
        self.hits.clear();
        self.scanned = Scanned::default();
        LogWindow { total: 0, from: 0, lines: Vec::new() }
    }

    /// Indexes the whole lines appended since the last call.
    fn catch_up(&mut self, file: &mut File) -> io::Result<()> {
        let metadata = file.metadata()?;
        let made = metadata.created().ok();
        if metadata.len() < self.scanned.bytes || made != self.made {
            // A service's log was started afresh.
            self.empty();
            self.made = made;
        }
        file.seek(SeekFrom::Start(self.scanned.bytes))?;
        let mut pending: Vec<u8> = Vec::new();
        loop {
            let before = pending.len();
            file.take(CHUNK as u64).read_to_end(&mut pending)?;
            if pending.len() == before {
                return Ok(());
            }
            let whole = pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            self.index(&pending[..whole])?;
            pending.drain(..whole);
        }
    }

    fn index(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut sink = HitSink { filter: &self.filter, base: self.scanned, hits: &mut self.hits };
        searcher().search_slice(&self.matcher, lines, &mut sink)?;
        self.scanned.bytes += lines.len() as u64;
        self.scanned.lines += bytecount::count(lines, b'\n') as u64;
        Ok(())
    }
}

fn searcher() -> Searcher {
    // A log is not decoded: bytes that look like a mark of UTF-16 would move every offset.
    SearcherBuilder::new().line_number(true).bom_sniffing(false).build()
}

struct HitSink<'a> {
    filter: &'a LogFilter,
    base: Scanned,
    hits: &'a mut Vec<Hit>,
}

impl Sink for HitSink<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, io::Error> {
        let mut offset = self.base.bytes + found.absolute_byte_offset();
        let first = self.base.lines + found.line_number().unwrap_or(1) - 1;
        // The searcher hands over neighbouring lines together.
        for (number, line) in (first..).zip(found.lines()) {
            if self.passes(line) {
                self.hits.push(Hit { offset, number });
            }
            offset += line.len() as u64;
        }
        Ok(true)
    }
}

impl HitSink<'_> {
    fn passes(&self, line: &[u8]) -> bool {
        if self.filter.level.is_none() && self.filter.origin.is_empty() {
            return true;
        }
        let line = String::from_utf8_lossy(line);
        let (stamp, _) = parse_line(line.trim_end());
        self.filter.level.is_none_or(|least| stamp.level >= least)
            && (self.filter.origin.is_empty() || stamp.origin == self.filter.origin)
    }
}

/// Longer lines are shown cut, so that one line cannot fill the page's memory.
const LONGEST_LINE: u64 = 16 * 1024;

fn read_line(file: &mut File, hit: Hit) -> io::Result<LogLine> {
    file.seek(SeekFrom::Start(hit.offset))?;
    let mut bytes = Vec::with_capacity(256);
    BufReader::with_capacity(512, file).take(LONGEST_LINE).read_until(b'\n', &mut bytes)?;
    Ok(render(hit.number, String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r'])))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use protocol::Level;

    use super::*;

    fn numbers(window: &LogWindow) -> Vec<u64> {
        window.lines.iter().map(|line| line.number).collect()
    }

    fn log(lines: impl Iterator<Item = String>) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for line in lines {
            writeln!(file, "{line}").unwrap();
        }
        file
    }

    #[test]
    fn windows_follow_a_growing_file() {
        let mut file = log((0..3000).map(|i| format!("line {i}")));
        let mut reader = LogReader::new(file.path(), LogFilter::default()).unwrap();
        assert_eq!(reader.window(10, 3).unwrap().total, 3000);
        assert_eq!(numbers(&reader.window(10, 3).unwrap()), [10, 11, 12]);
        assert_eq!(numbers(&reader.window(u64::MAX, 2).unwrap()), [2998, 2999], "beyond the end gives the last");
        write!(file, "half a li").unwrap();
        assert_eq!(reader.window(0, 1).unwrap().total, 3000, "a line counts once it is whole");
        writeln!(file, "ne").unwrap();
        let last = reader.window(u64::MAX, 1).unwrap();
        assert_eq!((last.total, last.lines[0].spans[0].text.as_str()), (3001, "half a line"));
    }

    #[test]
    fn filters_by_text_level_and_origin() {
        let file = log(["INFO  a", "ERROR a", "WARN  b", "ERROR b"]
            .iter()
            .enumerate()
            .map(|(i, columns)| format!("2026-11-23T09:15:00.{i:03}Z {columns}           Hello {i}")));
        let count = |filter: LogFilter| LogReader::new(file.path(), filter).unwrap().window(0, 9).unwrap();
        let by = |query: &str, origin: &str, level| LogFilter { query: query.into(), origin: origin.into(), level };
        assert_eq!(numbers(&count(by("", "", None))), [0, 1, 2, 3]);
        assert_eq!(numbers(&count(by("hello 2", "", None))), [2]);
        assert_eq!(numbers(&count(by("", "b", None))), [2, 3]);
        assert_eq!(numbers(&count(by("", "", Some(Level::Warn)))), [1, 2, 3]);
        assert_eq!(numbers(&count(by("hello", "a", Some(Level::Error)))), [1]);
        assert_eq!(numbers(&count(by(".*", "", None))), [] as [u64; 0], "the query is text, not a pattern");
    }

    #[test]
    fn chunks_do_not_cut_lines() {
        let long = "x".repeat(700);
        let file = log((0..5000).map(|i| format!("{i} {long}")));
        let mut reader = LogReader::new(file.path(), LogFilter::default()).unwrap();
        let window = reader.window(4321, 1).unwrap();
        assert_eq!(window.total, 5000);
        assert!(window.lines[0].spans[0].text.starts_with("4321 x"));
    }

    #[test]
    fn bytes_that_are_no_text_do_not_shift_the_lines() {
        let mut file = log(std::iter::empty());
        file.write_all(b"\xff\xfeone\ntwo \xc3\nthree\n").unwrap();
        let mut reader = LogReader::new(file.path(), LogFilter::default()).unwrap();
        let texts = reader.window(0, 9).unwrap().lines.into_iter().map(|line| line.spans[0].text.clone());
        assert_eq!(texts.collect::<Vec<_>>(), ["\u{fffd}\u{fffd}one", "two \u{fffd}", "three"]);
    }

    #[test]
    fn a_file_started_afresh_is_read_afresh() {
        let file = log((0..10).map(|i| format!("old {i}")));
        let mut reader = LogReader::new(file.path(), LogFilter::default()).unwrap();
        assert_eq!(reader.window(0, 1).unwrap().total, 10);
        std::fs::write(file.path(), "new\n").unwrap();
        assert_eq!(reader.window(0, 1).unwrap().total, 1);
        std::fs::rename(file.path(), file.path().with_extension("1")).unwrap();
        assert_eq!(reader.window(0, 1).unwrap().total, 0);
        std::fs::write(file.path(), "longer\nthan\nbefore\n").unwrap();
        let window = reader.window(0, 9).unwrap();
        assert_eq!((window.total, window.lines[0].spans[0].text.as_str()), (3, "longer"));
        std::fs::remove_file(file.path().with_extension("1")).unwrap();
    }
}
