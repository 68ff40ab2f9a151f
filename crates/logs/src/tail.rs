//! The end of a log, to be quoted in a failure.

use std::fs::File;
use std::path::Path;

use super::place::read_at;

/// Bytes read at most, however long the log is.
const READ: u64 = 8192;

/// The last lines that are not blank, at most `count`, of what a log holds from the byte `from` on. What cannot be read has none.
pub fn last_lines(log: &Path, from: u64, count: usize) -> Vec<String> {
    let read = || {
        let file = File::open(log)?;
        let length = file.metadata()?.len();
        // A log that is shorter was put aside meanwhile, and begins anew.
        let from = if from > length { 0 } else { from };
        let from = from.max(length.saturating_sub(READ));
        let mut bytes = vec![0; usize::try_from(READ).unwrap_or_default()];
        let length = read_at(&file, &mut bytes, from)?;
        bytes.truncate(length);
        std::io::Result::Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_log_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("x.log");
        assert!(last_lines(&log, 0, 5).is_empty());
        std::fs::write(&log, format!("{}\none\n\ntwo\nthree", "x".repeat(20_000))).unwrap();
        assert_eq!(last_lines(&log, 0, 2), ["two", "three"]);
        assert_eq!(last_lines(&log, 20_005, 5), ["two", "three"], "what others wrote before is not quoted");
        assert_eq!(last_lines(&log, 99_999, 1), ["three"], "it was put aside since");
    }
}
