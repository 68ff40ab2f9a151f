//! A stack, as far as the function sees it: its database, its secret, its settings, its log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use generator::{Config, Writer};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use crate::lambda::{Answer, Function};
use crate::postgres::{PASSWORD, Postgres, TELLTALE, USER};
use crate::secrets::{self, Secret, SecretsManager};

/// The name of every test's stack.
pub(crate) const NAME: &str = "shop";
/// Minutes between two ticks.
pub(crate) const TICK_MINUTES: i64 = 3;

/// A stack with a small shop: three days of history, and an order every other minute.
pub(crate) struct Stack {
    pub(crate) postgres: Postgres,
    pub(crate) secrets: SecretsManager,
    variables: BTreeMap<&'static str, String>,
    folder: TempDir,
    answers: Arc<Mutex<Vec<Answer>>>,
}

impl Stack {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// One with other settings.
    pub(crate) async fn with(settings: &[(&'static str, &str)]) -> Self {
        let postgres = Postgres::start().await;
        postgres.execute(&["CREATE DATABASE shop"]).await;
        let secrets = SecretsManager::start(login(PASSWORD)).await;
        let variables = BTreeMap::from([
            ("AWS_ENDPOINT_URL", secrets.endpoint()),
            ("RETAILFLOW_BACKFILL_DAYS", "3".to_owned()),
            ("RETAILFLOW_DATABASE_HOST", "127.0.0.1".to_owned()),
            ("RETAILFLOW_DATABASE_PORT", postgres.port.to_string()),
            ("RETAILFLOW_DATABASE_SECRET", secrets::ARN.to_owned()),
            ("RETAILFLOW_ORDERS_PER_MINUTE", "0.5".to_owned()),
            ("RETAILFLOW_SEED", "42".to_owned()),
            ("RETAILFLOW_STACK", NAME.to_owned()),
            ("RETAILFLOW_TICK_MINUTES", TICK_MINUTES.to_string()),
        ]);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut stack = Self { postgres, secrets, variables, folder, answers: Arc::default() };
        for (name, value) in settings {
            stack.set(name, Some(value));
        }
        stack
    }

    /// Sets a variable of the functions that are started from now on, or removes it.
    pub(crate) fn set(&mut self, name: &'static str, value: Option<&str>) {
        match value {
            Some(value) => self.variables.insert(name, value.to_owned()),
            None => self.variables.remove(name),
        };
    }

    /// A variable that is set.
    pub(crate) fn variable(&self, name: &str) -> String {
        self.variables[name].clone()
    }

    /// Starts the function in an execution environment of its own.
    pub(crate) async fn function(&self) -> Function {
        Function::start(&self.variables, &self.folder.path().join("log"), &self.answers).await
    }

    /// All that the functions have logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The lines of the log that are JSON, which is what CloudWatch looks for metrics in.
    pub(crate) fn metrics(&self) -> Vec<Value> {
        self.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The database that the functions write.
    pub(crate) async fn shop(&self) -> Client {
        self.postgres.client("shop").await
    }

    /// The rows of the shop that the library itself writes with these settings, when its time is `minutes` after its
    /// opening.
    pub(crate) async fn expected(&self, minutes: i64) -> BTreeMap<String, String> {
        self.postgres.execute(&["DROP DATABASE IF EXISTS expected", "CREATE DATABASE expected"]).await;
        let number = |name| self.variables[name].parse::<f64>().expect(name);
        let rate = number("RETAILFLOW_ORDERS_PER_MINUTE");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
        let config = Config {
            seed: number("RETAILFLOW_SEED") as i64,
            tick_seconds: number("RETAILFLOW_TICK_MINUTES") as u32 * 60,
            backfill_days: number("RETAILFLOW_BACKFILL_DAYS") as u32,
            orders_per_day: rate * 1440.0,
            ..Config::default()
        };
        let mut writer = Writer::connect(&self.postgres.config("expected")).await.expect("connecting");
        writer.prepare().await.expect("preparing");
        writer.open(&config, origin()).await.expect("opening");
        writer.backfill(&config, &CancellationToken::new(), |_| ()).await.expect("filling in history");
        while let generator::Advance::Wrote(_) = writer.advance(&config, rate, at(minutes)).await.expect("a tick") {}
        rows(writer.client()).await
    }
}

impl Drop for Stack {
    /// Whatever the test was about, the password is in nothing that the functions said.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(!self.log().contains(TELLTALE), "the password is in the log:\n{}", self.log());
            let answers = format!("{:?}", self.answers.lock().expect("the answers"));
            assert!(!answers.contains(TELLTALE), "the password is in an answer: {answers}");
        }
    }
}

/// The secret with a password, as Terraform writes it.
pub(crate) fn login(password: &str) -> Secret {
    Secret::Text(json!({ "username": USER, "password": password }).to_string())
}

/// When the rule first fires.
fn origin() -> Timestamp {
    "2026-11-23T09:44:03Z".parse().expect("a timestamp")
}

fn at(minutes: i64) -> Timestamp {
    origin() + SignedDuration::from_mins(minutes)
}

/// What EventBridge sends when the rule fires so many minutes after it first did.
pub(crate) fn event(minutes: i64) -> String {
    json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": at(minutes).to_string(),
        "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:123456789012:rule/shop-tick"],
        "detail": {},
    })
    .to_string()
}

