//! Looking through a log, once.

use std::fs::File;
use std::io;
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use grep_searcher::Searcher;
use memchr::{memchr, memrchr};

use super::filter::{Filter, count_lines, searcher};
use super::index::Tally;
use super::place::read_at;

/// How a log is taken apart, in bytes. Tests make it small.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// The least a block has, except the last.
    pub(super) block: usize,
    /// Read at a time: what stays in a core's own cache is counted and searched fastest.
    pub(super) buffer: usize,
    /// What a thread looks through before it looks at the clock.
    pub(super) segment: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { block: 64 << 10, buffer: 256 << 10, segment: 4 << 20 }
    }
}

/// More threads than this would wait for memory and not for each other.
const MOST_THREADS: usize = 8;

/// Tallies the whole lines that begin in a range, at whose start a line begins, on as many threads as that is worth; and
/// tells whether it came to the range's end before the deadline. It always comes further than it was.
pub(super) fn scan(
    file: &File,
    filter: &Filter,
    range: Range<u64>,
    deadline: Option<Instant>,
    sizes: Sizes,
) -> io::Result<(Vec<Tally>, bool)> {
    let begins = range.clone().step_by(sizes.segment);
    let segments: Vec<_> = begins.map(|begin| begin..range.end.min(begin + sizes.segment as u64)).collect();
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS).min(segments.len());
    // Each takes the next segment when it is done with one, so a thread that gets little of its core delays nobody, and
    // those taken are always the first ones.
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<Vec<(usize, Vec<Tally>)>> {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(segment) = segments.get(number) else { return Ok(done) };
            let begin = if number == 0 { Some(segment.start) } else { line_after(file, segment.clone(), sizes)? };
            if let Some(begin) = begin {
                done.push((number, Segment::new(file, filter, begin..segment.end, sizes).tally()?));
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(done);
            }
        }
    };
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work()?;
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        io::Result::Ok(done)
    })?;
    done.sort_unstable_by_key(|(number, _)| *number);
    let tallies = done.into_iter().flat_map(|(_, tallies)| tallies).collect();
    Ok((tallies, next.into_inner() >= segments.len()))
}

/// Where the first line begins that begins within a segment.
fn line_after(file: &File, segment: Range<u64>, sizes: Sizes) -> io::Result<Option<u64>> {
    let mut buffer = vec![0; sizes.block];
    // A line begins after the end of the one before.
    let mut at = segment.start - 1;
    while at + 1 < segment.end {
        let read = read_at(file, &mut buffer, at)?;
        match memchr(b'\n', &buffer[..read]) {
            Some(end) => return Ok(Some(at + end as u64 + 1).filter(|begin| *begin < segment.end)),
            None if read == 0 => return Ok(None),
            None => at += read as u64,
        }
    }
    Ok(None)
}

/// The lines that begin within a range of the file, the last of which may end beyond it.
struct Segment<'a> {
    file: &'a File,
    filter: &'a Filter,
    searcher: Searcher,
    range: Range<u64>,
    sizes: Sizes,
    tallies: Vec<Tally>,
}

impl<'a> Segment<'a> {
    fn new(file: &'a File, filter: &'a Filter, range: Range<u64>, sizes: Sizes) -> Self {
        Self { file, filter, searcher: searcher(), range, sizes, tallies: Vec::new() }
    }

    /// Tallies the segment, a block at a time.
    fn tally(mut self) -> io::Result<Vec<Tally>> {
        let mut buffer = vec![0; self.sizes.buffer];
        // The bytes of the buffer that are filled, the first of which lies at the range's start.
        let mut filled = 0;
        while !self.range.is_empty() {
            let read = read_at(self.file, &mut buffer[filled..], self.range.start + filled as u64)?;
            filled += read;
            let whole = self.own_lines(&buffer[..filled]);
            self.tally_blocks(&buffer[..whole])?;
            buffer.copy_within(whole..filled, 0);
            filled -= whole;
            self.range.start += whole as u64;
            if read == 0 {
                break;
            }
            if filled == buffer.len() {
                // A line longer than the buffer.
                buffer.resize(2 * filled, 0);
            }
        }
        Ok(self.tallies)
    }

    /// How many of these bytes, from the range's start on, are whole lines that begin within the range.
    fn own_lines(&self, bytes: &[u8]) -> usize {
        let last = usize::try_from(self.range.end - self.range.start - 1).unwrap_or(usize::MAX);
        let end_of_last = bytes.get(last..).and_then(|rest| Some(last + memchr(b'\n', rest)? + 1));
        end_of_last.unwrap_or_else(|| memrchr(b'\n', bytes).map_or(0, |end| end + 1))
    }

    fn tally_blocks(&mut self, mut lines: &[u8]) -> io::Result<()> {
        while !lines.is_empty() {
            let end = lines.get(self.sizes.block - 1..).and_then(|rest| memchr(b'\n', rest));
            let (block, rest) = lines.split_at(end.map_or(lines.len(), |end| self.sizes.block + end));
            let hits = self.filter.count(&mut self.searcher, block)?;
            self.tallies.push(Tally { bytes: block.len() as u64, lines: count_lines(block), hits });
            lines = rest;
        }
        Ok(())
    }
}
