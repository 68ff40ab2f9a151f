//! What stands in a call's way is told, with what to do about it; once it is mended, the next call recovers.

use crate::lambda::Function;
use crate::postgres::PASSWORD;
use crate::secrets::{ARN, Secret};
use crate::stack::{Stack, contents, event, login, rows};

/// The message of a call that must fail. It is in the log too, and has these words.
async fn refusal(stack: &Stack, function: &Function, event: &str, words: &[&str]) -> String {
    let error = function.call(event).await.expect_err("it cannot succeed");
    let message = error["errorMessage"].as_str().expect("a message").to_owned();
    assert_eq!(error["errorType"], "ShopError");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
    assert!(stack.log().contains(&format!("ERROR {message}")), "{message:?} is not in the log:\n{}", stack.log());
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_opens_nothing_is_told_and_fetched_anew() {
    let stack = Stack::start().await;
    let function = stack.function().await;
    let again = "Run the stack again";
    let no_login = "is not an object with username and password: run the stack again";
    let refusals: [(Secret, &[&str]); 8] = [
        (
            Secret::Refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
            &["ResourceNotFoundException: Secrets Manager can't find the specified secret.", again],
        ),
        (
            Secret::Refused("AccessDeniedException", "not authorized to perform: secretsmanager:GetSecretValue"),
            &["AccessDeniedException: not authorized to perform", again],
        ),
        (Secret::Text(PASSWORD.to_owned()), &[no_login]),
        (Secret::Text(format!("{{\"username\": \"shop\", \"passphrase\": {PASSWORD:?}}}")), &[no_login]),
        (Secret::Text(format!("{{\"username\": \"shop\", \"password\": [{PASSWORD:?}]}}")), &[no_login]),
        (Secret::Binary, &[no_login]),
        (
            Secret::Garbled(format!("{{\"SecretString\": {PASSWORD:?}")),
            &["Secrets Manager did not give", "the next call"],
        ),
        (login("wrong"), &["password authentication failed for user \"shop\"", "must hold that login"]),
    ];
    for (number, (secret, words)) in refusals.into_iter().enumerate() {
        stack.secrets.set(secret);
        let message = refusal(&stack, &function, &event(0), words).await;
        assert!(message.contains(ARN), "{message:?} does not name the secret");
        assert_eq!(stack.secrets.requests(), number + 1, "the login is fetched anew");
    }
    stack.secrets.set(login(PASSWORD));
    function.call(&event(3)).await.expect("the login is right");
    assert_eq!(rows(&stack.shop().await).await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secrets_manager_out_of_reach_is_told() {
    let mut stack = Stack::start().await;
    stack.secrets.set(Secret::Silence);
    let function = stack.function().await;
    let limit = std::time::Duration::from_millis(5_500);
    let error = function.call_within(limit, &event(0)).await.expect_err("there is no answer");
    let message = error["errorMessage"].as_str().expect("a message");
    assert!(message.contains("needs the endpoint of Secrets Manager"), "{message}");
    stack.secrets.set(login(PASSWORD));
    function.call(&event(0)).await.expect("there is an answer");

    stack.set("AWS_ENDPOINT_URL", Some("http://127.0.0.1:1"));
    let unreachable = [ARN, "Connection refused", "needs the endpoint of Secrets Manager"];
    refusal(&stack, &stack.function().await, &event(0), &unreachable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_and_goes_is_waited_for() {
    let mut stack = Stack::start().await;
    let function = stack.function().await;
    stack.postgres.stop();
    let down = ["127.0.0.1: could not connect to PostgreSQL", "Connection refused", "see the service PostgreSQL"];
    refusal(&stack, &function, &event(0), &down).await;
    stack.postgres.resume().await;
    assert_eq!(function.call(&event(0)).await.expect("it is back")["days"], 3);
    let requests = stack.secrets.requests();

    // Restarted between two calls: the second notices it, and does not fail.
    stack.postgres.stop();
    stack.postgres.resume().await;
    assert_eq!(function.call(&event(3)).await.expect("it was restarted")["ticks"], 1);
    assert_eq!(stack.secrets.requests(), requests + 1, "a new connection takes a new login");

    stack.postgres.stop();
    refusal(&stack, &function, &event(6), &down).await;
    stack.postgres.resume().await;
    assert_eq!(function.call(&event(9)).await.expect("it is back")["ticks"], 2);
    function.kill().await;

    stack.postgres.execute(&["ALTER DATABASE shop RENAME TO mislaid"]).await;
    refusal(&stack, &stack.function().await, &event(12), &["database \"shop\" does not exist", ARN]).await;
    stack.postgres.execute(&["ALTER DATABASE mislaid RENAME TO shop"]).await;
    assert_eq!(stack.function().await.call(&event(12)).await.expect("it is back")["ticks"], 1);
    assert_eq!(rows(&stack.shop().await).await, stack.expected(12).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_was_changed_is_taken_up() {
    let stack = Stack::start().await;
    let function = stack.function().await;
    function.call(&event(0)).await.expect("the first call");
    let admin = stack.shop().await;
    admin.batch_execute("ALTER ROLE shop PASSWORD 'another'").await.expect("changing the password");
    function.call(&event(3)).await.expect("the connection stands");
    let kick = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'retailflow-generator'";
    admin.batch_execute(kick).await.expect("ending the connection");
    refusal(&stack, &function, &event(6), &["password authentication failed", ARN]).await;
    stack.secrets.set(login("another"));
    assert_eq!(function.call(&event(9)).await.expect("the new login")["ticks"], 2);
    assert!(!stack.log().contains("another"), "{}", stack.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_none_is_refused_and_harms_nothing() {
    let stack = Stack::start().await;
    let function = stack.function().await;
    function.call(&event(3)).await.expect("a good event");
    let shop = stack.shop().await;
    let before = contents(&shop).await;
    for (event, why) in [
        ("{}", "missing field `time`"),
        ("null", "invalid type: null"),
        ("[]", "invalid length 0"),
        ("\"2026-11-23T09:44:00Z\"", "invalid type: string"),
        (r#"{"time": "yesterday"}"#, "failed to parse"),
        (r#"{"time": 1764000000}"#, "invalid type: integer"),
    ] {
        refusal(&stack, &function, event, &[why, "call the function by its rule in EventBridge"]).await;
    }
    function.call("no JSON").await.expect_err("Lambda itself lets none of this through");
    assert_eq!(contents(&shop).await, before);
    assert_eq!(function.call(&event(6)).await.expect("a good event")["ticks"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_told_by_every_call() {
    let mut stack = Stack::start().await;
    for (name, value, words) in [
        ("RETAILFLOW_SEED", None, "RETAILFLOW_SEED is not set: run the stack again"),
        ("RETAILFLOW_TICK_MINUTES", Some("often"), "RETAILFLOW_TICK_MINUTES is \"often\", which is no number"),
        ("RETAILFLOW_BACKFILL_DAYS", Some("9999"), "backfill_days is 9999: it must be at most 3650"),
    ] {
        let right = stack.variable(name);
        stack.set(name, value);
        let function = stack.function().await;
        for _ in 0..2 {
            refusal(&stack, &function, &event(0), &[words]).await;
        }
        stack.set(name, Some(&right));
    }
    assert_eq!(stack.secrets.requests(), 0, "nothing is begun with them");
    stack.function().await.call(&event(3)).await.expect("right settings");

    let shop = stack.shop().await;
    let before = contents(&shop).await;
    stack.set("RETAILFLOW_SEED", Some("43"));
    let other = ["the database holds a shop with seed 42, and seed 43 was asked for", "go on with seed 42"];
    refusal(&stack, &stack.function().await, &event(6), &other).await;
    assert_eq!(contents(&shop).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_was_lost_meanwhile_is_opened_anew() {
    let stack = Stack::start().await;
    let function = stack.function().await;
    let days = function.call(&event(0)).await.expect("its first")["days"].clone();
    stack.shop().await.batch_execute("DROP SCHEMA production CASCADE").await.expect("as with a volume");
    assert_eq!(function.call(&event(3)).await.expect("it is opened anew")["days"], days);
}
