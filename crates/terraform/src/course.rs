//! The course of a command: each line is folded into what is known of it, and told to whoever listens.

use jiff::Timestamp;
use protocol::{Level, ResourceAction};

use crate::changes::Changes;
use crate::ended::Ended;
use crate::listener::Listener;
use crate::message::{Hook, Kind, Message};
use crate::progress::Progress;

/// What is known of a command from the lines it wrote.
#[derive(Debug, Default)]
pub(crate) struct Course {
    pub(crate) progress: Progress,
    pub(crate) ended: Ended,
    /// What a plan would do, without its attributes.
    pub(crate) outline: Changes,
}

impl Course {
    /// Takes a line in without telling anybody: one that was told before.
    pub(crate) fn recall(&mut self, line: &str) {
        let message = Message::read(line);
        self.progress.take(&message);
        self.ended.take(&message);
        self.outline.take(&message);
    }

    /// Takes in what a command wrote for people.
    pub(crate) fn recall_text(&mut self, text: &[u8]) {
        for line in String::from_utf8_lossy(text).lines().filter(|line| !line.trim().is_empty()) {
            self.recall(line);
        }
    }

    /// Takes a line in and tells of it.
    pub(crate) async fn hear(&mut self, line: &str, listener: &dyn Listener) {
        let message = Message::read(line);
        self.ended.take(&message);
        self.outline.take(&message);
        for line in message.lines() {
            listener.log(message.level, line).await;
        }
        if self.progress.take(&message) {
            self.tell(listener, message.at.unwrap_or_else(Timestamp::now));
        }
        if let Kind::ApplyComplete { hook } = &message.kind {
            made_or_removed(hook, listener).await;
        }
    }

    /// Tells how far it has come.
    pub(crate) fn tell(&self, listener: &dyn Listener, now: Timestamp) {
        listener.progress(self.progress.done(), self.progress.total(), self.progress.words(now));
    }

    /// Tells one who waits for a command that was interrupted what it is that takes so long.
    pub(crate) async fn remind(&self, listener: &dyn Listener, now: Timestamp) {
        let waiting = self.progress.in_flight(now);
        if waiting.is_empty() {
            return;
        }
        let named: Vec<String> = waiting.iter().map(|(address, seconds)| format!("{address} ({seconds} s)")).collect();
        listener.log(Level::Warn, &format!("Waiting for {} to be finished and saved", named.join(", "))).await;
    }
}

async fn made_or_removed(hook: &Hook, listener: &dyn Listener) {
    let action = match hook.action.as_str() {
        "create" => ResourceAction::Created,
        "delete" => ResourceAction::Removed,
        _ => return,
    };
    listener.resource(action, &hook.resource.resource_type, &hook.resource.addr).await;
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::explain::Scene;

    /// Writes down what it hears.
    #[derive(Default)]
    struct Notes {
        text: Mutex<String>,
        stopping: CancellationToken,
    }

    impl Notes {
        fn note(&self, line: &str) {
            writeln!(self.text.lock().unwrap(), "{line}").unwrap();
        }
    }

    #[async_trait]
    impl Listener for Notes {
        async fn log(&self, level: Level, line: &str) {
            self.note(&format!("{level:?} {line}"));
        }

        fn progress(&self, done: u64, total: Option<u64>, words: String) {
            self.note(&format!("  {done}/{} {words}", total.map_or("?".to_owned(), |total| total.to_string())));
        }

        async fn resource(&self, action: ResourceAction, kind: &str, address: &str) {
            self.note(&format!("  {action:?} {kind}: {address}"));
        }

        fn stopping(&self) -> &CancellationToken {
            &self.stopping
        }
    }

    async fn told(sample: &str) -> String {
        let (notes, mut course) = (Notes::default(), Course::default());
        for line in sample.lines() {
            course.hear(line, &notes).await;
        }
        let mut text = notes.text.into_inner().unwrap();
        match &course.ended.summary {
            Some(summary) if course.ended.succeeded() => writeln!(text, "=> {summary:?}").unwrap(),
            _ => writeln!(text, "=> {:#?}", Scene { verb: "apply", profile: None }.trouble(&course.ended)).unwrap(),
        }
        text
    }

    /// Recorded streams of Terraform, and what is told of each. `RETAILFLOW_WRITE_GOLDEN=1` writes it anew, to be read
    /// before it is committed.
    #[tokio::test]
    async fn recorded_streams_are_told_as_agreed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
        let mut samples = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "jsonl") {
                continue;
            }
            samples += 1;
            let text = told(&std::fs::read_to_string(&path).unwrap()).await;
            let golden = path.with_extension("told");
            if std::env::var_os("RETAILFLOW_WRITE_GOLDEN").is_some() {
                std::fs::write(&golden, &text).unwrap();
            }
            let expected = std::fs::read_to_string(&golden).unwrap();
            assert_eq!(text, expected, "{} is told otherwise", path.display());
        }
        assert_eq!(samples, 12);
    }

    #[tokio::test]
    async fn what_was_told_before_counts_and_is_not_told_again() {
        let sample = include_str!("../tests/samples/b_apply.jsonl");
        let (notes, mut course) = (Notes::default(), Course::default());
        let lines: Vec<&str> = sample.lines().collect();
        let (before, after) = lines.split_at(lines.len() - 3);
        for line in before {
            course.recall(line);
        }
        assert_eq!(*notes.text.lock().unwrap(), "");
        for line in after {
            course.hear(line, &notes).await;
        }
        assert!(course.ended.succeeded());
        assert_eq!((course.progress.done(), course.progress.total()), (5, Some(5)));
        let text = notes.text.into_inner().unwrap();
        assert!(text.contains("5/5") && !text.contains("aws_vpc"), "{text}");
    }
}
