//! The writer against a real PostgreSQL: ticks are written exactly once, whatever breaks in between.

mod support;

use std::collections::HashMap;
use std::time::Duration;

use generator::shop::{Catalogue, Customer, Ids, Moment, Tick, Timeline, Window};
use generator::{Advance, Config, Error, LiveEvent, Outcome, Plan, TickRecord, Writer, throughput};
use jiff::{SignedDuration, Timestamp};
use support::Server;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

const SMALL: Config = Config { seed: 42, tick_seconds: 2, backfill_days: 3, orders_per_day: 200.0 };

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

async fn backfill(writer: &mut Writer, config: &Config) -> Result<generator::Summary, Error> {
    writer.backfill(config, &CancellationToken::new(), |_| ()).await
}

/// Writes live ticks up to number `last`, as if their time had come.
async fn live(writer: &mut Writer, config: &Config, rate: f64, last: i64) {
    let later = origin() + SignedDuration::from_hours(24 * 365);
    while writer.last_tick().await.expect("reading").expect("a tick").tick < last {
        writer.advance(config, rate, later).await.expect("a live tick");
    }
}

async fn number(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.expect(query).get(0)
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

/// Ends the connections of writers to `database` that are copying; tells how many those were.
async fn kill_copying(client: &Client, database: &str) -> i64 {
    let query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1 \
                 AND application_name = 'retailflow-generator' AND state = 'active' AND query LIKE 'COPY%'";
    client.query_one(query, &[&database]).await.expect("terminating").get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_tick_adds_nothing() {
    let server = server().await;
    let mut writer = open_shop(&server, "repeated", &SMALL).await;
    live(&mut writer, &SMALL, 600.0, 5).await;
    let before = checksums(writer.client()).await;
    let last = writer.last_tick().await.expect("reading").expect("a tick");
    let window = Window { start: last.window_start.into(), end: last.window_end.into() };
    let plan = Plan { seed: 42, number: last.tick, window, rate: 9_999.0 };
    for _ in 0..3 {
        let outcome = writer.write_tick(&plan).await.expect("no error");
        assert_eq!(outcome, Outcome::AlreadyWritten(last.clone()));
        writer.prepare().await.expect("preparing again");
        let summary = backfill(&mut writer, &SMALL).await.expect("filling in again");
        assert_eq!((summary.ticks, summary.rows), (0, 0));
    }
    assert_eq!(checksums(writer.client()).await, before);
    assert_sound(writer.client()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_gives_the_same_shop_and_another_one_another() {
    let server = server().await;
    let mut sums = Vec::new();
    for (database, seed) in [("one", 1), ("again", 1), ("other", 2)] {
        let config = Config { seed, ..SMALL };
        let mut writer = open_shop(&server, database, &config).await;
        live(&mut writer, &config, 600.0, 5).await;
        sums.push(checksums(writer.client()).await);
    }
    assert_eq!(sums[0], sums[1]);
    assert!(sums[0].iter().zip(&sums[2]).all(|(one, other)| one != other));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_connections_leave_the_shop_as_if_nothing_had_happened() {
    const BIG: Config = Config { seed: 7, tick_seconds: 2, backfill_days: 4, orders_per_day: 25_000.0 };
    const KILLS: i64 = 4;
    let server = server().await;
    let undisturbed = open_shop(&server, "undisturbed", &BIG).await;

    let mut disturbed = writer(&server, "disturbed").await;
    disturbed.open(&BIG, origin()).await.expect("opening");
    let observer = server.client("postgres").await;
    let killer = tokio::spawn(async move {
        let mut killed = 0;
        while killed < KILLS {
            tokio::time::sleep(Duration::from_millis(5 + 20 * killed.unsigned_abs())).await;
            killed += kill_copying(&observer, "disturbed").await;
        }
    });
    let mut failures = 0;
    while let Err(error) = backfill(&mut disturbed, &BIG).await {
        assert!(error.is_transient(), "{error}");
        failures += 1;
        disturbed = Writer::connect(&server.config("disturbed")).await.expect("connecting again");
    }
    killer.await.expect("the killer killed as often as it should");
    assert_eq!(failures, KILLS);
    assert_eq!(checksums(disturbed.client()).await, checksums(undisturbed.client()).await);
    assert_sound(disturbed.client()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_at_once_write_one_shop() {
    let server = server().await;
    let alone = open_shop(&server, "alone", &SMALL).await;
    let mut first = writer(&server, "shared").await;
    let mut second = Writer::connect(&server.config("shared")).await.expect("connecting");
    first.open(&SMALL, origin()).await.expect("opening");
    let (one, two) = tokio::join!(backfill(&mut first, &SMALL), backfill(&mut second, &SMALL));
    let (one, two) = (one.expect("the first"), two.expect("the second"));
    assert_eq!(one.ticks + two.ticks, 3, "each day was written by one of them");
    assert_eq!(checksums(first.client()).await, checksums(alone.client()).await);

    tokio::join!(live(&mut first, &SMALL, 600.0, 50), live(&mut second, &SMALL, 600.0, 50));
    assert_sound(first.client()).await;
    let ticks = "SELECT count(*) FROM production.generator_ticks WHERE tick > 0";
    assert!((50..=51).contains(&number(first.client(), ticks).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_take_their_course() {
    let server = server().await;
    let config = Config { tick_seconds: 3_600, ..SMALL };
    let mut writer = open_shop(&server, "course", &config).await;
    let mut changes = 0;
    for last in [1, 30, 24 * 12] {
        live(&mut writer, &config, 0.2, last).await;
        let tick = writer.last_tick().await.expect("reading").expect("a tick");
        changes += assert_course(writer.client(), &config, &tick).await;
    }
    let recorded = number(writer.client(), "SELECT sum(status_changes) FROM production.generator_ticks").await;
    assert!(recorded > 3_000, "{recorded} status changes in twelve days");
    assert!(changes > 0);
    assert_sound(writer.client()).await;
}

/// Every order is where its timeline says it should be at the end of `tick`; returns how many are under way.
async fn assert_course(client: &Client, config: &Config, tick: &TickRecord) -> usize {
    let rows = client
        .query("SELECT order_id, placed_at, status, updated_at, status_due_at FROM production.orders", &[])
        .await
        .expect("orders");
    for row in &rows {
        let (order_id, placed_at): (i64, Timestamp) = (row.get(0), row.get(1));
        let state = Timeline::new(config.seed, order_id, placed_at.into()).before(tick.window_end.into());
        assert_eq!(row.get::<_, &str>(2), state.status.as_str(), "order {order_id} after tick {}", tick.tick);
        assert_eq!(row.get::<_, Timestamp>(3), state.since.timestamp());
        assert_eq!(row.get::<_, Option<Timestamp>>(4), state.due.map(Moment::timestamp));
    }
    rows.iter().filter(|row| row.get::<_, Option<Timestamp>>(4).is_some()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_holds_what_the_library_generates() {
    let server = server().await;
    let writer = open_shop(&server, "faithful", &SMALL).await;
    let client = writer.client();
    let catalogue = Catalogue::new(SMALL.seed);
    for product in catalogue.products() {
        let query = "SELECT name, category, (unit_price * 100)::bigint FROM production.products WHERE product_id = $1";
        let row = client.query_one(query, &[&product.product_id]).await.expect("the product");
        assert_eq!(row.get::<_, String>(0), format!("{} {}", product.line, product.ware));
        assert_eq!((row.get::<_, &str>(1), row.get::<_, i64>(2)), (product.category, product.unit_price));
    }
    let ticks = throughput(client, -4, 10).await.expect("the ticks");
    assert_eq!(ticks.iter().map(|tick| tick.tick).collect::<Vec<_>>(), [-3, -2, -1, 0]);
    for record in &ticks[..3] {
        assert!(record.orders > 0);
        assert_same_rows(client, record, &catalogue).await;
    }
}

async fn assert_same_rows(client: &Client, record: &TickRecord, catalogue: &Catalogue) {
    let first = Ids {
        customer: record.first_customer_id,
        order: record.first_order_id,
        order_item: record.first_order_item_id,
    };
    let window = Window { start: record.window_start.into(), end: record.window_end.into() };
    let tick = Tick { seed: record.seed, number: record.tick, window, rate: record.rate, first };
    let mut orders = 0;
    for purchase in tick.purchases(catalogue) {
        orders += 1;
        let order = purchase.order;
        let query = "SELECT customer_id, placed_at, ship_city, ship_state, ship_country FROM production.orders WHERE order_id = $1";
        let row = client.query_one(query, &[&order.order_id]).await.expect("the order");
        assert_eq!(row.get::<_, i64>(0), order.customer_id);
        assert_eq!(row.get::<_, Timestamp>(1), order.placed_at.timestamp());
        let place = [2, 3, 4].map(|column| row.get::<_, String>(column));
        assert_eq!(place, [order.ship_to.city(), order.ship_to.state(), order.ship_to.country()]);
        assert_same_items(client, &purchase).await;
        if let Some(customer) = purchase.new_customer {
            assert_same_customer(client, &customer).await;
        }
    }
    assert_eq!(orders, record.orders);
}

async fn assert_same_items(client: &Client, purchase: &generator::shop::Purchase) {
    let query = "SELECT order_item_id, product_id, quantity, (unit_price * 100)::bigint, (discount * 100)::bigint, \
                 created_at = $2 AND updated_at = $2 FROM production.order_items WHERE order_id = $1 ORDER BY 1";
    let placed_at = purchase.order.placed_at.timestamp();
    let rows = client.query(query, &[&purchase.order.order_id, &placed_at]).await.expect("the items");
    assert_eq!(rows.len(), purchase.basket.lines().len());
    for ((row, line), key) in rows.iter().zip(purchase.basket.lines()).zip(purchase.first_order_item_id..) {
        let money = (row.get::<_, i64>(3), row.get::<_, i64>(4));
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (key, line.product_id));
        assert_eq!((row.get::<_, i32>(2), money), (line.quantity, (line.unit_price, line.discount)));
        assert!(row.get::<_, bool>(5), "an item is as old as its order");
    }
}

async fn assert_same_customer(client: &Client, customer: &Customer) {
    let query = "SELECT first_name, last_name, email, created_at FROM production.customers WHERE customer_id = $1";
    let row = client.query_one(query, &[&customer.customer_id]).await.expect("the customer");
    let mut email = Vec::new();
    customer.write_email(&mut email);
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), (customer.first_name, customer.last_name));
    assert_eq!(row.get::<_, &str>(2).as_bytes(), email);
    assert_eq!(row.get::<_, Timestamp>(3), customer.created_at.timestamp());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_rows_leave_tombstones() {
    let server = server().await;
    let writer = open_shop(&server, "deleted", &SMALL).await;
    let client = writer.client();
    let items = number(client, "SELECT count(*) FROM production.order_items WHERE order_id IN (3, 4)").await;
    let order: serde_json::Value = text(client, "SELECT to_jsonb(o) FROM production.orders o WHERE order_id = 3").await;
    client
        .batch_execute(
            "BEGIN; DELETE FROM production.order_items WHERE order_id IN (3, 4); \
             DELETE FROM production.orders WHERE order_id IN (3, 4); COMMIT",
        )
        .await
        .expect("deleting");
    let buried = "SELECT count(*) FROM production.deleted_rows WHERE table_name = 'order_items'";
    assert_eq!(number(client, buried).await, items);
    let tombstone = "FROM production.deleted_rows WHERE table_name = 'orders' AND row_key = 3";
    assert_eq!(text(client, &format!("SELECT row {tombstone}")).await, order);
    let newer = format!("SELECT row_version - (row ->> 'row_version')::bigint {tombstone}");
    assert!(number(client, &newer).await > 0, "a tombstone is newer than what it buries");

    let customers = number(client, "SELECT count(*) FROM production.customers").await;
    client.batch_execute("TRUNCATE production.customers").await.expect("truncating");
    let buried = "SELECT count(*) FROM production.deleted_rows WHERE table_name = 'customers'";
    assert_eq!(number(client, buried).await, customers);
}

async fn text(client: &Client, query: &str) -> serde_json::Value {
    let query = format!("SELECT ({query})::text");
    let row = client.query_one(&query, &[]).await.expect(&query);
    serde_json::from_str(row.get(0)).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_is_seen_by_the_next_refresh() {
    let server = server().await;
    let _writer = open_shop(&server, "late", &SMALL).await;
    let (slow, fast, reader) = (server.client("late").await, server.client("late").await, server.client("late").await);
    let touch = |order: i64| format!("UPDATE production.orders SET status = 'cancelled' WHERE order_id = {order}");
    let version = |order: i64| format!("SELECT row_version FROM production.orders WHERE order_id = {order}");
    let untouched = number(&reader, &version(1)).await;

    slow.batch_execute(&format!("BEGIN; {}", touch(1))).await.expect("a slow transaction");
    fast.batch_execute(&touch(2)).await.expect("a fast transaction");
    let cursor = number(&reader, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").await;
    assert_eq!(number(&reader, &version(1)).await, untouched, "not committed yet");
    slow.batch_execute("COMMIT").await.expect("committing late");

    let (late, early) = (number(&reader, &version(1)).await, number(&reader, &version(2)).await);
    assert!(late < early, "the transaction that began first has the lower version: {late}, {early}");
    assert!(late >= cursor, "the row is at or above the cursor of a refresh that could not see it");
    assert!(untouched < cursor);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_rolls_the_unfinished_day_back() {
    const BIG: Config = Config { seed: 7, tick_seconds: 2, backfill_days: 3, orders_per_day: 30_000.0 };
    let server = server().await;
    let undisturbed = open_shop(&server, "patient", &BIG).await;
    let mut hasty = writer(&server, "hasty").await;
    hasty.open(&BIG, origin()).await.expect("opening");
    let cancel = CancellationToken::new();
    let mut told = 0;
    let result = hasty
        .backfill(&BIG, &cancel, |progress| {
            told += 1;
            if progress.ticks_done == 2 {
                cancel.cancel();
            }
        })
        .await;
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert!(told > 2, "progress is told more often than once a day");
    let last = hasty.last_tick().await.expect("the connection still works").expect("a tick");
    assert_eq!(last.tick, -3, "the second day was cancelled");
    assert_sound(hasty.client()).await;
    let summary = backfill(&mut hasty, &BIG).await.expect("going on");
    assert_eq!((summary.ticks, summary.days), (2, 3));
    assert_eq!(checksums(hasty.client()).await, checksums(undisturbed.client()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_shop_catches_up_and_outlives_its_connections() {
    let server = server().await;
    let config = Config { backfill_days: 0, ..SMALL };
    let mut writer = writer(&server, "live").await;
    let opened = Timestamp::now() - SignedDuration::from_mins(20);
    writer.open(&config, opened).await.expect("opening");
    let observer = server.client("live").await;
    let cancel = CancellationToken::new();
    let mut written = Vec::new();
    let mut waits = 0;
    let killer = async {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                        WHERE application_name = 'retailflow-generator'";
            assert_eq!(number(&observer, kill).await, 1);
        }
        let caught_up = "SELECT count(*) FROM production.generator_ticks WHERE window_end > now() - interval '4 s'";
        while number(&observer, caught_up).await < 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(
        writer.run_live(
            &config,
            || 300.0,
            &cancel,
            |event| match event {
                LiveEvent::Written(record) => written.push(record.clone()),
                LiveEvent::Waiting { .. } => waits += 1,
            }
        ),
        killer
    );
    result.expect("cancelled in good order");
    assert!(waits >= 3, "three connections were killed, {waits} were noticed");
    assert!(written.len() >= 600 - 3, "{} ticks of 2 s in 20 minutes", written.len());
    assert!(written.windows(2).all(|pair| pair[0].tick < pair[1].tick));
    assert!(written.iter().all(|record| record.window_end <= record.written_at), "a window closes first");
    assert_sound(&observer).await;
    let newest = throughput(&observer, 0, 10).await.expect("the newest ticks");
    assert_eq!(newest.len(), 10);
    assert_eq!(newest[9].tick, number(&observer, "SELECT max(tick) FROM production.generator_ticks").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_shop_keeps_to_the_clock() {
    let server = server().await;
    let config = Config { tick_seconds: 3_600, ..SMALL };
    let mut writer = open_shop(&server, "paused", &config).await;
    live(&mut writer, &config, 0.0, 24).await;
    let live_ticks = throughput(writer.client(), 0, 100).await.expect("ticks");
    assert_eq!(live_ticks.len(), 24);
    assert_eq!(live_ticks.iter().map(|tick| tick.orders).sum::<i32>(), 0);
    assert!(live_ticks.iter().map(|tick| tick.status_changes).sum::<i32>() > 100, "parcels still arrive");
    let early = writer.advance(&config, 1.0, live_ticks[23].window_end).await.expect("no error");
    let closes = live_ticks[23].window_end + SignedDuration::from_hours(1);
    assert_eq!(early, Advance::Early { closes });
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_apart() {
    let server = server().await;
    let mut writer = writer(&server, "mistakes").await;
    let error = writer.advance(&SMALL, 1.0, origin()).await.expect_err("no shop");
    assert!(matches!(error, Error::NotOpened), "{error}");
    writer.open(&SMALL, origin()).await.expect("opening");
    let error = writer.advance(&SMALL, 1.0, origin()).await.expect_err("no history");
    assert!(matches!(error, Error::HistoryIncomplete { days: 3 }), "{error}");
    let other = Config { seed: 43, ..SMALL };
    let error = backfill(&mut writer, &other).await.expect_err("another seed");
    assert!(matches!(error, Error::SeedMismatch { existing: 42, asked: 43 }), "{error}");
    let genesis = writer.last_tick().await.expect("reading").expect("tick 0");
    let first = Plan::history(&genesis).expect("a day of history");
    let error = writer.write_tick(&Plan { number: -1, ..first }).await.expect_err("too early");
    assert!(matches!(error, Error::OutOfOrder { asked: -1, expected: -3 }), "{error}");
    let error = writer.write_tick(&Plan { rate: f64::NAN, ..first }).await.expect_err("no rate");
    assert!(matches!(error, Error::InvalidConfig { setting: "rate", .. }), "{error}");
    let error = Writer::connect(&server.config("nowhere")).await.expect_err("no such database");
    assert!(!error.is_transient());
    assert_eq!(error.to_string(), "could not connect to PostgreSQL: database \"nowhere\" does not exist [3D000]");
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_and_places_are_spread_as_a_shop_has_them() {
    let server = server().await;
    let config = Config { backfill_days: 40, orders_per_day: 500.0, ..SMALL };
    let writer = open_shop(&server, "spread", &config).await;
    let rows = writer
        .client()
        .query("SELECT status, count(*) FROM production.orders GROUP BY status", &[])
        .await
        .expect("statuses");
    let counts: HashMap<String, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(counts.len(), 6, "{counts:?}");
    assert!(counts["delivered"] > 10 * counts["returned"]);
    let countries = "SELECT count(DISTINCT ship_country) FROM production.orders";
    assert_eq!(number(writer.client(), countries).await, 8);
    let overdue = "SELECT count(*) FROM production.orders WHERE status_due_at < \
                   (SELECT window_end FROM production.generator_ticks WHERE tick = 0)";
    assert_eq!(number(writer.client(), overdue).await, 0, "history is written as it stands at the origin");
}
