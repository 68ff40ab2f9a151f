//! Keeps the shop in PostgreSQL.
//!
//! One tick is one transaction, taken under an advisory lock: whoever holds it reads where the last tick ended, writes
//! the next one and its row in `production.generator_ticks`, and commits. So writers may crash, be killed, be
//! restarted or run side by side, and still every tick is written once, without gaps in the keys.
//!
//! There is no state here but a connection: everything else is read from the database, tick by tick.

mod backfill;
mod chunk;
mod encode;
mod live;
mod roll_up;
mod tables;
mod ticks;
mod write;

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

pub use backfill::{Progress, Summary};
pub use live::{Advance, LiveEvent};
pub use ticks::{Plan, TickRecord, throughput};
pub use write::Outcome;

use crate::config::Config;
use crate::error::{During, Error};

/// Creates what is missing of the schema `production`; harmless on a shop that is complete.
pub const SCHEMA: &str = include_str!("../schema.sql");

/// How long a server may take to accept a connection and say so.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Of the advisory lock that every writer of the shop takes; any number that nobody else uses.
const LOCK: i64 = 0x7265_7461_696c;
/// The first version with `CREATE OR REPLACE TRIGGER`.
const OLDEST_SERVER: i32 = 140_000;

/// A connection to the shop's database that can write it.
#[derive(Debug)]
pub struct Writer {
    config: tokio_postgres::Config,
    client: Client,
}

impl Writer {
    /// Connects to the database that `config` names. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`Error::Connect`] or [`Error::NoAnswer`].
    pub async fn connect(config: &tokio_postgres::Config) -> Result<Self, Error> {
        let mut config = config.clone();
        if config.get_application_name().is_none() {
            config.application_name("retailflow-generator");
        }
        let client = connect(&config).await?;
        Ok(Self { config, client })
    }

    /// The connection, for reading.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Creates whatever is missing of the schema `production`.
    ///
    /// # Errors
    /// [`Error::ServerTooOld`], or [`Error::Query`] if the user may not create it.
    pub async fn prepare(&mut self) -> Result<(), Error> {
        self.check_server().await?;
        let transaction = self.client.transaction().await.during("preparing the shop's schema")?;
        write::lock(&transaction).await?;
        // "already exists, skipping" is no news to anyone.
        let quietly = format!("SET LOCAL client_min_messages = warning; {SCHEMA}");
        transaction.batch_execute(&quietly).await.during("creating the shop's schema")?;
        transaction.commit().await.during("committing the shop's schema")
    }

    /// Opens the shop: writes tick 0, with the products and the first customers, unless that was done before. Its
    /// history will end at `origin`, and live ticks begin there.
    ///
    /// # Errors
    /// [`Error::SeedMismatch`] if a shop with another seed is there.
    pub async fn open(&mut self, config: &Config, origin: Timestamp) -> Result<Outcome, Error> {
        config.validate()?;
        self.write_tick(&Plan::genesis(config, origin)).await
    }

    /// The tick that was written last; none before the shop is opened, or even its tables made.
    ///
    /// # Errors
    /// [`Error::Query`] if the table cannot be read.
    pub async fn last_tick(&self) -> Result<Option<TickRecord>, Error> {
        match ticks::last(&self.client).await {
            Err(Error::Query { cause, .. }) if cause.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(None),
            last => last,
        }
    }

    /// The last tick of the shop with the seed of `config`.
    async fn last_of(&self, config: &Config) -> Result<TickRecord, Error> {
        let last = self.last_tick().await?.ok_or(Error::NotOpened)?;
        write::check_seed(&last, config.seed)?;
        Ok(last)
    }

    async fn check_server(&self) -> Result<(), Error> {
        let row = self
            .client
            .query_one("SELECT current_setting('server_version_num')::int, current_setting('server_version')", &[])
            .await
            .during("asking PostgreSQL for its version")?;
        if row.get::<_, i32>(0) < OLDEST_SERVER {
            return Err(Error::ServerTooOld { found: row.get(1) });
        }
        Ok(())
    }

    /// Connects again if the connection is gone.
    async fn ensure_connected(&mut self) -> Result<(), Error> {
        if self.client.is_closed() {
            self.client = connect(&self.config).await?;
        }
        Ok(())
    }
}

async fn connect(config: &tokio_postgres::Config) -> Result<Client, Error> {
    let (client, connection) = tokio::time::timeout(CONNECT_TIMEOUT, config.connect(NoTls))
        .await
        .map_err(|_| Error::NoAnswer { after: CONNECT_TIMEOUT })?
        .map_err(|cause| Error::Connect { cause })?;
    // It ends with the client; what it fails of, the client's next call reports.
    tokio::spawn(connection);
    Ok(client)
}