/// What the shop consists of by table, as a count and a checksum, without what depends on when and how fast it was
/// written.
pub(crate) async fn rows(client: &Client) -> BTreeMap<String, String> {
    checksums(client, "{row_version,written_at,generate_ms,write_ms}").await
}

/// Everything in the shop's tables: not even a row that was written again with what it holds goes unnoticed.
pub(crate) async fn contents(client: &Client) -> BTreeMap<String, String> {
    checksums(client, "{}").await
}

async fn checksums(client: &Client, without: &str) -> BTreeMap<String, String> {
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'production'";
    let mut sums = BTreeMap::new();
    for row in client.query(tables, &[]).await.expect("the tables") {
        let table: String = row.get(0);
        let sum = format!(
            "SELECT count(*) || ' rows, ' || coalesce(sum(hashtextextended((to_jsonb(t) - '{without}'::text[])::text, 0)), 0) \
             FROM production.{table} t"
        );
        let sum = client.query_one(&sum, &[]).await.expect(&sum).get(0);
        sums.insert(table, sum);
    }
    assert_eq!(sums.len(), 6, "the tables of the shop: {sums:?}");
    sums
}

/// The one number that a query gives.
pub(crate) async fn number(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.expect(query).get(0)
}

/// The numbers of the ticks that were written, in the order of their windows.
pub(crate) async fn ticks(client: &Client) -> Vec<i64> {
    let query = "SELECT tick FROM production.generator_ticks ORDER BY tick";
    client.query(query, &[]).await.expect(query).iter().map(|row| row.get(0)).collect()
}

/// Waits until a query gives a number above zero.
pub(crate) async fn wait_until(client: &Client, query: &str) {
    for _ in 0..12_000 {
        if number(client, query).await > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("this did not come true within a minute: {query}");
}

/// Lets every insert of a row into one of the shop's tables take so many seconds if the condition holds: in the middle
/// of it a test can do something, or a call's time run out. The schema is made if it is not there.
pub(crate) async fn slow_down(client: &Client, table: &str, condition: &str, seconds: f64) {
    let slow = format!(
        "CREATE OR REPLACE FUNCTION production.be_slow() RETURNS trigger LANGUAGE plpgsql \
         AS 'BEGIN PERFORM pg_sleep(TG_ARGV[0]::float); RETURN NEW; END'; \
         CREATE OR REPLACE TRIGGER be_slow BEFORE INSERT ON production.{table} \
         FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION production.be_slow({seconds})"
    );
    client.batch_execute(generator::SCHEMA).await.expect("the shop's schema");
    client.batch_execute(&slow).await.expect("slowing the shop down");
}
