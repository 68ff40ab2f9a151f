//! Rows in the binary format of PostgreSQL's `COPY`, for exactly the types the shop's tables have.
//!
//! The format: a header, then per row a field count and per field a length and that many bytes, all big-endian, and a
//! trailer. Writing it here rather than through a generic serialiser keeps a row at a few dozen stores.

use bytes::Bytes;

use crate::shop::{Moment, SECOND};

/// The signature, no flags, no header extension.
const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// A field count of -1.
const TRAILER: [u8; 2] = [0xff, 0xff];
/// A length of -1 stands for null.
const NULL: [u8; 4] = [0xff; 4];
/// PostgreSQL counts time from 2000-01-01; this is that moment in microseconds since 1970.
const EPOCH: i64 = 946_684_800 * SECOND;

/// Encoded rows of one table.
#[derive(Debug)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    count: i32,
}

impl Rows {
    /// No rows, with room for `capacity` bytes of them.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(HEADER);
        Self { bytes, count: 0 }
    }

    /// How many rows there are.
    pub(super) const fn count(&self) -> i32 {
        self.count
    }

    /// Begins a row of `fields` fields, which must follow.
    pub(super) fn row(&mut self, fields: i16) {
        self.count += 1;
        self.bytes.extend_from_slice(&fields.to_be_bytes());
    }

    /// A `bigint`.
    pub(super) fn bigint(&mut self, value: i64) {
        self.fixed(value.to_be_bytes());
    }

    /// An `int`.
    pub(super) fn int(&mut self, value: i32) {
        self.fixed(value.to_be_bytes());
    }

    /// A `timestamptz`.
    pub(super) fn moment(&mut self, value: Moment) {
        self.bigint(value.as_micros() - EPOCH);
    }

    /// A `timestamptz` that may be null.
    pub(super) fn optional_moment(&mut self, value: Option<Moment>) {
        match value {
            Some(value) => self.moment(value),
            None => self.bytes.extend_from_slice(&NULL),
        }
    }

    /// A `numeric(10, 2)` of `cents`, which must be at least 0 and below 10^10.
    ///
    /// A numeric is a series of base-10,000 digits: always two before the point and one behind it here, since
    /// PostgreSQL strips the zeros by itself.
    pub(super) fn money(&mut self, cents: i64) {
        /// Three digits, the first worth 10,000^1, positive, two decimals to show.
        const SHAPE: [u8; 8] = [0, 3, 0, 1, 0, 0, 0, 2];
        debug_assert!((0..10_000_000_000).contains(&cents), "{cents} cents are no numeric(10, 2)");
        let digits = [cents / 1_000_000, cents / 100 % 10_000, cents % 100 * 100];
        let mut field = [0; 14];
        field[..8].copy_from_slice(&SHAPE);
        for (place, digit) in field[8..].chunks_exact_mut(2).zip(digits) {
            place.copy_from_slice(&digit.to_be_bytes()[6..]);
        }
        self.fixed(field);
    }

    /// A `text`.
    pub(super) fn text(&mut self, value: &str) {
        self.text_with(|bytes| bytes.extend_from_slice(value.as_bytes()));
    }

    /// A `text` that `write` appends.
    pub(super) fn text_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&NULL);
        write(&mut self.bytes);
        let length = length(self.bytes.len() - start - NULL.len());
        self.bytes[start..start + NULL.len()].copy_from_slice(&length);
    }

    fn fixed<const N: usize>(&mut self, value: [u8; N]) {
        self.bytes.extend_from_slice(&length(N));
        self.bytes.extend_from_slice(&value);
    }

    /// The whole stream, from header to trailer.
    pub(super) fn finish(mut self) -> Bytes {
        self.bytes.extend_from_slice(&TRAILER);
        self.bytes.into()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "no field of the shop is longer than a name")]
const fn length(bytes: usize) -> [u8; 4] {
    (bytes as u32).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(write: impl FnOnce(&mut Rows)) -> Vec<u8> {
        let mut rows = Rows::with_capacity(0);
        write(&mut rows);
        rows.bytes[HEADER.len()..].to_vec()
    }

    #[test]
    fn a_stream_has_header_rows_and_trailer() {
        let mut rows = Rows::with_capacity(64);
        rows.row(1);
        rows.int(7);
        assert_eq!(rows.count(), 1);
        let bytes = rows.finish();
        assert_eq!(&bytes[..11], b"PGCOPY\n\xff\r\n\0");
        assert_eq!(&bytes[19..], [0, 1, 0, 0, 0, 4, 0, 0, 0, 7, 0xff, 0xff]);
    }

    #[test]
    fn text_is_preceded_by_its_length_in_bytes() {
        assert_eq!(fields(|rows| rows.text("Zoë")), b"\0\0\0\x04Zo\xc3\xab");
        assert_eq!(fields(|rows| rows.text("")), [0; 4]);
    }

    #[test]
    fn time_counts_from_2000() {
        let moment = |text: &str| Moment::from(text.parse::<jiff::Timestamp>().expect("a timestamp"));
        let encoded = fields(|rows| rows.moment(moment("2000-01-01T00:00:01Z")));
        assert_eq!(encoded, [0, 0, 0, 8, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x40]);
        let earlier = fields(|rows| rows.moment(moment("1999-12-31T23:59:59.999999Z")));
        assert_eq!(earlier[4..], [0xff; 8]);
        assert_eq!(fields(|rows| rows.optional_moment(None)), [0xff; 4]);
    }

    #[test]
    fn money_is_three_digits_to_the_base_of_10_000() {
        let digits = |cents| {
            let encoded = fields(|rows| rows.money(cents));
            assert_eq!(encoded[..12], [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 2]);
            encoded[12..].chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect::<Vec<_>>()
        };
        assert_eq!(digits(0), [0, 0, 0]);
        assert_eq!(digits(1_999), [0, 19, 9_900]);
        assert_eq!(digits(1_234_567_805), [1_234, 5_678, 500]);
    }
}
