//! A call that is killed in the middle loses nothing and doubles nothing.

use std::time::Duration;

use tokio_postgres::Client;

use crate::stack::{Stack, event, rows, slow_down, wait_until};

/// The sessions of functions.
const SESSIONS: &str = "FROM pg_stat_activity WHERE application_name = 'retailflow-generator'";

/// Calls a function with an event, kills it at the moment a query gives a number above zero, and checks that it had not
/// answered yet.
async fn kill_when(stack: &Stack, minutes: i64, observer: &Client, moment: &str) {
    let function = stack.function().await;
    let mut answer = function.begin(Duration::from_mins(2), &event(minutes));
    wait_until(observer, moment).await;
    function.kill().await;
    answer.try_recv().expect_err("it was killed before it answered");
    // Its session ends when PostgreSQL next speaks to it.
    wait_until(observer, &format!("SELECT 1 - count(*) {SESSIONS}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_calls_are_made_up_for_by_their_repetition() {
    let stack = Stack::start().await;
    let shop = stack.shop().await;
    kill_when(&stack, 0, &shop, &format!("SELECT count(*) {SESSIONS}")).await;

    // While rows are copied, and when all of them are and the tick is about to be recorded.
    let copying =
        format!("SELECT count(*) {SESSIONS} AND query LIKE 'COPY production.orders %' AND wait_event = 'PgSleep'");
    let recording = format!("SELECT count(*) {SESSIONS} AND query LIKE 'INSERT %' AND wait_event = 'PgSleep'");
    slow_down(&shop, "orders", "NEW.order_id % 500 = 0", 0.1).await;
    slow_down(&shop, "generator_ticks", "NEW.tick <> 0", 0.1).await;
    for written in [0, 1, 2] {
        for moment in [&copying, &recording] {
            let day = format!(
                "SELECT ({moment}) * (count(*) FILTER (WHERE tick < 0) = {written})::int FROM production.generator_ticks"
            );
            kill_when(&stack, 0, &shop, &day).await;
        }
    }
    for last in [0, 4] {
        let tick = format!("SELECT ({recording}) * (max(tick) = {last})::int FROM production.generator_ticks");
        kill_when(&stack, 30, &shop, &tick).await;
    }

    let told = stack.function().await.call(&event(30)).await.expect("undisturbed at last");
    assert_eq!((&told["days"], told["ticks"].as_u64().expect("ticks")), (&0.into(), 6), "it goes on with tick 5");
    assert_eq!(rows(&shop).await, stack.expected(30).await);
}
