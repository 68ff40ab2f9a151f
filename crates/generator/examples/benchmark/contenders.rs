//! The ways of getting rows into PostgreSQL that are compared. Each gives rows per second.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use generator::shop::{Catalogue, DAY, Ids, Moment, Tick, Window};
use generator::{Config, TickRecord, Writer};
use tempfile::TempDir;
use tokio_postgres::Client;
use tokio_postgres::config::Host;
use tokio_util::sync::CancellationToken;

use super::support::{BINARIES, Server};

/// The tables and the columns that are copied: all but `row_version`, which is left to its default everywhere.
const TABLES: [(&str, &str); 4] = [
    ("products", "product_id, name, category, unit_price, created_at, updated_at"),
    ("customers", "customer_id, first_name, last_name, email, city, state, country, created_at, updated_at"),
    (
        "orders",
        "order_id, customer_id, status, ship_city, ship_state, ship_country, placed_at, updated_at, status_due_at",
    ),
    ("order_items", "order_item_id, order_id, product_id, quantity, unit_price, discount, created_at, updated_at"),
];
const DATABASE: &str = "bench";
/// The original approach is slow; its rate is the same for fewer rows.
const ORIGINAL_ROWS: u32 = 3_000;

/// A server, and the rows that every contender writes.
pub(super) struct Bench<'a> {
    server: &'a Server,
    config: Config,
    observer: Client,
    files: TempDir,
    ticks: Vec<TickRecord>,
}

impl<'a> Bench<'a> {
    /// Writes a day of about `orders` orders once, and exports its rows to files for the others.
    pub(super) async fn new(server: &'a Server, orders: u32) -> Self {
        server.database(DATABASE).await;
        let config = Config { backfill_days: 1, orders_per_day: f64::from(orders), ..Config::default() };
        let observer = server.client(DATABASE).await;
        let files = tempfile::tempdir().expect("a temporary folder");
        let mut bench = Self { server, config, observer, files, ticks: Vec::new() };
        bench.write().await;
        bench.ticks = generator::throughput(&bench.observer, -2, 2).await.expect("the ticks");
        bench.run_psql(TABLES.iter().flat_map(|(table, columns)| {
            ["binary", "csv"].map(|format| {
                let file = bench.file(table, format);
                format!("\\copy (SELECT {columns} FROM production.{table} ORDER BY 1) TO '{file}' (FORMAT {format})")
            })
        }));
        bench
    }

    /// How many rows are written.
    pub(super) fn rows(&self) -> u64 {
        let products = Catalogue::new(self.config.seed).products().len() as u64;
        products + self.ticks.iter().map(TickRecord::rows).sum::<u64>()
    }

    /// Generates the day's rows and throws them away.
    pub(super) fn generate(&self) -> f64 {
        let day = &self.ticks[0];
        let first = Ids { customer: day.first_customer_id, order: 1, order_item: 1 };
        let window = Window { start: Moment::from(day.window_start), end: Moment::from(day.window_end) };
        assert_eq!(window.micros(), DAY);
        let tick = Tick { seed: day.seed, number: day.tick, window, rate: day.rate, first };
        let started = Instant::now();
        let catalogue = Catalogue::new(day.seed);
        let rows: u64 = tick.purchases(&catalogue).map(|purchase| std::hint::black_box(purchase).rows()).sum();
        let rate = rate(rows, started);
        assert_eq!(rows, day.rows());
        rate
    }

    /// Generates and writes them as the product does.
    pub(super) async fn write(&self) -> f64 {
        let mut writer = self.empty_shop().await;
        let started = Instant::now();
        let summary = writer.backfill(&self.config, &CancellationToken::new(), |_| ()).await.expect("a backfill");
        rate(summary.rows, started)
    }

    /// Has PostgreSQL's own client copy them from files, in one transaction.
    pub(super) async fn psql(&self, format: &str) -> f64 {
        self.empty_shop().await;
        let copies = TABLES.iter().map(|(table, columns)| {
            let file = self.file(table, format);
            format!("\\copy production.{table} ({columns}) FROM '{file}' (FORMAT {format})")
        });
        let started = Instant::now();
        self.run_psql(copies);
        let rate = rate(self.rows(), started);
        assert_eq!(self.count().await, self.rows(), "the same rows");
        rate
    }

    /// Runs the Python script, which says its rate itself: that leaves its imports out.
    pub(super) async fn original(&self, python: &Path) -> f64 {
        self.empty_shop().await;
        let psql = self.psql_command();
        let mut script = Command::new(python);
        script.envs(psql.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = script
            .arg("benchmarks/generator/original.py")
            .args([DATABASE, &ORIGINAL_ROWS.to_string()])
            .output()
            .expect("running Python");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("rows per second")
    }

    /// A shop with its tables, indexes and triggers and without a row, and a server that has nothing left to do.
    async fn empty_shop(&self) -> Writer {
        let reset = "SET client_min_messages = warning; DROP SCHEMA IF EXISTS production CASCADE";
        self.observer.batch_execute(reset).await.expect("dropping the shop");
        let mut writer = Writer::connect(&self.server.config(DATABASE)).await.expect("connecting");
        writer.prepare().await.expect("preparing");
        self.observer.batch_execute("CHECKPOINT").await.expect("a checkpoint");
        writer
    }

    async fn count(&self) -> u64 {
        let counts = TABLES.map(|(table, _)| format!("(SELECT count(*) FROM production.{table})")).join(" + ");
        let row = self.observer.query_one(&format!("SELECT {counts}"), &[]).await.expect("counting");
        row.get::<_, i64>(0).unsigned_abs()
    }

    fn run_psql(&self, commands: impl IntoIterator<Item = String>) {
        let mut psql = self.psql_command();
        psql.args(["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--dbname", DATABASE]);
        for command in commands {
            psql.arg("--command").arg(command);
        }
        let output = psql.output().expect("running psql");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn psql_command(&self) -> Command {
        let config = self.server.config(DATABASE);
        let [Host::Unix(socket)] = config.get_hosts() else { panic!("the server has one socket") };
        let binaries = std::env::var_os(BINARIES).expect("a server was started from there");
        let mut psql = Command::new(Path::new(&binaries).join("psql"));
        psql.env("PGHOST", socket).env("PGUSER", "shop");
        psql
    }

    fn file(&self, table: &str, format: &str) -> String {
        self.files.path().join(format!("{table}.{format}")).display().to_string()
    }
}

fn rate(rows: u64, started: Instant) -> f64 {
    rows as f64 / started.elapsed().as_secs_f64()
}
