//! What the dashboard moves with: the shop's ticks, and charts as they are published.

use std::time::{Duration, SystemTime};

use protocol::EventKind;
use protocol::snapshot::TickSample;

use super::supervise::note;
use super::{Agent, TICKS_KEPT, lock};

/// How often the shop and the charts are looked at.
const ROUND: Duration = Duration::from_secs(1);

impl Agent {
    /// Observes until the agent ends.
    pub(super) async fn observe(&self) {
        let mut feed = self.target.ticks();
        let mut published = self.charts_written();
        loop {
            match feed.next().await {
                Ok(samples) => samples.into_iter().for_each(|sample| self.take_tick(sample)),
                Err(failure) => note(&format!("The shop's ticks could not be read: {failure}")),
            }
            let now = self.charts_written();
            if now > published {
                published = now;
                self.emitter.announce(EventKind::ChartsPublished { published_at: jiff::Timestamp::now() });
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    fn take_tick(&self, sample: TickSample) {
        let mut throughput = lock(&self.throughput);
        if throughput.len() == TICKS_KEPT {
            throughput.pop_front();
        }
        throughput.push_back(sample.clone());
        drop(throughput);
        self.emitter.announce(EventKind::Throughput { sample });
    }

    fn charts_written(&self) -> Option<SystemTime> {
        std::fs::metadata(self.folder.charts_file()).and_then(|file| file.modified()).ok()
    }
}
