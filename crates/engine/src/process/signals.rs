//! Signals that were ignored or blocked when this process was started, as `nohup` does, a script for its background jobs, and
//! cron.
//!
//! A program inherits that from whoever starts it, and could then not be asked to stop.

use std::sync::Once;

use nix::sys::signal::SigSet;
use tokio::signal::unix::{SignalKind, signal};

/// What asks a process to end.
const ASKING: [SignalKind; 4] =
    [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit(), SignalKind::terminate()];

static TAKEN_OVER: Once = Once::new();

/// What this thread starts from now on begins with its signals' defaults and none of them blocked. To be called within a
/// runtime.
///
/// A signal that was ignored gets a handler that does nothing: for this process nothing changes, and `exec` puts it back to its
/// default. Which ones are ignored is only known on Linux; elsewhere they stay so.
pub fn reset_signals() {
    // It cannot fail for a set that is valid.
    let _ = SigSet::empty().thread_set_mask();
    TAKEN_OVER.call_once(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = ignored_in(&status);
        for kind in ASKING.into_iter().filter(|kind| ignored >> (kind.as_raw_value() - 1) & 1 == 1) {
            // The handler stays when the stream goes. Without it the signal stays ignored, as it was.
            let _ = signal(kind);
        }
    });
}

/// The set of ignored signals, the first in the lowest bit, from the text of `/proc/<pid>/status`; see proc(5).
fn ignored_in(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_read_from_the_status_of_a_process() {
        assert_eq!(ignored_in("SigBlk:\t0000000000000000\nSigIgn:\t0000000000001006\nSigCgt:\t00\n"), 0x1006);
        assert_eq!(ignored_in("Name:\tsh\n"), 0);
    }
}
