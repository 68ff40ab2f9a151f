//! Each event brings the shop to its time, however often and in whatever order events come.

use serde_json::json;

use crate::stack::{Stack, contents, event, rows, ticks};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_call_writes_the_history_and_each_later_one_the_ticks_since() {
    let stack = Stack::start().await;
    let function = stack.function().await;
    let told = function.call(&event(0)).await.expect("the first call");
    assert_eq!(told, json!({ "days": 3, "ticks": 0, "orders": 0, "behind": false }));
    let shop = stack.shop().await;
    assert_eq!(ticks(&shop).await, [-3, -2, -1, 0]);

    for (minutes, new, last) in [(3, 1, 1), (12, 3, 4), (14, 0, 4), (15, 1, 5)] {
        let told = function.call(&event(minutes)).await.expect("a tick");
        assert_eq!((&told["days"], &told["ticks"]), (&json!(0), &json!(new)), "after {minutes} minutes");
        assert_eq!(ticks(&shop).await, (-3..=last).collect::<Vec<_>>());
    }
    assert_eq!(stack.secrets.requests(), 1, "the connection is kept, and with it the login");
    assert_eq!(rows(&shop).await, stack.expected(15).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_late_and_disordered_events_add_nothing() {
    let stack = Stack::start().await;
    let function = stack.function().await;
    function.call(&event(0)).await.expect("the first call");
    let shop = stack.shop().await;
    let opened = contents(&shop).await;
    let told = function.call(&event(0)).await.expect("the first call again");
    assert_eq!(told, json!({ "days": 0, "ticks": 0, "orders": 0, "behind": false }));
    assert_eq!(contents(&shop).await, opened);

    function.call(&event(12)).await.expect("four ticks");
    let written = contents(&shop).await;
    let log = stack.metrics();
    let another = stack.function().await;
    for minutes in [12, 12, 9, 3, 0, -60, -60 * 24 * 30] {
        for function in [&function, &another] {
            let told = function.call(&event(minutes)).await.expect("an event again");
            assert_eq!(told, json!({ "days": 0, "ticks": 0, "orders": 0, "behind": false }));
        }
    }
    assert_eq!(contents(&shop).await, written);
    assert_eq!(stack.metrics(), log, "what was not written is not measured either");
    assert_eq!(rows(&shop).await, stack.expected(12).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_environments_at_once_write_one_shop() {
    let stack = Stack::start().await;
    let (one, two) = (stack.function().await, stack.function().await);
    let mut written = 0;
    for minutes in [0, 9, 30] {
        let event = event(minutes);
        let (first, second) = tokio::join!(one.call(&event), two.call(&event));
        for told in [first.expect("the first"), second.expect("the second")] {
            written += told["days"].as_u64().expect("days") + told["ticks"].as_u64().expect("ticks");
        }
    }
    assert_eq!(written, 3 + 10, "each day and each tick was written by one of them");
    assert_eq!(stack.metrics().len(), 10);
    assert_eq!(rows(&stack.shop().await).await, stack.expected(30).await);
}
