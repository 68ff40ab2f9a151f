//! Windows over logs. The page never holds a log: it asks for the lines it shows.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::run::Level;

/// A log that can be read: `run/<run id>` for a run, `service/<name>` for a service.
pub type LogSource = String;

/// Which lines of a log are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export)]
pub struct LogFilter {
    /// Only lines that contain this text, case ignored; empty for all.
    pub query: String,
    /// Only lines of this step or service; empty for all.
    pub origin: String,
    /// Only lines of this level or above.
    pub level: Option<Level>,
}

/// A request for a window of lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct LogWindowRequest {
    /// Which log.
    pub source: LogSource,
    /// Which of its lines count.
    pub filter: LogFilter,
    /// The first wanted line, counted among those that pass the filter; beyond the end gives the last ones.
    pub from: u64,
    /// How many lines at most (up to 2 000).
    pub count: u32,
    /// How long to look through the log at most, in ms, before answering with what was found until then; to the end of
    /// the log if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub within_ms: Option<u32>,
}

/// A window of lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct LogWindow {
    /// How many lines pass the filter.
    pub total: u64,
    /// The index of the first line given, among those that pass.
    pub from: u64,
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Whether the log was looked through to its end. If not, the same question goes on where this one stopped.
    pub complete: bool,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct LogLine {
    /// Its number in the file, from 0.
    pub number: u64,
    /// When it was written, RFC 3339, if the log says so.
    pub at: Option<String>,
    /// How much it matters.
    pub level: Level,
    /// The step or service that wrote it.
    pub origin: String,
    /// The text as runs of one style each: ANSI colours are parsed, never passed on.
    pub spans: Vec<Span>,
}

/// Text of one style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Span {
    /// The text.
    pub text: String,
    /// ANSI colour 0–15, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub color: Option<u8>,
    /// Bold or bright.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[ts(optional, as = "Option<bool>")]
    pub bold: bool,
}
