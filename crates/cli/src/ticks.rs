//! What a stack's shop writes, tick by tick.

use std::time::Duration;

use protocol::command::Update;
use protocol::service::StackState;
use protocol::shop::TickSample;
use protocol::snapshot::Snapshot;
use protocol::{EventKind, Failure, StackName};
use provision::LocalDesk;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout_at};

use crate::interrupt::Interrupts;

/// Ticks listed at first.
const SHOWN: usize = 10;

/// How long a shop that is open may take to be read: for one in AWS, a tunnel is opened.
const FIRST_WITHIN: Duration = Duration::from_secs(30);

/// Shows the latest ticks, and those that come if asked to follow.
pub(crate) async fn show(desk: &LocalDesk, stack: &StackName, follow: bool, json: bool) -> Result<(), Failure> {
    let mut interrupts = Interrupts::hear()?;
    let mut updates = desk.watch(stack.clone()).await?;
    let mut last = None;
    tokio::select! {
        first = first(&mut updates) => show_new(&first, &mut last, json),
        () = interrupts.next() => return Err(Failure::cancelled()),
    }
    if !follow {
        return Ok(());
    }
    loop {
        tokio::select! {
            update = updates.recv() => match update {
                Some(update @ (Update::Snapshot(_) | Update::Events(_))) => show_more(&ticks_in(update), &mut last, json),
                Some(Update::Ended) | None => updates = desk.watch(stack.clone()).await?,
            },
            () = interrupts.next() => return Ok(()),
        }
    }
}

/// The ticks there are. Waits for those of an open shop that was not read yet.
async fn first(updates: &mut Receiver<Update>) -> Vec<TickSample> {
    let deadline = Instant::now() + FIRST_WITHIN;
    let mut told = false;
    loop {
        let Ok(Some(update)) = timeout_at(deadline, updates.recv()).await else { return Vec::new() };
        let closed =
            matches!(&update, Update::Ended) || matches!(&update, Update::Snapshot(snapshot) if !is_open(snapshot));
        let ticks = ticks_in(update);
        if closed || !ticks.is_empty() {
            return ticks;
        }
        if !std::mem::replace(&mut told, true) {
            anstream::eprintln!("Reading the shop; at most {} s\u{2026}", FIRST_WITHIN.as_secs());
        }
    }
}

/// Whether its shop may be writing.
fn is_open(snapshot: &Snapshot) -> bool {
    !matches!(snapshot.state, StackState::New | StackState::Partial)
}

fn ticks_in(update: Update) -> Vec<TickSample> {
    match update {
        Update::Snapshot(snapshot) => snapshot.throughput,
        Update::Events(events) => {
            let ticks = events.into_iter().filter_map(|event| match event.kind {
                EventKind::Throughput { sample } => Some(sample),
                _ => None,
            });
            ticks.collect()
        }
        Update::Ended => Vec::new(),
    }
}

/// The first ticks, even if there are none.
fn show_new(ticks: &[TickSample], last: &mut Option<i64>, json: bool) {
    *last = ticks.last().map(|tick| tick.tick);
    if json {
        anstream::println!("{}", serde_json::json!({"throughput": ticks}));
        return;
    }
    anstream::println!("{:>10} {:>8} {:>8} {:>8} {:>10}", "tick", "orders", "rows", "changes", "write ms");
    ticks[ticks.len().saturating_sub(SHOWN)..].iter().for_each(row);
}

/// Those that were not shown yet.
fn show_more(ticks: &[TickSample], last: &mut Option<i64>, json: bool) {
    let fresh: Vec<&TickSample> = ticks.iter().filter(|tick| last.is_none_or(|last| tick.tick > last)).collect();
    let Some(newest) = fresh.last() else { return };
    *last = Some(newest.tick);
    if json {
        anstream::println!("{}", serde_json::json!({"throughput": fresh}));
        return;
    }
    fresh.into_iter().for_each(row);
}

fn row(tick: &TickSample) {
    let (number, orders, rows, changes) = (tick.tick, tick.orders, tick.rows, tick.status_changes);
    anstream::println!("{number:>10} {orders:>8} {rows:>8} {changes:>8} {:>10.1}", tick.write_ms);
}
