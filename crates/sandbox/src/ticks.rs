//! The shop's ticks, read from PostgreSQL as they are written.

use async_trait::async_trait;
use kit::ticks::sample;
use protocol::Failure;
use protocol::shop::{TICKS, TickSample};
use stack::StackFolder;
use target::{Note, Ticks};

use crate::database::{self, SHOP};

/// Follows the ticks as they are written.
pub(crate) struct WrittenTicks {
    folder: StackFolder,
    client: Option<tokio_postgres::Client>,
    last: Option<i64>,
}

impl WrittenTicks {
    pub(crate) fn new(folder: &StackFolder) -> Self {
        Self { folder: folder.clone(), client: None, last: None }
    }

    /// The ticks since the last call, oldest first; none while PostgreSQL is away.
    async fn written(&mut self) -> Vec<TickSample> {
        if !self.folder.postgres_socket().exists() {
            self.client = None;
            return Vec::new();
        }
        if self.client.as_ref().is_none_or(tokio_postgres::Client::is_closed) {
            self.client = database::connect(&self.folder, SHOP).await.ok();
        }
        let Some(client) = &self.client else { return Vec::new() };
        let limit = u32::try_from(TICKS).unwrap_or(u32::MAX);
        let Ok(records) = generator::throughput(client, self.last.unwrap_or(0), limit).await else {
            // The schema is not there yet, or PostgreSQL just went away.
            return Vec::new();
        };
        self.last = records.last().map(|record| record.tick).or(self.last);
        records.iter().map(sample).collect()
    }
}

#[async_trait]
impl Ticks for WrittenTicks {
    async fn next(&mut self, _: &Note<'_>) -> Result<Vec<TickSample>, Failure> {
        Ok(self.written().await)
    }
}
