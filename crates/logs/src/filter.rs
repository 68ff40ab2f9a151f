//! Which lines of a log pass.

use std::io;

use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{Searcher, SearcherBuilder, Sink, SinkMatch};
use memchr::{memchr_iter, memmem};
use protocol::logs::LogFilter;
use protocol::{Failure, Level};

use super::line::{decode, parse_line};

/// A filter made ready. Whatever it asks for, text that cannot be missing from a passing line is searched first, at the
/// speed of ripgrep, and only lines that have it are taken apart.
pub(super) struct Filter {
    wanted: LogFilter,
    /// Finds the lines that may pass; `None` if any line may.
    matcher: Option<RegexMatcher>,
    debug: memmem::Finder<'static>,
}

impl Filter {
    pub(super) fn new(mut wanted: LogFilter) -> Result<Self, Failure> {
        // No line is below the lowest level.
        wanted.level = wanted.level.filter(|level| *level > Level::Debug);
        let matcher = search(&wanted).transpose();
        let matcher = matcher.map_err(|error| Failure::bug("The search text could not be used").source(&error))?;
        Ok(Self { wanted, matcher, debug: memmem::Finder::new("DEBUG") })
    }

    /// How many of these whole lines pass.
    pub(super) fn count(&self, searcher: &mut Searcher, lines: &[u8]) -> io::Result<u64> {
        if self.passes_all() {
            return Ok(count_lines(lines));
        }
        let mut hits = 0;
        self.each(searcher, lines, |_, _| {
            hits += 1;
            true
        })?;
        Ok(hits)
    }

    /// Gives each of these whole lines that passes, and where it begins, for as long as `found` wants more.
    pub(super) fn each(
        &self,
        searcher: &mut Searcher,
        lines: &[u8],
        mut found: impl FnMut(usize, &[u8]) -> bool,
    ) -> io::Result<()> {
        let mut offer = |at: usize, line: &[u8]| !self.passes(line) || found(at, line);
        if let Some(matcher) = &self.matcher {
            return searcher.search_slice(matcher, lines, LineSink(offer));
        }
        let mut begin = 0;
        for end in memchr_iter(b'\n', lines) {
            if !offer(begin, &lines[begin..=end]) {
                break;
            }
            begin = end + 1;
        }
        Ok(())
    }

    fn passes_all(&self) -> bool {
        self.matcher.is_none() && self.wanted.level.is_none()
    }

    /// Whether a line passes that has the text which was searched for.
    fn passes(&self, line: &[u8]) -> bool {
        let LogFilter { origin, level, .. } = &self.wanted;
        // Most lines are not below information, and show that at a glance: they do not name the one level that is.
        let level = level.filter(|least| *least > Level::Info || self.debug.find(line).is_some());
        if level.is_none() && origin.is_empty() {
            return true;
        }
        let line = decode(line);
        let (stamp, _) = parse_line(&line);
        level.is_none_or(|least| stamp.level >= least) && (origin.is_empty() || stamp.origin == origin)
    }
}

/// What searches for the text that every passing line has.
fn search(wanted: &LogFilter) -> Option<Result<RegexMatcher, grep_regex::Error>> {
    let mut builder = RegexMatcherBuilder::new();
    builder.fixed_strings(true).line_terminator(Some(b'\n'));
    if !wanted.query.is_empty() {
        return Some(builder.case_insensitive(true).build(&wanted.query));
    }
    if !wanted.origin.is_empty() {
        return Some(builder.build(&wanted.origin));
    }
    let words: &[&str] = match wanted.level? {
        Level::Error => &["ERROR", "FATAL", "PANIC", "CRITICAL"],
        Level::Warn => &["ERROR", "FATAL", "PANIC", "CRITICAL", "WARN"],
        // A line that says nothing of a level counts as information.
        Level::Info | Level::Debug => return None,
    };
    Some(builder.build_many(words))
}

/// How many lines end in these bytes.
pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// What searches bytes with a [`Filter`]; it is worth keeping.
pub(super) fn searcher() -> Searcher {
    // A log is not decoded: bytes that look like a mark of UTF-16 would move every offset.
    SearcherBuilder::new().line_number(false).bom_sniffing(false).build()
}

struct LineSink<F>(F);

impl<F: FnMut(usize, &[u8]) -> bool> Sink for LineSink<F> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, io::Error> {
        let range = found.bytes_range_in_buffer();
        Ok(self.0(range.start, &found.buffer()[range]))
    }
}
