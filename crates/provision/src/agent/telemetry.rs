//! What the dashboard moves with: the shop's ticks, and charts as they are published.

use std::time::{Duration, SystemTime};

use protocol::EventKind;
use protocol::snapshot::TickSample;

use super::{Agent, TICKS_KEPT, lock};
use crate::sandbox::shop::TickFeed;

/// How often the shop and the charts are looked at.
const ROUND: Duration = Duration::from_secs(1);

impl Agent {
    /// Observes until the agent ends.
    pub(super) async fn observe(&self) {
        let mut feed = TickFeed::new(&self.folder);
        let mut published = self.charts_written();
        loop {
            for sample in feed.next().await {
                self.take_tick(sample);
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
