//! How long a registry may take, and how often it is asked again.

use std::iter;
use std::time::Duration;

/// Backing off goes no further than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Deadlines and retries. The defaults suit a registry on the internet.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Until a connection must stand.
    pub connect: Duration,
    /// Until a request without a blob must be answered.
    pub answer: Duration,
    /// A blob may take as long as it likes, but it must move: after this long without a byte it counts as lost. Also
    /// how long a registry may digest a blob after its last byte.
    pub silence: Duration,
    /// The pause before the second attempt; each later one is twice as long, up to 15 s.
    pub pause: Duration,
    /// How often a request or a blob is tried, at least once.
    pub attempts: usize,
    /// How many blobs move at a time.
    pub parallel: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            answer: Duration::from_mins(1),
            silence: Duration::from_mins(2),
            pause: Duration::from_millis(500),
            attempts: 6,
            parallel: 4,
        }
    }
}

impl Limits {
    /// The pauses between attempts; there is one attempt more than there are pauses.
    pub(crate) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        let doubling = iter::successors(Some(self.pause), |pause| Some((*pause * 2).min(LONGEST_PAUSE)));
        doubling.take(self.attempts.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let limits = Limits { pause: Duration::from_secs(4), attempts: 5, ..Limits::default() };
        assert_eq!(limits.pauses().map(|pause| pause.as_secs()).collect::<Vec<_>>(), [4, 8, 15, 15]);
        assert_eq!(Limits { attempts: 0, ..limits }.pauses().count(), 0);
    }
}
