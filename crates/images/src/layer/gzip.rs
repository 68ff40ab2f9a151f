//! gzip on all cores, with the same output on any number of them.
//!
//! The input is cut into blocks that are compressed independently, each ending on a byte boundary, so that their
//! outputs put one after the other are one ordinary gzip stream. The header carries no time and no name.

use std::io::{self, Write};
use std::num::NonZero;
use std::thread;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// How much is compressed in one piece. Part of the format: another size gives other bytes.
const BLOCK: usize = 1 << 20;

/// Magic, deflate, no flags, no time, no extra flags, no operating system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// An empty last block of deflate.
const END: [u8; 2] = [3, 0];

/// Compresses what is written to it.
pub(super) struct Gzip<W: Write> {
    to: W,
    crc: Crc,
    blocks: Vec<Vec<u8>>,
    threads: usize,
}

impl<W: Write> Gzip<W> {
    pub(super) fn new(mut to: W) -> io::Result<Self> {
        to.write_all(&HEADER)?;
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        Ok(Self { to, crc: Crc::new(), blocks: Vec::new(), threads })
    }

    /// Writes what is left and the trailer, and gives back what was written to.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.write_blocks()?;
        self.to.write_all(&END)?;
        self.to.write_all(&self.crc.sum().to_le_bytes())?;
        // The format keeps the length modulo 2^32, and so does `amount`.
        self.to.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.to)
    }

    fn write_blocks(&mut self) -> io::Result<()> {
        let compressed: Vec<io::Result<Vec<u8>>> = thread::scope(|scope| {
            let workers: Vec<_> = self.blocks.iter().map(|block| scope.spawn(|| compress(block))).collect();
            let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
            joined.map(|block| block.unwrap_or_else(|_| Err(io::Error::other("a compressor panicked")))).collect()
        });
        for block in compressed {
            self.to.write_all(&block?)?;
        }
        self.blocks.clear();
        Ok(())
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.blocks.last().is_none_or(|block| block.len() == BLOCK) {
            if self.blocks.len() == self.threads {
                self.write_blocks()?;
            }
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        let Some(block) = self.blocks.last_mut() else { unreachable!("one was just added") };
        let taken = bytes.len().min(BLOCK - block.len());
        block.extend_from_slice(&bytes[..taken]);
        self.crc.update(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Blocks are full or the last: cutting one short here would change the output.
        Ok(())
    }
}

fn compress(block: &[u8]) -> io::Result<Vec<u8>> {
    let mut deflate = Compress::new(Compression::new(6), false);
    // Blocks that do not shrink grow by a few bytes.
    let mut compressed = Vec::with_capacity(block.len() + block.len() / 1000 + 64);
    loop {
        let taken = usize::try_from(deflate.total_in()).unwrap_or(block.len());
        let status = deflate.compress_vec(&block[taken..], &mut compressed, FlushCompress::Sync)?;
        // Room left means that everything has been flushed.
        if status != Status::Ok || compressed.len() < compressed.capacity() {
            return Ok(compressed);
        }
        compressed.reserve(block.len() / 8 + 64);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    /// Bytes that compress a little.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0] & 0x3f
        })
        .take(length)
        .collect()
    }

    fn gzip(bytes: &[u8], threads: usize, piece: usize) -> Vec<u8> {
        let mut gzip = Gzip::new(Vec::new()).unwrap();
        gzip.threads = threads;
        for piece in bytes.chunks(piece) {
            gzip.write_all(piece).unwrap();
        }
        gzip.finish().unwrap()
    }

    #[test]
    fn what_is_compressed_comes_out_again() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 12_345] {
            let bytes = sample(length);
            let mut back = Vec::new();
            // A decoder of one stream: it would stop at the end of the first of several.
            GzDecoder::new(gzip(&bytes, 2, 8192).as_slice()).read_to_end(&mut back).unwrap();
            assert!(back == bytes, "{length} bytes");
        }
    }

    #[test]
    fn bytes_that_do_not_shrink_come_out_again() {
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        })
        .take(2 * BLOCK + 1)
        .collect();
        let compressed = gzip(&noise, 2, noise.len());
        assert!(compressed.len() < noise.len() + noise.len() / 500);
        let mut back = Vec::new();
        GzDecoder::new(compressed.as_slice()).read_to_end(&mut back).unwrap();
        assert!(back == noise);
    }

    #[test]
    fn neither_threads_nor_writes_show_in_the_output() {
        let bytes = sample(3 * BLOCK + 12_345);
        let one = gzip(&bytes, 1, bytes.len());
        assert!(one.len() < bytes.len() * 9 / 10);
        assert!(one == gzip(&bytes, 3, 7_919));
        assert!(one == gzip(&bytes, 8, 1 << 16));
    }
}
