//! What is in the database is what the library generates.

use std::collections::HashMap;

use generator::shop::{Catalogue, Customer, Ids, Purchase, Tick, Window};
use generator::{Config, TickRecord, throughput};
use jiff::Timestamp;
use tokio_postgres::Client;

use crate::{SMALL, checksums, live, number, open_shop, server};

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

async fn assert_same_items(client: &Client, purchase: &Purchase) {
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
