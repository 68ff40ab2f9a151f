//! The writer against a real PostgreSQL.

mod contents;
mod interruptions;
mod roll_up;
#[path = "../support/mod.rs"]
mod support;
mod time;
mod versions;

use generator::{Config, Error, Summary, Writer};
use jiff::{SignedDuration, Timestamp};
use support::Server;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

const SMALL: Config = Config { seed: 42, tick_seconds: 2, backfill_days: 3, orders_per_day: 200.0, tick_days: 7 };

async fn server() -> Server {
    Server::start(&["fsync=off"]).await
}

fn origin() -> Timestamp {
    "2026-11-23T09:44:03Z".parse().expect("a timestamp")
}

/// A writer of an empty, prepared database.
async fn writer(server: &Server, database: &str) -> Writer {
    let config = server.database(database).await;
    let mut writer = Writer::connect(&config).await.expect("connecting");
    writer.prepare().await.expect("preparing");
    writer
}

/// A writer of a shop with complete history.
async fn open_shop(server: &Server, database: &str, config: &Config) -> Writer {
    let mut writer = writer(server, database).await;
    writer.open(config, origin()).await.expect("opening");
    backfill(&mut writer, config).await.expect("filling in history");
    writer
}

async fn backfill(writer: &mut Writer, config: &Config) -> Result<Summary, Error> {
    writer.backfill(config, &CancellationToken::new(), |_| ()).await
}

/// Writes live ticks up to number `last`, as if their time had come.
async fn live(writer: &mut Writer, config: &Config, rate: f64, last: i64) {
    loop {
        let written = writer.last_tick().await.expect("reading").expect("a tick");
        if written.tick >= last {
            return;
        }
        let closed = written.window_end + SignedDuration::from_secs(config.tick_seconds.into());
        writer.advance(config, rate, closed).await.expect("a live tick");
    }
}

async fn number(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.expect(query).get(0)
}

/// Has PostgreSQL end a writer's connection as it writes certain rows of a table, once for each of them.
///
/// A sequence remembers who was killed, for it outlives the transaction that dies; the sleep is where the signal strikes.
async fn kill_writers(client: &Client, table: &str, key: &str, at: &[i64]) {
    let rows: Vec<String> = at.iter().map(i64::to_string).collect();
    let sequences: Vec<String> = rows.iter().map(|row| format!("CREATE SEQUENCE killed_at_{row};")).collect();
    let script = format!(
        "{}
         CREATE FUNCTION strike() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF nextval('public.killed_at_' || NEW.{key}) = 1 THEN
                 PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(60);
             END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER strike BEFORE INSERT ON production.{table}
             FOR EACH ROW WHEN (NEW.{key} IN ({})) EXECUTE FUNCTION public.strike()",
        sequences.concat(),
        rows.join(", ")
    );
    client.batch_execute(&script).await.expect("setting the trap");
}

/// How many connections [`kill_writers`] has ended.
async fn killed(client: &Client) -> i64 {
    number(client, "SELECT count(*) FROM pg_sequences WHERE sequencename LIKE 'killed_at_%' AND last_value >= 1").await
}

/// What the shop consists of, without what depends on when and how fast it was written.
async fn checksums(client: &Client) -> Vec<(String, String)> {
    let tables = [
        ("customers", "customer_id", "to_jsonb(t) - 'row_version'"),
        ("products", "product_id", "to_jsonb(t) - 'row_version'"),
        ("orders", "order_id", "to_jsonb(t) - 'row_version'"),
        ("order_items", "order_item_id", "to_jsonb(t) - 'row_version'"),
        ("generator_ticks", "tick", "to_jsonb(t) - '{row_version,written_at,generate_ms,write_ms}'::text[]"),
    ];
    let mut sums = Vec::new();
    for (table, key, row) in tables {
        let query = format!(
            "SELECT count(*) || ' rows, ' || md5(string_agg(({row})::text, ',' ORDER BY {key})) FROM production.{table} t"
        );
        sums.push((table.to_owned(), client.query_one(&query, &[]).await.expect(&query).get(0)));
    }
    sums
}

/// Every key is there once, from 1 on, and everything refers to something.
async fn assert_sound(client: &Client) {
    for (table, key) in [("customers", "customer_id"), ("orders", "order_id"), ("order_items", "order_item_id")] {
        let query = format!("SELECT count(*) - max({key}) FROM production.{table}");
        assert_eq!(number(client, &query).await, 0, "gaps in {table}");
        let query =
            format!("SELECT (SELECT count(*) FROM production.{table}) - sum({table}) FROM production.generator_ticks");
        assert_eq!(number(client, &query).await, 0, "{table} and generator_ticks disagree");
    }
    for orphans in [
        "orders AS child WHERE NOT EXISTS (SELECT FROM production.customers AS p WHERE p.customer_id = child.customer_id)",
        "order_items AS child WHERE NOT EXISTS (SELECT FROM production.orders AS p WHERE p.order_id = child.order_id)",
        "order_items AS child WHERE NOT EXISTS (SELECT FROM production.products AS p WHERE p.product_id = child.product_id)",
        "orders AS child WHERE NOT EXISTS (SELECT FROM production.order_items AS p WHERE p.order_id = child.order_id)",
        "orders AS child JOIN production.customers AS c USING (customer_id) \
         WHERE c.created_at > child.placed_at OR (c.city, c.country) <> (child.ship_city, child.ship_country)",
    ] {
        assert_eq!(number(client, &format!("SELECT count(*) FROM production.{orphans}")).await, 0, "{orphans}");
    }
}
