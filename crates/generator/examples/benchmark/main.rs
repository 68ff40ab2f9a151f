//! How fast the shop is generated and written, against PostgreSQL's own client on the very same rows.
//!
//! Run by `benchmarks/generator/run`, which explains the figures. Contenders take turns within one run, so that a slow
//! moment of the machine hits all of them; figures are medians, and ratios are medians of the rounds' ratios.

#[path = "../../tests/support/mod.rs"]
mod support;

mod contenders;
mod report;

use std::path::PathBuf;

use contenders::Bench;
use report::{COPY, COPY_CSV, MEMORY, ORIGINAL, Report, WRITER};

/// Checkpoints between the rounds and not in them; everything else as PostgreSQL comes.
const SETTINGS: [&str; 2] = ["max_wal_size=8GB", "checkpoint_timeout=1h"];

#[tokio::main]
async fn main() {
    let orders = setting("RETAILFLOW_BENCH_ORDERS", 150_000);
    let rounds = setting("RETAILFLOW_BENCH_ROUNDS", 7);
    let python = std::env::var_os("RETAILFLOW_BENCH_PYTHON").map(PathBuf::from);
    let server = support::Server::start(&SETTINGS).await;
    let bench = Bench::new(&server, orders).await;
    println!("one day of {orders} orders asked for, {} rows; {rounds} rounds in turn", bench.rows());

    let mut report = Report::default();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        report.add(MEMORY, bench.generate());
        // Whoever comes second finds another machine than the first: they take turns at that too.
        if round % 2 == 0 {
            report.add(COPY, bench.psql("binary").await);
            report.add(WRITER, bench.write().await);
        } else {
            report.add(WRITER, bench.write().await);
            report.add(COPY, bench.psql("binary").await);
        }
        report.add(COPY_CSV, bench.psql("csv").await);
        match &python {
            Some(python) if round <= 3 => report.add(ORIGINAL, bench.original(python).await),
            _ => (),
        }
    }
    report.print();
}

/// A whole number from the environment.
fn setting(name: &str, default: u32) -> u32 {
    match std::env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name} is {value}: it must be a whole number")),
        Err(_) => default,
    }
}
