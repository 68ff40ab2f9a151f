//! Brings the page back when the process that shows it dies.
//!
//! WebKit shows the page in a process of its own. When that crashes or is ended for the memory it takes, the window stays
//! and is blank. Nothing is lost with it, for the page holds no truth: it is loaded afresh.

use std::collections::VecDeque;
use std::io::Write;
use std::time::{Duration, Instant};

/// How often the page is loaded afresh within [`SPAN`]. One that dies again and again is no page to look at.
const MOST: usize = 3;

const SPAN: Duration = Duration::from_mins(1);

/// When the page died, so far as it still counts.
#[derive(Debug, Default)]
struct Deaths(VecDeque<Instant>);

impl Deaths {
    /// Enters a death at `now`; whether the page is to be loaded afresh.
    fn again(&mut self, now: Instant) -> bool {
        while self.0.front().is_some_and(|death| now.duration_since(*death) > SPAN) {
            self.0.pop_front();
        }
        self.0.push_back(now);
        self.0.len() <= MOST
    }

    /// Says what happened, where whoever started the window can read it; whether the page is to be loaded afresh.
    fn enter(&mut self, how: &str) -> bool {
        let again = self.again(Instant::now());
        let what = if again {
            "the page is loaded afresh"
        } else {
            "it did so too often, and the window is closed; what was at work goes on, open RetailFlow again to see it"
        };
        let _ = writeln!(std::io::stderr(), "The process that shows RetailFlow's page {how}: {what}.");
        again
    }
}

#[cfg(target_os = "linux")]
pub(crate) use linux::revival;
#[cfg(target_os = "macos")]
pub(crate) use macos::on_death;

#[cfg(target_os = "linux")]
mod linux {
    use std::cell::RefCell;

    use tauri::plugin::{Builder, TauriPlugin};
    use tauri::{Manager, Runtime, Webview};
    use webkit2gtk::{WebProcessTerminationReason, WebViewExt};

    use super::Deaths;

    /// Watches over the page of every window.
    pub(crate) fn revival<R: Runtime>() -> TauriPlugin<R> {
        Builder::new("revival").on_webview_ready(|webview| watch(&webview)).build()
    }

    fn watch<R: Runtime>(webview: &Webview<R>) {
        let app = webview.app_handle().clone();
        // Fails only for a window that is gone already.
        let _ = webview.with_webview(move |platform| {
            let deaths = RefCell::new(Deaths::default());
            platform.inner().connect_web_process_terminated(move |view, reason| {
                if deaths.borrow_mut().enter(word(reason)) {
                    view.reload();
                } else {
                    app.exit(1);
                }
            });
        });
    }

    fn word(reason: WebProcessTerminationReason) -> &'static str {
        match reason {
            WebProcessTerminationReason::Crashed => "crashed",
            WebProcessTerminationReason::ExceededMemoryLimit => "took too much memory",
            _ => "was ended",
        }
    }
}

#[cfg(target_os = "macos")]
mod macos {
    use std::sync::Mutex;

    use tauri::{Manager, Runtime, Webview};

    use super::Deaths;

    static DEATHS: Mutex<Deaths> = Mutex::new(Deaths(std::collections::VecDeque::new()));

    /// Tauri's word that the page of a window died.
    pub(crate) fn on_death<R: Runtime>(webview: &Webview<R>) {
        let again = DEATHS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).enter("ended");
        if !again || webview.reload().is_err() {
            webview.app_handle().exit(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_dies_now_and_then_comes_back_and_one_that_keeps_dying_does_not() {
        let began = Instant::now();
        let mut rarely = Deaths::default();
        assert!((0..10).all(|nth| rarely.again(began + SPAN * nth)));
        let mut often = Deaths::default();
        let came_back = (0..10).filter(|nth| often.again(began + Duration::from_secs(*nth))).count();
        assert_eq!(came_back, MOST);
        assert!(often.again(began + SPAN * 2), "after a while it may try again");
    }
}
