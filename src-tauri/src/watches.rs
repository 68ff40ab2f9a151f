//! The watches of the page: which stacks it follows, and how each comes to its end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// All watches of the page, by the number it was given for each.
#[derive(Clone, Default)]
pub(crate) struct Watches(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    last: u32,
    running: HashMap<u32, CancellationToken>,
}

impl Watches {
    /// Enters a new watch; it leaves the book when it is dropped.
    pub(crate) fn begin(&self) -> Watch {
        let mut book = self.book();
        book.last += 1;
        let watch = Watch { number: book.last, stop: CancellationToken::new(), all: self.clone() };
        book.running.insert(watch.number, watch.stop.clone());
        watch
    }

    /// Ends a watch; one that has ended already is fine.
    pub(crate) fn end(&self, number: u32) {
        if let Some(stop) = self.book().running.remove(&number) {
            stop.cancel();
        }
    }

    /// Ends every watch.
    pub(crate) fn end_all(&self) {
        for (_, stop) in self.book().running.drain() {
            stop.cancel();
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One watch, for as long as it goes on.
pub(crate) struct Watch {
    number: u32,
    stop: CancellationToken,
    all: Watches,
}

impl Watch {
    /// What the page ends it with.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Waits for some work; `None` if the watch was ended first.
    pub(crate) async fn unless_ended<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.stop.run_until_cancelled(work).await
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.all.end(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tauri::async_runtime::block_on;

    use super::*;

    #[test]
    fn ending_a_watch_ends_that_one_alone() {
        let watches = Watches::default();
        let (first, second) = (watches.begin(), watches.begin());
        assert_ne!(first.number(), second.number());
        watches.end(first.number());
        assert_eq!(block_on(first.unless_ended(pending::<()>())), None);
        assert_eq!(block_on(second.unless_ended(ready(7))), Some(7));
    }

    #[test]
    fn a_page_that_goes_takes_all_its_watches_along() {
        let watches = Watches::default();
        let running = [watches.begin(), watches.begin()];
        watches.end_all();
        for watch in &running {
            assert_eq!(block_on(watch.unless_ended(pending::<()>())), None);
        }
    }

    #[test]
    fn nothing_is_kept_of_a_watch_that_came_to_its_own_end() {
        let watches = Watches::default();
        let number = watches.begin().number();
        assert!(watches.book().running.is_empty());
        watches.end(number);
        assert!(watches.begin().number() > number, "a number must not be given twice");
    }
}
