//! Logs such as runs write, of any length, the same each time.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

const ORIGINS: [&str; 8] =
    ["environment", "postgres", "schema", "history", "generator", "dagster", "refresh", "dashboards"];

/// Text of which there is little: one line in fifty thousand has it.
pub(crate) const RARE: &str = "could not obtain lock";
/// Text of which there is much: more than every second line has it.
pub(crate) const COMMON: &str = "rows into";
/// One of the eight that write.
pub(crate) const ORIGIN: &str = "history";

/// Appends lines `from` to `to` of the endless log.
pub(crate) fn append(path: &Path, from: u64, to: u64) -> io::Result<()> {
    let mut file: BufWriter<File> = BufWriter::new(OpenOptions::new().create(true).append(true).open(path)?);
    for number in from..to {
        write_line(&mut file, number)?;
    }
    file.flush()
}

fn write_line(file: &mut impl Write, number: u64) -> io::Result<()> {
    let dice = mix(number);
    let start: Timestamp = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(490_000);
    let millis = i64::try_from(number / 3).unwrap_or(i64::MAX);
    let at = start + SignedDuration::from_millis(millis);
    let origin = ORIGINS[usize::try_from(dice >> 8 & 7).unwrap_or(0)];
    let table = ["customers", "products", "orders", "order_items"][usize::try_from(dice >> 11 & 3).unwrap_or(0)];
    let (count, ms) = (dice >> 16 & 0xffff, dice >> 32 & 0x3ff);
    if number % 50_000 == 49_999 {
        return writeln!(
            file,
            "{at:.3} ERROR {origin:<11} Could not obtain lock on row in \"{table}\", attempt 2 of 5"
        );
    }
    match dice & 0x7f {
        0 => writeln!(
            file,
            "{at:.3} ERROR {origin:<11} relation \"{table}\" has {count} rows that fail unique_{table}_key"
        ),
        1..4 => writeln!(file, "{at:.3} WARN  {origin:<11} checkpoint of {table} took {ms} ms, longer than planned"),
        4..16 => writeln!(file, "{at:.3} DEBUG {origin:<11} \u{1b}[2mfetch size {count}, snapshot {dice:x}\u{1b}[0m"),
        16..48 => writeln!(
            file,
            "{at:.3} INFO  {origin:<11} 1 of 17 \u{1b}[32mOK\u{1b}[0m created model marts.{table} in {ms} ms"
        ),
        _ => writeln!(
            file,
            "{at:.3} INFO  {origin:<11} copied {count} rows into production.{table} in {ms} ms, tick {number}"
        ),
    }
}

/// Scatters the bits of a number (the finaliser of `SplitMix64`).
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
