//! How fast a huge log opens and is searched, against ripgrep on the very same file, and what that takes of memory.
//!
//! Run by `benchmarks/logs/run`; the README beside it explains the figures.

mod report;
mod write;

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use protocol::Level;
use protocol::logs::{LogFilter, LogWindow};
use report::{Goals, Rounds};
use retailflow_logs::LogReader;
use write::{COMMON, ORIGIN, RARE};

/// Lines in a window, as the page asks for them.
const WINDOW: u32 = 200;

/// A growing log: lines a second, windows a second, seconds.
const ARRIVING: u64 = 50_000;
const WINDOWS: u64 = 50;
const SECONDS: u64 = 20;

fn main() -> ExitCode {
    let lines = setting("RETAILFLOW_BENCH_LINES", 5_000_000);
    let rounds = setting("RETAILFLOW_BENCH_ROUNDS", 9);
    let rg = env::var("RETAILFLOW_BENCH_RG").unwrap_or_else(|_| "rg".to_owned());
    let folder = tempfile::tempdir_in(env::var("RETAILFLOW_BENCH_FOLDER").unwrap_or_else(|_| "target".to_owned()));
    let folder = folder.expect("a folder for the log");
    let log = folder.path().join("run.log");
    write::append(&log, 0, lines).expect("room for the log");
    let bytes = fs::metadata(&log).expect("the log").len();
    println!("a log of {lines} lines, {} MB, in the page cache; {rounds} rounds in turn", bytes / 1_000_000);

    let before = memory();
    let mut figures = Rounds::default();
    for round in 0..rounds {
        compare(&mut figures, &log, lines, &rg, round % 2 == 0);
    }
    figures.print();
    let read = memory();
    let slowest = follow(&log, lines);
    let followed = memory();
    println!(
        "\nmemory, MB: {before:.1} before, {read:.1} at most while reading, {followed:.1} at most while following"
    );

    let mut goals = Goals::new();
    goals.at_most("opening, seconds", figures.median("open"), 0.2);
    goals.at_most("searching for rare text, of ripgrep", figures.ratio("search, rare", "rg, rare"), 2.0);
    goals.at_most("searching for common text, of ripgrep", figures.ratio("search, common", "rg, common"), 2.0);
    for filter in ["origin", "warnings", "information"] {
        let what = format!("filtering by {filter}, of searching for rare text");
        goals.at_most(&what, figures.ratio(filter, "search, rare"), 4.0);
    }
    goals.at_most("a window of what was found, ms", figures.median("window of rare matches") * 1e3, 50.0);
    goals.at_most("slowest window of a log that grows, ms", slowest * 1e3, 50.0);
    goals.at_most("memory for reading, MB", read - before, 16.0);
    goals.at_most("memory for following on, MB", followed - read, 4.0);
    if goals.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One round: each contender once, ours and ripgrep's also first by turns.
fn compare(figures: &mut Rounds, log: &Path, lines: u64, rg: &str, ours_first: bool) {
    let opened = timed(figures, "open", || window(&mut reader(log, LogFilter::default()), u64::MAX));
    assert_eq!((opened.total, opened.lines.len()), (lines, WINDOW as usize));
    for (ours, theirs, text) in [("search, rare", "rg, rare", RARE), ("search, common", "rg, common", COMMON)] {
        let mut reader = reader(log, LogFilter { query: text.to_owned(), ..LogFilter::default() });
        let mut search = |figures: &mut Rounds| timed(figures, ours, || window(&mut reader, 0)).total;
        let (found, counted) = if ours_first {
            let found = search(figures);
            (found, timed(figures, theirs, || ripgrep(rg, log, text)))
        } else {
            let counted = timed(figures, theirs, || ripgrep(rg, log, text));
            (search(figures), counted)
        };
        assert_eq!(found, counted, "ripgrep must find the same lines");
        let name = if text == RARE { "window of rare matches" } else { "window of common matches" };
        timed(figures, name, || window(&mut reader, found / 2));
    }
    let by = |origin: &str, level| LogFilter { query: String::new(), origin: origin.to_owned(), level };
    timed(figures, "origin", || window(&mut reader(log, by(ORIGIN, None)), u64::MAX));
    timed(figures, "warnings", || window(&mut reader(log, by("", Some(Level::Warn))), u64::MAX));
    timed(figures, "information", || window(&mut reader(log, by("", Some(Level::Info))), u64::MAX));
}

/// Reads the end of a log again and again while it grows, unfiltered and filtered; gives the longest that took, in
/// seconds.
fn follow(log: &Path, lines: u64) -> f64 {
    let warnings = LogFilter { level: Some(Level::Warn), ..LogFilter::default() };
    let mut readers = [reader(log, LogFilter::default()), reader(log, warnings)];
    for reader in &mut readers {
        window(reader, u64::MAX);
    }
    let step = ARRIVING / WINDOWS;
    let mut slowest: f64 = 0.0;
    for number in (lines..lines + ARRIVING * SECONDS).step_by(usize::try_from(step).expect("a small number")) {
        write::append(log, number, number + step).expect("room for the log");
        for reader in &mut readers {
            let begun = Instant::now();
            let last = window(reader, u64::MAX);
            slowest = slowest.max(begun.elapsed().as_secs_f64());
            assert!(last.complete && last.lines.len() == WINDOW as usize);
        }
    }
    assert_eq!(window(&mut readers[0], u64::MAX).total, lines + ARRIVING * SECONDS);
    slowest
}

fn reader(log: &Path, filter: LogFilter) -> LogReader {
    LogReader::new(log, filter).expect("a filter of plain text")
}

fn window(reader: &mut LogReader, from: u64) -> LogWindow {
    reader.window(from, WINDOW).expect("a log that can be read")
}

fn timed<T>(figures: &mut Rounds, what: &'static str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    figures.add(what, begun.elapsed().as_secs_f64());
    done
}

/// How many lines ripgrep finds.
fn ripgrep(rg: &str, log: &Path, text: &str) -> u64 {
    let arguments = ["--no-config", "--fixed-strings", "--ignore-case", "--count", text];
    let output = Command::new(rg).args(arguments).arg(log).output().expect("ripgrep runs");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a count")
}

/// The most memory this process has had, in MB; 0 where the system does not tell.
fn memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    peak.and_then(|kilobytes| kilobytes.trim().parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// A whole number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name} is {value}: it must be a whole number")),
        Err(_) => default,
    }
}
