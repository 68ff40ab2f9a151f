//! The log readers that are kept, so that paging through a log does not look through it again.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::lock;
use logs::LogReader;
use protocol::Failure;
use protocol::logs::{LogFilter, LogWindow, LogWindowRequest};

/// How many are kept: a log that is followed, and the last few things searched for in it.
const READERS: usize = 16;

/// A log seen through a filter.
type View = (PathBuf, LogFilter);

/// A reader may be busy for a while, so each has a lock of its own and nobody waits for another view.
type Reader = Arc<Mutex<LogReader>>;

/// The readers last used, the newest first.
#[derive(Clone, Default)]
pub(super) struct Readers(Arc<Mutex<Vec<(View, Reader)>>>);

impl Readers {
    /// Reads a window of the log at `path`. Blocks for as long as the request allows.
    pub(super) fn window(&self, path: PathBuf, request: LogWindowRequest) -> Result<LogWindow, Failure> {
        let LogWindowRequest { filter, from, count, within_ms, .. } = request;
        let reader = self.reader((path, filter))?;
        let mut reader = lock(&reader);
        match within_ms {
            Some(patience) => reader.window_within(Duration::from_millis(patience.into()), from, count),
            None => reader.window(from, count),
        }
    }

    fn reader(&self, view: View) -> Result<Reader, Failure> {
        let mut readers = lock(&self.0);
        let known = readers.iter().position(|(known, _)| *known == view).map(|at| readers.remove(at).1);
        let reader = match known {
            Some(reader) => reader,
            None => Arc::new(Mutex::new(LogReader::new(&view.0, view.1.clone())?)),
        };
        readers.truncate(READERS - 1);
        readers.insert(0, (view, reader.clone()));
        Ok(reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(query: &str) -> LogFilter {
        LogFilter { query: query.to_owned(), ..LogFilter::default() }
    }

    #[test]
    fn what_is_followed_stays_while_searches_come_and_go() {
        let readers = Readers::default();
        let followed = readers.reader(("log".into(), filter(""))).unwrap();
        for typed in 0..3 * READERS {
            readers.reader(("log".into(), filter(&typed.to_string()))).unwrap();
            assert!(Arc::ptr_eq(&followed, &readers.reader(("log".into(), filter(""))).unwrap()));
        }
        assert_eq!(lock(&readers.0).len(), READERS);
    }

    #[test]
    fn a_view_is_read_while_another_is_busy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let readers = Readers::default();
        let busy = readers.reader((path.clone(), filter("one"))).unwrap();
        let _busy = lock(&busy);
        let request = |query| LogWindowRequest {
            source: String::new(),
            filter: filter(query),
            from: 0,
            count: 9,
            within_ms: Some(1000),
        };
        assert_eq!(readers.window(path, request("two")).unwrap().total, 1);
    }
}
