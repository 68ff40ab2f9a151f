//! The shop as a function in AWS Lambda: EventBridge calls it at a fixed rate, and each call brings the shop to the time
//! of its event. The first calls write the history, as much as fits into each.
//!
//! Nothing is remembered between calls but a connection: where the shop is stands in its database. So a call that is
//! repeated, late, or cut short adds nothing twice and leaves nothing out.

mod database;
mod error;
mod metrics;
mod settings;
mod shop;

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;

use error::Error;
use settings::Settings;
use shop::{Shop, Told};

/// Left of a call's time when nothing new is begun any more: enough to finish a tick.
const RESERVE: Duration = Duration::from_secs(5);

/// Left of a call's time for saying that something hangs. AWS ends a call that is over its time without a word.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is read of EventBridge's event.
/// Source: <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>
#[derive(Debug, Deserialize)]
struct Fired {
    /// When the rule fired. A repeated call carries the same.
    time: Timestamp,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    // Wrong settings are told by every call, in the log of the function: a program that ends at once tells AWS nothing.
    let shop = Settings::from_environment().map(Shop::new).map(Mutex::new);
    lambda_runtime::run(service_fn(|event| answer(&shop, event))).await
}

/// Answers one call, and logs the answer: of one that EventBridge made, AWS keeps it nowhere else.
async fn answer(shop: &Result<Mutex<Shop>, Error>, event: LambdaEvent<Value>) -> Result<Told, Diagnostic> {
    let told = match shop {
        Ok(shop) => tick(&mut *shop.lock().await, event).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match &told {
        Ok(told) => println!("{told}"),
        Err(message) => println!("ERROR {message}"),
    }
    told.map_err(|error_message| Diagnostic { error_type: "ShopError".to_owned(), error_message })
}

async fn tick(shop: &mut Shop, event: LambdaEvent<Value>) -> Result<Told, Error> {
    let Fired { time } = Fired::deserialize(event.payload).map_err(|reason| Error::NoTime { reason })?;
    let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    let within = left.saturating_sub(LAST_WORDS);
    timeout(within, shop.bring_to(time, left.saturating_sub(RESERVE))).await.unwrap_or(Err(Error::Stuck { within }))
}
