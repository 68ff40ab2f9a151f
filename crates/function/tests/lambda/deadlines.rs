//! A call that runs out of time stops in good order, and the next goes on.

use std::time::Duration;

use serde_json::Value;

use crate::stack::{Stack, event, number, rows, slow_down, ticks};

/// What a function keeps of its time for answering, and six seconds to work in.
const SHORT: Duration = Duration::from_secs(5 + 6);

#[tokio::test(flavor = "multi_thread")]
async fn a_history_beyond_one_call_is_written_by_several() {
    let stack = Stack::with(&[("RETAILFLOW_BACKFILL_DAYS", "9"), ("RETAILFLOW_ORDERS_PER_MINUTE", "0.1")]).await;
    let shop = stack.shop().await;
    slow_down(&shop, "generator_ticks", "NEW.tick <> 0", 0.9).await;
    let function = stack.function().await;
    for (minutes, what, all) in [(0, "days", 9), (30, "ticks", 10)] {
        let mut calls = Vec::new();
        while calls.last().is_none_or(|told: &Value| told["behind"] == true) {
            let told = function.call_within(SHORT, &event(minutes)).await.expect("a part of the work");
            assert!(told[what].as_u64() > Some(0), "{told}: it gets on");
            calls.push(told);
        }
        assert!(calls.len() > 1, "{calls:?}");
        assert_eq!(calls.iter().filter_map(|told| told[what].as_u64()).sum::<u64>(), all, "{calls:?}");
    }
    assert_eq!(ticks(&shop).await, (-9..=10).collect::<Vec<_>>());
    assert_eq!(stack.metrics().len(), 10);
    assert_eq!(rows(&shop).await, stack.expected(30).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_beyond_a_call_is_told() {
    let stack = Stack::start().await;
    let shop = stack.shop().await;
    slow_down(&shop, "generator_ticks", "NEW.tick = -2", 9.0).await;
    let function = stack.function().await;
    let told = function.call_within(SHORT, &event(0)).await.expect("the first day");
    assert_eq!((told["days"].as_u64(), told["behind"].as_bool()), (Some(1), Some(true)));
    let error = function.call_within(SHORT, &event(0)).await.expect_err("the second takes too long");
    let message = error["errorMessage"].as_str().expect("a message");
    assert!(message.contains("a day of history takes longer than") && message.contains("fewer orders"), "{message}");
    assert_eq!(ticks(&shop).await, [-3, 0], "nothing of it stays");
    let orders = "SELECT (SELECT count(*) FROM production.orders) - sum(orders) FROM production.generator_ticks";
    assert_eq!(number(&shop, &format!("SELECT ({orders})::bigint")).await, 0);
    shop.batch_execute("DROP TRIGGER be_slow ON production.generator_ticks").await.expect("no longer slow");
    function.call(&event(0)).await.expect("it fits");
    assert_eq!(rows(&shop).await, stack.expected(0).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_hangs_says_so_before_it_is_cut_off() {
    let stack = Stack::start().await;
    let shop = stack.shop().await;
    stack.function().await.call(&event(0)).await.expect("the first call");
    shop.batch_execute("BEGIN; LOCK TABLE production.generator_ticks").await.expect("locking a table");
    let function = stack.function().await;
    let error = function.call_within(SHORT, &event(3)).await.expect_err("the table is locked");
    let message = error["errorMessage"].as_str().expect("a message");
    assert!(message.contains("another session locks the shop's tables"), "{message}");
    assert!(stack.log().contains(&format!("ERROR {message}")), "{}", stack.log());
    shop.batch_execute("ROLLBACK").await.expect("unlocking it");
    assert_eq!(function.call(&event(3)).await.expect("going on")["ticks"], 1);
    assert_eq!(rows(&shop).await, stack.expected(3).await);
}
