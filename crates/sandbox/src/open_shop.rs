//! The live shop at work, in a process of its own.

use generator::{LiveEvent, Writer};
use protocol::Failure;
use tokio_util::sync::CancellationToken;

use crate::site::Site;
use crate::{database, generating};

/// A log line every so many ticks: one a minute.
const TICKS_PER_LINE: i64 = 30;

/// Keeps the shop open until it is asked to end.
pub(crate) async fn run(site: &Site) -> Result<(), Failure> {
    let cancel = CancellationToken::new();
    cancel_on_signal(cancel.clone())?;
    let mut writer = Writer::connect(&database::config(&site.folder))
        .await
        .map_err(|error| generating::failure("to connect to PostgreSQL", &error))?;
    let rate = || site.rate();
    note("INFO", "the shop is open");
    let result = writer.run_live(&generating::config(&site.shop, &site.keep), rate, &cancel, log).await;
    note("INFO", "the shop is closed");
    result.map_err(|error| generating::failure("while it was open", &error))
}

fn log(event: LiveEvent<'_>) {
    match event {
        LiveEvent::Written(record) if record.tick % TICKS_PER_LINE == 0 => note(
            "INFO",
            &format!(
                "tick {}: {} orders, {} status changes, {:.1} ms",
                record.tick, record.orders, record.status_changes, record.write_ms
            ),
        ),
        LiveEvent::Written(_) => {}
        LiveEvent::Waiting { error, retry_in } => {
            note("WARN", &format!("PostgreSQL is away ({error}), trying again in {} ms", retry_in.as_millis()));
        }
    }
}

/// Standard error of a service is its log.
fn note(level: &str, line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{} {level} {line}", jiff::Timestamp::now());
}

fn cancel_on_signal(cancel: CancellationToken) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())
        .map_err(|error| Failure::environment("The program could not listen for signals").source(&error))?;
    tokio::spawn(async move {
        terminate.recv().await;
        cancel.cancel();
    });
    Ok(())
}
