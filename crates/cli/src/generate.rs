//! The shop: of a stack, or written into any PostgreSQL.

use generator::{Config, Progress, Writer};
use indicatif::{ProgressBar, ProgressStyle};
use protocol::command::{Desk, RateRequest};
use protocol::{Blame, Failure, StackName};
use provision::LocalDesk;
use tokio_util::sync::CancellationToken;

use crate::args::GenerateVerb;
use crate::interrupt::Interrupts;
use crate::render::grouped;
use crate::ticks;

/// Calls listed by `calls`.
const SHOWN: usize = 10;

pub(crate) async fn carry_out(
    desk: &LocalDesk,
    stack: &StackName,
    verb: GenerateVerb,
    json: bool,
) -> Result<(), Failure> {
    match verb {
        GenerateVerb::Show { follow } => ticks::show(desk, stack, follow, json).await,
        GenerateVerb::Calls => calls(desk, stack, json).await,
        GenerateVerb::Rate { orders_per_minute } => set_rate(desk, stack, orders_per_minute).await,
        GenerateVerb::Pause => set_rate(desk, stack, 0.0).await,
        GenerateVerb::Into { connection, days, orders_per_day, seed } => {
            let config = Config { seed: i64::from(seed), backfill_days: days, orders_per_day, ..Config::default() };
            into(&connection, &config, json).await
        }
    }
}

async fn set_rate(desk: &LocalDesk, stack: &StackName, orders_per_minute: f64) -> Result<(), Failure> {
    desk.set_rate(RateRequest { stack: stack.clone(), orders_per_minute }).await
}

async fn calls(desk: &LocalDesk, stack: &StackName, json: bool) -> Result<(), Failure> {
    let calls = desk.invocations(stack.clone()).await?;
    if json {
        anstream::println!("{}", serde_json::json!({"invocations": calls}));
        return Ok(());
    }
    if calls.is_empty() {
        anstream::println!("Nobody called the shop in the last hour.");
        return Ok(());
    }
    anstream::println!("{:<20} {:>9} {:>9} {:>9} {:>9}  outcome", "ended", "ms", "billed", "start ms", "MB");
    for call in calls.iter().take(SHOWN) {
        let start = call.start_ms.map_or("-".to_owned(), |start| format!("{start:.0}"));
        let outcome = call.error.as_deref().unwrap_or("ok");
        let at = call.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let (took, billed, memory) = (call.duration_ms, call.billed_ms, call.memory_mb);
        anstream::println!("{at:<20} {took:>9.0} {billed:>9.0} {start:>9} {memory:>9}  {outcome}");
    }
    Ok(())
}

async fn into(connection: &str, config: &Config, json: bool) -> Result<(), Failure> {
    let failed = |error: &generator::Error| Failure::environment("The shop could not be written").source(error);
    let mut writer = Writer::connect(&server(connection)?).await.map_err(|error| failed(&error))?;
    writer.prepare().await.map_err(|error| failed(&error))?;
    let bar = ProgressBar::no_length().with_style(
        ProgressStyle::with_template("{elapsed} {bar:30.cyan/dim} {pos}/{len} days {msg:.dim}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let mut interrupts = Interrupts::hear()?;
    tokio::spawn(async move {
        interrupts.next().await;
        stop.cancel();
    });
    let told = |progress: Progress| {
        bar.set_length(progress.ticks_total);
        bar.set_position(progress.ticks_done);
        bar.set_message(format!("{} rows", grouped(i64::try_from(progress.rows).unwrap_or(i64::MAX))));
    };
    let result = writer.backfill(config, &cancel, told).await;
    bar.finish_and_clear();
    let summary = match result {
        Err(generator::Error::Cancelled) => {
            return Err(Failure::cancelled().hint("Whole days stay written; the same command goes on from there."));
        }
        other => other.map_err(|error| failed(&error))?,
    };
    let (rows, seconds) = (summary.rows, summary.elapsed.as_secs_f64());
    if json {
        anstream::println!("{}", serde_json::json!({"days": summary.days, "rows": rows, "seconds": seconds}));
    } else {
        let rate = rows as f64 / seconds.max(0.001);
        anstream::println!("{} days of history, {rows} rows in {seconds:.1} s ({rate:.0} rows a second)", summary.days);
    }
    Ok(())
}

/// A password on the command line would be seen by every user of the computer.
fn server(connection: &str) -> Result<tokio_postgres::Config, Failure> {
    let mut config: tokio_postgres::Config = connection.parse().map_err(|error: tokio_postgres::Error| {
        Failure::new(Blame::User, "The connection string cannot be read")
            .source(&error)
            .hint("For example: postgresql://shop@localhost/shop")
    })?;
    if config.get_password().is_some() {
        return Err(Failure::new(Blame::User, "The connection string holds a password, which others could see")
            .hint("Put it into the variable PGPASSWORD instead."));
    }
    if let Ok(password) = std::env::var("PGPASSWORD") {
        config.password(password);
    }
    Ok(config)
}
