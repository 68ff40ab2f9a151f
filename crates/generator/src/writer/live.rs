//! Following the clock: each live tick is written when its window has closed.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Writer;
use super::ticks::{Plan, TickRecord};
use super::write::Outcome;
use crate::config::{Config, validate_rate};
use crate::error::Error;
use crate::shop::{DAY, HOUR, Moment};

/// Sleeps are cut up, since a computer that was suspended wakes up to another time.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// The first wait after PostgreSQL went away; every further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What happens while the shop is live.
#[derive(Clone, Copy, Debug)]
pub enum LiveEvent<'a> {
    /// A tick was committed by this writer.
    Written(&'a TickRecord),
    /// PostgreSQL cannot be worked with for now; nothing is lost, the same tick is tried again.
    Waiting {
        /// Why.
        error: &'a Error,
        /// How long until it is tried again.
        retry_in: Duration,
    },
}

impl Writer {
    /// Writes live ticks as their windows close, until `cancel`; those missed while nobody ran the shop come back to
    /// back, and by the hour if they are many. If PostgreSQL goes away, waits for it for as long as it takes, and tells so.
    ///
    /// `rate` gives the orders per minute, and is asked before every tick. At 0 the shop is paused: ticks go on, so
    /// that windows keep to the clock and orders under way get on, but nobody orders.
    ///
    /// # Errors
    /// What waiting does not mend: [`Error::NotOpened`], [`Error::HistoryIncomplete`], [`Error::SeedMismatch`], a rate
    /// that is none, a missing permission or table.
    pub async fn run_live(
        &mut self,
        config: &Config,
        rate: impl Fn() -> f64 + Send + Sync,
        cancel: &CancellationToken,
        on_event: impl FnMut(LiveEvent<'_>) + Send,
    ) -> Result<(), Error> {
        config.validate()?;
        cancel.run_until_cancelled(self.follow_clock(config, rate, on_event)).await.unwrap_or(Ok(()))
    }

    /// Returns only with an error.
    async fn follow_clock(
        &mut self,
        config: &Config,
        rate: impl Fn() -> f64 + Send + Sync,
        mut on_event: impl FnMut(LiveEvent<'_>) + Send,
    ) -> Result<(), Error> {
        let mut wait = FIRST_WAIT;
        loop {
            let step = self.advance(config, rate(), Timestamp::now()).await;
            if let Err(error) = &step
                && error.is_transient()
            {
                on_event(LiveEvent::Waiting { error, retry_in: wait });
                tokio::time::sleep(wait).await;
                wait = LONGEST_WAIT.min(wait * 2);
                continue;
            }
            wait = FIRST_WAIT;
            match step? {
                Advance::Wrote(Outcome::Written(record)) => on_event(LiveEvent::Written(&record)),
                Advance::Wrote(Outcome::AlreadyWritten(_)) => (),
                Advance::Early { closes } => sleep_towards(closes).await,
            }
        }
    }

    /// Writes the next live tick if its window has closed by `now`. Whoever runs the shop without a process of its own
    /// calls this until it is too early for more.
    ///
    /// # Errors
    /// As [`Writer::run_live`], and also what waiting would mend; the next call connects again if it has to.
    pub async fn advance(&mut self, config: &Config, rate: f64, now: Timestamp) -> Result<Advance, Error> {
        validate_rate(rate)?;
        self.ensure_connected().await?;
        let plan = Plan::live(&self.last_of(config).await?, config, rate, now.into())?;
        if plan.window.end > Moment::from(now) {
            return Ok(Advance::Early { closes: plan.window.end.timestamp() });
        }
        let hour = |moment: Moment| moment.as_micros().div_euclid(HOUR);
        // Once it has caught up, and not for each hour that it makes up for.
        if hour(plan.window.start) != hour(plan.window.end) && !plan.is_coarse(config) {
            self.roll_up(plan.window.end.plus(-i64::from(config.tick_days) * DAY)).await?;
        }
        self.write_tick(&plan).await.map(Advance::Wrote)
    }
}

/// What came of a step forward in time.
#[derive(Clone, Debug, PartialEq)]
pub enum Advance {
    /// The next tick is in the database.
    Wrote(Outcome),
    /// Its window is still open.
    Early {
        /// When it closes.
        closes: Timestamp,
    },
}

async fn sleep_towards(moment: Timestamp) {
    let left = Duration::try_from(moment.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO);
    tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
}
