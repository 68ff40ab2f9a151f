//! Windows over a log file, filtered or not, without holding the file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use protocol::Failure;
use protocol::logs::{LogFilter, LogLine, LogWindow};

use super::bound::aside;
use super::filter::{Filter, count_lines, searcher};
use super::index::Index;
use super::line::{decode, render};
use super::place::{Identity, read_at};
use super::scan::{Sizes, scan};

/// The most lines a window gives.
const MOST_LINES: u32 = 2000;

/// Reads one log through one filter. On each call it looks only at what was appended since the last; what it holds
/// comes to some hundred bytes for each megabyte of log.
pub struct LogReader {
    path: PathBuf,
    filter: Filter,
    index: Index,
    /// The file looked through, and the one its earlier lines were put aside into: a log may be started afresh in either.
    files: [Option<Identity>; 2],
    sizes: Sizes,
}

impl LogReader {
    /// A reader of the log at `path`, which may not exist yet.
    pub fn new(path: &Path, filter: LogFilter) -> Result<Self, Failure> {
        let filter = Filter::new(filter)?;
        Ok(Self {
            path: path.to_owned(),
            filter,
            index: Index::default(),
            files: [None, None],
            sizes: Sizes::default(),
        })
    }

    /// The lines from `from` on, at most `count`, counted among those that pass the filter.
    pub fn window(&mut self, from: u64, count: u32) -> Result<LogWindow, Failure> {
        self.open_window(from, count, None)
    }

    /// The same, looking through the log for about as long as `patience`. What is answered then is true of the part that
    /// was looked through, and says that it is no more than that; the next call goes on where this one stopped. So
    /// whoever no longer cares for an answer gives the search up by not asking on.
    pub fn window_within(&mut self, patience: Duration, from: u64, count: u32) -> Result<LogWindow, Failure> {
        self.open_window(from, count, Instant::now().checked_add(patience))
    }

    fn open_window(&mut self, from: u64, count: u32, deadline: Option<Instant>) -> Result<LogWindow, Failure> {
        self.read_window(from, count, deadline).map_err(|error| {
            Failure::environment(format!("The log {} could not be read", self.path.display())).source(&error)
        })
    }

