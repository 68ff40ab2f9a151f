//! NDJSON: every event as the protocol spells it, one a line.

use protocol::{Event, RunState};

use super::Renderer;

/// Writes events to standard output.
pub(super) struct Json;

impl Renderer for Json {
    fn catch_up(&mut self, state: &RunState) {
        print(&serde_json::json!({"state": state}));
    }

    fn show(&mut self, event: &Event) {
        if let Ok(value) = serde_json::to_value(event) {
            print(&value);
        }
    }

    fn note(&mut self, _: &str) {}

    fn end(&mut self, _: Option<&str>) {}
}

fn print(value: &serde_json::Value) {
    anstream::println!("{value}");
}
