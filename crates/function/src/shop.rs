//! Bringing the shop to a moment, within the time of a call.

use std::fmt;
use std::time::Duration;

use generator::{Advance, Error as ShopError, Outcome, TickRecord, Writer};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::settings::Settings;
use crate::{database, metrics};

/// How long a kept connection may take to show that it works; it reads one row.
const PROBE_DEADLINE: Duration = Duration::from_secs(5);

/// The shop, and the connection to its database while there is one.
pub(crate) struct Shop {
    settings: Settings,
    writer: Option<Writer>,
}

/// What a call did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Told {
    /// Days of history that it wrote.
    days: u64,
    /// Live ticks that it wrote.
    ticks: u64,
    /// Orders in those ticks.
    orders: u64,
    /// Whether its time was up before the shop was at the moment; the next call goes on.
    behind: bool,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { days, ticks, orders, behind } = self;
        write!(f, "INFO {ticks} ticks with {orders} orders")?;
        if *days > 0 {
            write!(f, ", {days} days of history")?;
        }
        if *behind { f.write_str("; out of time, the next call goes on") } else { Ok(()) }
    }
}

impl Shop {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, writer: None }
    }

    /// Writes what the shop lacks up to `moment`: its schema, its history, its ticks. Begins nothing after `time`; every
    /// finished day and tick is committed.
    ///
    /// # Errors
    /// As [`Writer::advance`], and if not even one day of history fits into `time`. The connection is given up, so that
    /// the next call fetches the login anew.
    pub(crate) async fn bring_to(&mut self, moment: Timestamp, time: Duration) -> Result<Told, Error> {
        let until = Instant::now() + time;
        let mut writer = self.connection(time).await?;
        let mut told = Told::default();
        self.write_history(&mut writer, moment, until, &mut told).await?;
        if !told.behind {
            self.write_ticks(&mut writer, moment, until, &mut told).await?;
        }
        self.writer = Some(writer);
        Ok(told)
    }

    /// The connection of the last call if the shop is still there, otherwise a new one: the database may have been restarted,
    /// or made anew, while AWS kept the function frozen.
    async fn connection(&mut self, time: Duration) -> Result<Writer, Error> {
        if let Some(kept) = self.writer.take()
            && let Ok(Ok(Some(_))) = timeout(PROBE_DEADLINE, kept.last_tick()).await
        {
            return Ok(kept);
        }
        let mut writer = database::connect(&self.settings, time).await?;
        writer.prepare().await?;
        Ok(writer)
    }

    async fn write_history(
        &self,
        writer: &mut Writer,
        moment: Timestamp,
        until: Instant,
        told: &mut Told,
    ) -> Result<(), Error> {
        // Live ticks begin at the first event's time, so that those of later events close with them.
        writer.open(&self.settings.shop, moment).await?;
        let first = writer.last_tick().await?;
        if first.as_ref().is_some_and(|last| last.tick > 0) {
            return Ok(());
        }
        let cancel = CancellationToken::new();
        let alarm = cancel.clone();
        let timer = tokio::spawn(async move {
            tokio::time::sleep_until(until).await;
            alarm.cancel();
        });
        let started = Instant::now();
        let written = writer.backfill(&self.settings.shop, &cancel, |_| ()).await;
        timer.abort();
        match written {
            Ok(summary) => told.days = summary.ticks,
            Err(ShopError::Cancelled) => {
                told.behind = true;
                told.days = days_between(first.as_ref(), writer.last_tick().await?.as_ref());
                if told.days == 0 {
                    return Err(Error::DayTooLong { within: until.duration_since(started) });
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn write_ticks(
        &self,
        writer: &mut Writer,
        moment: Timestamp,
        until: Instant,
        told: &mut Told,
    ) -> Result<(), Error> {
        while let Advance::Wrote(outcome) = writer.advance(&self.settings.shop, self.settings.rate, moment).await? {
            if let Outcome::Written(record) = outcome {
                println!("{}", metrics::of_tick(&self.settings.stack, &record));
                told.ticks += 1;
                told.orders += u64::from(record.orders.unsigned_abs());
            }
            if Instant::now() >= until {
                told.behind = true;
                break;
            }
        }
        Ok(())
    }
}

/// How many days of history were written from one tick to another; days are numbered up to -1.
fn days_between(first: Option<&TickRecord>, last: Option<&TickRecord>) -> u64 {
    let (Some(first), Some(last)) = (first, last) else { return 0 };
    match (first.tick, last.tick) {
        (0, day) if day < 0 => first_day(first).abs_diff(day) + 1,
        (from, to) => from.abs_diff(to),
    }
}

/// The number of the first day of history, by the tick that opened the shop.
fn first_day(genesis: &TickRecord) -> i64 {
    -(genesis.window_end.duration_since(genesis.window_start).as_hours() / 24)
}
