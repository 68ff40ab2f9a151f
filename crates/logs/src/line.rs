//! The lines of a log.
//!
//! A run's log has `2026-11-23T09:15:00.123Z INFO  postgres    text`: time, level and origin in columns, so that it
//! reads well in any editor. A service writes its own format; of that only the level is guessed.

use std::borrow::Cow;

use jiff::Timestamp;
use protocol::Level;
use protocol::logs::LogLine;

use super::ansi;

/// The columns before a line's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp<'a> {
    /// When, as written.
    pub at: Option<&'a str>,
    /// How much it matters.
    pub level: Level,
    /// Who wrote it; empty in a service's log.
    pub origin: &'a str,
}

const LEVELS: [(&str, Level); 4] =
    [("DEBUG", Level::Debug), ("INFO", Level::Info), ("WARN", Level::Warn), ("ERROR", Level::Error)];

/// One line, with its line break. Line breaks within the text become spaces.
pub(crate) fn format_line(at: Timestamp, level: Level, origin: &str, text: &str) -> String {
    in_columns(&format!("{at:.3}"), level, origin, &text.replace(['\n', '\r'], " "))
}

fn in_columns(at: &str, level: Level, origin: &str, text: &str) -> String {
    let name = LEVELS.iter().find(|(_, known)| *known == level).map_or("INFO", |(name, _)| name);
    format!("{at} {name:<5} {origin:<11} {text}\n")
}

/// A line as text, its end included and its styles left out.
pub fn plain_line(line: &LogLine) -> String {
    let text: String = line.spans.iter().map(|span| span.text.as_str()).collect();
    match &line.at {
        Some(at) => in_columns(at, line.level, &line.origin, &text),
        None => text + "\n",
    }
}

/// Longer lines are shown cut, in bytes, so that one line cannot fill the page's memory.
const LONGEST_LINE: usize = 16 * 1024;

/// A line of a file as text, cut if it is too long and without its line break.
pub(crate) fn decode(line: &[u8]) -> Cow<'_, str> {
    let line = &line[..line.len().min(LONGEST_LINE)];
    let end = line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    String::from_utf8_lossy(&line[..end])
}

/// Splits a line into its columns and its text.
pub fn parse_line(line: &str) -> (Stamp<'_>, &str) {
    parse_columns(line).unwrap_or_else(|| (Stamp { at: None, level: guess_level(line), origin: "" }, line))
}

fn parse_columns(line: &str) -> Option<(Stamp<'_>, &str)> {
    let (at, rest) = line.split_at_checked(24)?;
    let stamped = at.ends_with('Z') && at.as_bytes()[10] == b'T' && rest.starts_with(' ');
    if !stamped {
        return None;
    }
    let (level, rest) = rest.trim_start().split_once(' ')?;
    let (_, level) = LEVELS.iter().find(|(name, _)| *name == level)?;
    let (origin, rest) = rest.trim_start().split_once(' ')?;
    Some((Stamp { at: Some(at), level: *level, origin }, rest.trim_start()))
}

/// PostgreSQL, Dagster, dlt and dbt all name the level in capitals near the start of the line.
fn guess_level(line: &str) -> Level {
    let head = line.get(..200).unwrap_or(line);
    let has = |words: &[&str]| head.split(|c: char| !c.is_ascii_uppercase()).any(|word| words.contains(&word));
    if has(&["ERROR", "FATAL", "PANIC", "CRITICAL"]) {
        Level::Error
    } else if has(&["WARNING", "WARN"]) {
        Level::Warn
    } else if has(&["DEBUG"]) {
        Level::Debug
    } else {
        Level::Info
    }
}

/// The line as the page shows it.
pub(crate) fn render(number: u64, line: &str) -> LogLine {
    let (stamp, text) = parse_line(line);
    LogLine {
        number,
        at: stamp.at.map(str::to_owned),
        level: stamp.level,
        origin: stamp.origin.to_owned(),
        spans: ansi::spans(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_line_reads_back() {
        let at: Timestamp = "2026-11-23T09:15:00.123Z".parse().unwrap();
        let line = format_line(at, Level::Warn, "postgres", "two\nlines");
        assert_eq!(line, "2026-11-23T09:15:00.123Z WARN  postgres    two lines\n");
        let (stamp, text) = parse_line(line.trim_end());
        let expected = Stamp { at: Some("2026-11-23T09:15:00.123Z"), level: Level::Warn, origin: "postgres" };
        assert_eq!((stamp, text), (expected, "two lines"));
    }

    #[test]
    fn a_services_level_is_guessed_from_its_words() {
        let level = |line| parse_line(line).0.level;
        assert_eq!(level("2026-11-23 09:15:00 UTC [12] FATAL:  the database system is starting up"), Level::Error);
        assert_eq!(level("2026-11-23 09:15:00 +0000 - dagster - WARNING - slow"), Level::Warn);
        assert_eq!(level("no error here, only lower case"), Level::Info);
        assert_eq!(level("ä".repeat(300).as_str()), Level::Info);
    }
}