    fn read_window(&mut self, from: u64, count: u32, deadline: Option<Instant>) -> io::Result<LogWindow> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.index = Index::default();
                return Ok(LogWindow { total: 0, from: 0, lines: Vec::new(), complete: true });
            }
            other => other?,
        };
        let complete = self.catch_up(&file, deadline)?;
        let total = self.index.end().hits;
        let count = u64::from(count.min(MOST_LINES)).min(total);
        let from = from.min(total - count);
        let lines = self.read_lines(&file, from..from + count)?;
        Ok(LogWindow { total, from, lines, complete })
    }

    /// Looks through the whole lines appended since the last call; gives whether that was all of them.
    fn catch_up(&mut self, file: &File, deadline: Option<Instant>) -> io::Result<bool> {
        let metadata = file.metadata()?;
        let aside = std::fs::metadata(aside(&self.path)).ok();
        let files = [Some(Identity::of(&metadata)), aside.as_ref().map(Identity::of)];
        if metadata.len() < self.index.end().bytes || files != self.files {
            // A service's log was started afresh.
            self.index = Index::default();
            self.files = files;
        }
        let fresh = self.index.end().bytes..metadata.len();
        let (tallies, complete) = scan(file, &self.filter, fresh, deadline, self.sizes)?;
        for tally in tallies {
            self.index.append(tally, self.sizes.block as u64);
        }
        Ok(complete)
    }

    /// Reads passing lines again, from the blocks that hold them.
    fn read_lines(&self, file: &File, wanted: Range<u64>) -> io::Result<Vec<LogLine>> {
        let (mut lines, mut buffer, mut searcher) = (Vec::new(), Vec::new(), searcher());
        if wanted.is_empty() {
            return Ok(lines);
        }
        for (begin, bytes) in self.index.blocks_from(wanted.start).take_while(|(begin, _)| begin.hits < wanted.end) {
            buffer.resize(usize::try_from(bytes.end - bytes.start).unwrap_or(usize::MAX), 0);
            let read = read_at(file, &mut buffer, bytes.start)?;
            let (mut hit, mut number, mut counted) = (begin.hits, begin.lines, 0);
            self.filter.each(&mut searcher, &buffer[..read], |at, line| {
                if wanted.contains(&hit) {
                    number += count_lines(&buffer[counted..at]);
                    counted = at;
                    lines.push(render(number, &decode(line)));
                }
                hit += 1;
                hit < wanted.end
            })?;
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;
    use protocol::Level;

    use super::super::line::{format_line, parse_line};
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

    #[test]
    fn a_line_without_text_has_an_origin_too() {
        let file = log(["a", "b"].into_iter().map(|origin| {
            format_line(jiff::Timestamp::UNIX_EPOCH, Level::Info, origin, "").trim_end_matches('\n').to_owned()
        }));
        let filter = LogFilter { origin: "b".into(), ..LogFilter::default() };
        assert_eq!(numbers(&LogReader::new(file.path(), filter).unwrap().window(0, 9).unwrap()), [1]);
    }

    #[test]
    fn an_impatient_search_says_so_and_goes_on_where_it_stopped() {
        let file = log((0..5000).map(|i| format!("line {i}")));
        let filter = LogFilter { query: "9".into(), ..LogFilter::default() };
        let mut reader = LogReader::new(file.path(), filter.clone()).unwrap();
        reader.sizes = Sizes { block: 64, buffer: 256, segment: 1024 };
        let all = LogReader::new(file.path(), filter).unwrap().window(0, 7).unwrap();
        let mut former = 0;
        let mut asked = 0;
        let last = loop {
            asked += 1;
            let window = reader.window_within(Duration::ZERO, 0, 7).unwrap();
            assert!(window.total >= former, "what was found stays found");
            former = window.total;
            if window.complete {
                break window;
            }
        };
        assert!(asked > 3, "asked {asked} times");
        assert_eq!(last, all);
    }

    #[test]
    fn an_endless_line_is_shown_cut_and_counted_once() {
        let long = "x".repeat(1 << 20);
        let file = log([format!("{long}needle"), "short".to_owned()].into_iter());
        let filter = LogFilter { query: "needle".into(), ..LogFilter::default() };
        let found = LogReader::new(file.path(), filter).unwrap().window(0, 9).unwrap();
        assert_eq!((found.total, found.lines[0].spans[0].text.len()), (1, 16 * 1024));
        assert_eq!(LogReader::new(file.path(), LogFilter::default()).unwrap().window(0, 9).unwrap().total, 2);
    }

    /// Lines as runs and services write them, and some that nobody would.
    fn lines() -> impl Strategy<Value = Vec<u8>> {
        let level = prop_oneof!["DEBUG", "INFO", "WARN", "ERROR"];
        prop_oneof![
            4 => (level.clone(), "[ab]{1,2}", "[a-c ]{0,9}").prop_map(|(level, origin, text)| {
                format!("2026-11-23T09:15:00.000Z {level:<5} {origin:<4} {text}").into_bytes()
            }),
            2 => (level, "[a-cA-C ]{0,30}").prop_map(|(level, text)| format!("{level}: {text}").into_bytes()),
            1 => Just(Vec::new()),
            1 => prop::collection::vec(any::<u8>().prop_filter("one line", |byte| *byte != b'\n'), 0..40),
            1 => "[a-c]{100,300}".prop_map(String::into_bytes),
        ]
    }

    fn filters() -> impl Strategy<Value = LogFilter> {
        let level = prop_oneof![Just(Level::Debug), Just(Level::Info), Just(Level::Warn), Just(Level::Error)];
        let (query, origin) =
            (prop_oneof![Just(String::new()), "[a-cA-C]{1,2}"], prop_oneof![Just(String::new()), "[ab]{1,2}"]);
        (query, origin, prop::option::of(level)).prop_map(|(query, origin, level)| LogFilter { query, origin, level })
    }

    /// Whether a line passes, looked at in the plainest way.
    fn naive(filter: &LogFilter, line: &[u8]) -> bool {
        let has = line.to_ascii_lowercase();
        let query = filter.query.to_ascii_lowercase();
        let text = decode(line);
        let (stamp, _) = parse_line(&text);
        (query.is_empty() || has.windows(query.len()).any(|part| part == query.as_bytes()))
            && (filter.origin.is_empty() || stamp.origin == filter.origin)
            && filter.level.is_none_or(|least| stamp.level >= least)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// However a log is cut into blocks and segments, and however it grows, its windows are those of a filter that
        /// looks at each line.
        #[test]
        fn windows_are_those_of_a_naive_filter(
            pieces in prop::collection::vec(prop::collection::vec(lines(), 0..40), 1..4),
            filter in filters(),
            (block, buffer, segment) in (1..200_usize, 1..400_usize, 1..900_usize),
            (from, count) in (0..130_u64, 0..30_u32),
            cut in 0..60_usize,
        ) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            let mut reader = LogReader::new(file.path(), filter.clone()).unwrap();
            reader.sizes = Sizes { block, buffer, segment };
            let mut written: Vec<u8> = Vec::new();
            for piece in pieces {
                let bytes: Vec<u8> = piece.iter().flat_map(|line| line.iter().copied().chain([b'\n'])).collect();
                let (now, later) = bytes.split_at(cut.min(bytes.len()));
                for part in [now, later] {
                    file.write_all(part).unwrap();
                    written.extend(part);
                    let whole = written.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                    let lines = written[..whole].split_inclusive(|byte| *byte == b'\n');
                    let hits: Vec<_> = (0_u64..).zip(lines).filter(|(_, line)| naive(&filter, line)).collect();
                    let window = reader.window(from, count).unwrap();
                    prop_assert_eq!(window.total, hits.len() as u64);
                    let start = usize::try_from(window.from).unwrap();
                    prop_assert_eq!(start, usize::try_from(from).unwrap().min(hits.len() - (count as usize).min(hits.len())));
                    let wanted = hits.iter().skip(start).take(count as usize);
                    let wanted: Vec<_> = wanted.map(|(number, line)| render(*number, &decode(line))).collect();
                    prop_assert_eq!(window.lines, wanted);
                }
            }
        }
    }
}
