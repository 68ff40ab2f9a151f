//! What is remembered of a log: some numbers for each block of it, and no line.

use std::ops::{AddAssign, Range};

/// Bytes, lines, and lines that pass: of a piece of a log, or before a place in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) hits: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.bytes += more.bytes;
        self.lines += more.lines;
        self.hits += more.hits;
    }
}

/// Where the blocks of a log begin, and what lies before each.
///
/// A block is some tens of kilobytes of whole lines: enough to make the index small (24 bytes for each block, whether
/// its lines pass or not), and little enough to be searched again, whenever one of its lines is wanted, in no time.
#[derive(Default)]
pub(super) struct Index {
    begins: Vec<Tally>,
    end: Tally,
}

impl Index {
    /// All that has been looked through.
    pub(super) fn end(&self) -> Tally {
        self.end
    }

    /// Adds the piece that follows. Pieces too small for a block of their own, as a log that is followed grows by,
    /// share one of at least `block` bytes.
    pub(super) fn append(&mut self, piece: Tally, block: u64) {
        if self.begins.last().is_none_or(|last| self.end.bytes - last.bytes >= block) {
            self.begins.push(self.end);
        }
        self.end += piece;
    }

    /// The blocks that hold passing lines, from the one that holds the passing line `hit` on: what lies before each, and
    /// its bytes.
    pub(super) fn blocks_from(&self, hit: u64) -> impl Iterator<Item = (Tally, Range<u64>)> {
        let first = self.begins.partition_point(|begin| begin.hits <= hit).saturating_sub(1);
        let ends = self.begins.iter().skip(first + 1).chain([&self.end]);
        let blocks = self.begins[first.min(self.begins.len())..].iter().zip(ends);
        blocks.filter(|(begin, end)| begin.hits < end.hits).map(|(begin, end)| (*begin, begin.bytes..end.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(bytes: u64, hits: u64) -> Tally {
        Tally { bytes, lines: 1, hits }
    }

    #[test]
    fn small_pieces_share_a_block() {
        let mut index = Index::default();
        for hits in [1, 0, 1, 0, 1] {
            index.append(piece(4, hits), 8);
        }
        let blocks: Vec<_> = index.blocks_from(0).collect();
        let begins: Vec<_> = blocks.iter().map(|(begin, range)| (begin.hits, range.clone())).collect();
        assert_eq!(begins, [(0, 0..8), (1, 8..16), (2, 16..20)]);
        assert_eq!(index.end(), Tally { bytes: 20, lines: 5, hits: 3 });
    }

    #[test]
    fn blocks_without_passing_lines_are_passed_over() {
        let mut index = Index::default();
        for hits in [0, 2, 0, 0, 1, 0] {
            index.append(piece(10, hits), 10);
        }
        let begins = |hit| index.blocks_from(hit).map(|(_, range)| range.start).collect::<Vec<_>>();
        assert_eq!(begins(0), [10, 40]);
        assert_eq!(begins(1), [10, 40]);
        assert_eq!(begins(2), [40]);
        assert_eq!(Index::default().blocks_from(0).count(), 0);
    }
}
