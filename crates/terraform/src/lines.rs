//! Cutting what arrives in pieces into lines.

/// A line longer than this, in bytes, is cut: it is rubbish, and memory is finite.
const LONGEST: usize = 1 << 20;

/// Bytes that are not a whole line yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pending: Vec<u8>,
}

/// A line and the bytes it took, its end included.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) bytes: u64,
}

impl Lines {
    /// Takes bytes in and gives the lines they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Line> {
        // What was pending has no end of line, so only what is new is searched.
        let searched = self.pending.len();
        self.pending.extend_from_slice(bytes);
        let (mut lines, mut from, mut search) = (Vec::new(), 0, searched);
        while let Some(end) = self.pending[search..].iter().position(|byte| *byte == b'\n') {
            let next = search + end + 1;
            lines.push(line(&self.pending[from..next]));
            (from, search) = (next, next);
        }
        self.pending.drain(..from);
        if self.pending.len() > LONGEST {
            lines.extend(self.rest());
        }
        lines
    }

    /// What is left when no more will come.
    pub(crate) fn rest(&mut self) -> Option<Line> {
        let rest = std::mem::take(&mut self.pending);
        (!rest.is_empty()).then(|| line(&rest))
    }
}

fn line(bytes: &[u8]) -> Line {
    Line { text: String::from_utf8_lossy(bytes).trim_end().to_owned(), bytes: bytes.len() as u64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn endless_rubbish_is_cut() {
        let mut lines = Lines::default();
        let cut = lines.push(&vec![b'x'; LONGEST + 1]);
        assert_eq!((cut.len(), cut[0].bytes), (1, LONGEST as u64 + 1));
        assert_eq!(lines.rest(), None);
    }

    proptest! {
        #[test]
        fn however_it_arrives_the_lines_are_the_same(text in "[a-c\n\u{e9}]{0,60}", cuts in prop::collection::vec(0usize..60, 0..8)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let mut lines = Lines::default();
            let mut found: Vec<Line> = cuts.windows(2).flat_map(|pair| lines.push(&bytes[pair[0]..pair[1]])).collect();
            found.extend(lines.rest());
            prop_assert_eq!(found.iter().map(|line| line.bytes).sum::<u64>(), bytes.len() as u64);
            let texts: Vec<&str> = found.iter().map(|line| line.text.as_str()).collect();
            let mut expected: Vec<&str> = text.split('\n').collect();
            if expected.last() == Some(&"") { expected.pop(); }
            prop_assert_eq!(texts, expected);
        }
    }
}
