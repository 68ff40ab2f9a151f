//! Log files: written line by line, read by windows.

mod ansi;
mod index;
mod line;
mod write;

pub use index::LogReader;
pub use line::{Stamp, parse_line, plain_line};
pub use write::RunLog;
