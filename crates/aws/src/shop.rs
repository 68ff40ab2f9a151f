//! What the shop writes: from its own book-keeping in PostgreSQL through a tunnel, at once and exactly; or else, a minute
//! or two late, from the metrics that its function leaves in CloudWatch.

use std::time::Duration;

use async_trait::async_trait;
use kit::ticks::sample;
use protocol::Failure;
use protocol::service::StackState;
use protocol::shop::{TICKS, TickSample};
use target::{Note, Ticks};
use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Config, NoTls};

use crate::site::Site;
use crate::watch::DEADLINE;

/// How often the shop's book-keeping is looked at while the tunnel is open.
const ROUND: Duration = Duration::from_secs(5);

/// How often a tunnel is tried, and CloudWatch asked instead, while there is none.
const METRICS_ROUND: Duration = Duration::from_secs(30);

/// How far back metrics are asked for at first, and from then on, in minutes. They arrive out of order.
const FIRST_SPAN: u32 = 180;
const NEXT_SPAN: u32 = 15;

/// The role of PostgreSQL's host, its port there, and the database it makes at its first start.
const HOST: &str = "postgres";
const PORT: u16 = 5432;
const DATABASE: &str = "shop";

/// Follows the shop's ticks.
pub(crate) struct ShopTicks {
    site: Site,
    database: Option<Client>,
    /// What the user was told last about why the database is not asked.
    told: Option<String>,
    due: Instant,
    span: u32,
    last: i64,
}

/// Mostly there are none, because they are asked for seldom.
#[async_trait]
impl Ticks for ShopTicks {
    async fn next(&mut self, note: &Note<'_>) -> Result<Vec<TickSample>, Failure> {
        let state = self.site.state();
        if state != StackState::Up && self.database.take().is_some() {
            // A teardown does not have to wait for it.
            self.site.tunnels.close(HOST).await;
        }
        if Instant::now() < self.due || state == StackState::New {
            return Ok(Vec::new());
        }
        let written = if state == StackState::Up { self.written(note).await } else { None };
        self.due = Instant::now() + if written.is_some() { ROUND } else { METRICS_ROUND };
        let found = match written {
            Some(written) => written,
            None => self.measured().await?,
        };
        Ok(self.unseen(found))
    }
}

impl ShopTicks {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone(), database: None, told: None, due: Instant::now(), span: FIRST_SPAN, last: 0 }
    }

    /// What the shop's book-keeping says, if it can be asked.
    async fn written(&mut self, note: &Note<'_>) -> Option<Vec<TickSample>> {
        let reused = self.database.is_some();
        let mut answer = self.ask_in_time().await;
        if reused && answer.is_err() {
            // The connection broke since, as when this computer sleeps: that is no reason to wait for another.
            answer = self.ask_in_time().await;
        }
        let told = answer.as_ref().err().map(ToString::to_string);
        if told.is_some() && told != self.told {
            note(&format!("The shop is followed by its metrics alone: {}", told.as_deref().unwrap_or_default()));
        }
        self.told = told;
        answer.ok()
    }

    async fn ask_in_time(&mut self) -> Result<Vec<TickSample>, Failure> {
        let answer = timeout(DEADLINE, self.ask()).await.unwrap_or_else(|_| {
            Err(Failure::environment(format!("PostgreSQL did not answer within {} seconds", DEADLINE.as_secs())))
        });
        answer.inspect_err(|_| self.database = None)
    }

    async fn ask(&mut self) -> Result<Vec<TickSample>, Failure> {
        let database = match self.database.take().filter(|database| !database.is_closed()) {
            Some(database) => database,
            None => self.connect().await?,
        };
        let database = self.database.insert(database);
        let limit = u32::try_from(TICKS).unwrap_or(u32::MAX);
        let records = generator::throughput(database, self.last, limit)
            .await
            .map_err(|error| Failure::environment("The shop's book-keeping could not be read").source(&error))?;
        Ok(records.iter().map(sample).collect())
    }

    async fn connect(&self) -> Result<Client, Failure> {
        let login = self.site.session().await?.login(self.site.name.as_str(), HOST).await?;
        let (place, stack) = (self.site.config.place(), self.site.name.as_str());
        let stream = self.site.tunnels.stream_to(&place, stack, HOST, PORT).await?;
        let mut config = Config::new();
        config.user(login.username).password(login.password).dbname(DATABASE);
        // Within SSH, to the loopback of PostgreSQL's own host.
        let (client, connection) = config
            .connect_raw(stream, NoTls)
            .await
            .map_err(|error| Failure::environment("PostgreSQL could not be reached through its host").source(&error))?;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn measured(&mut self) -> Result<Vec<TickSample>, Failure> {
        let (span, name) = (self.span, self.site.name.as_str());
        let found = self.site.in_time(async |session| cloud::watch::throughput(&session, name, span).await).await?;
        self.span = NEXT_SPAN;
        Ok(found)
    }

    /// What arrives late, or from the other source as well, would run the chart backwards.
    fn unseen(&mut self, found: Vec<TickSample>) -> Vec<TickSample> {
        let fresh: Vec<_> = found.into_iter().filter(|sample| sample.tick > self.last).collect();
        self.last = fresh.last().map_or(self.last, |sample| sample.tick);
        fresh
    }
}
