//! What the extraction relies on: row versions and tombstones.

use tokio_postgres::Client;

use crate::{SMALL, number, open_shop, server};

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
