//! Log files: written line by line, read by windows.
//!
//! A reader keeps no lines: `scan` looks through the file once, block by block and on all cores, `index` remembers a few
//! numbers for each block, and `reader` reads again the blocks that a window needs.

mod ansi;
mod bound;
mod filter;
mod index;
mod line;
mod place;
mod reader;
mod scan;
mod tail;
mod write;

pub use bound::bound_all;
pub use line::{Stamp, parse_line, plain_line};
pub use reader::LogReader;
pub use tail::last_lines;
pub use write::RunLog;
