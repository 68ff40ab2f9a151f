//! Reading logs in a terminal.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use protocol::command::{Desk, StackLogRequest};
use protocol::logs::{LogFilter, LogLine, LogWindowRequest};
use protocol::{Failure, Level, StackName};
use provision::LocalDesk;

use crate::args::LogOptions;
use crate::interrupt::Interrupts;

/// Lines asked for at a time.
const PAGE: u32 = 2000;

/// How often a followed log is looked at.
const POLL: Duration = Duration::from_millis(200);

/// Shows a log, and what is added to it if asked to follow.
pub(crate) async fn show(desk: &LocalDesk, stack: &StackName, options: &LogOptions, json: bool) -> Result<(), Failure> {
    if options.list {
        for source in desk.log_sources(stack.clone()).await? {
            anstream::println!("{source}");
        }
        return Ok(());
    }
    let mut interrupts = Interrupts::hear()?;
    let filter = LogFilter {
        query: options.grep.clone().unwrap_or_default(),
        origin: options.step.clone().unwrap_or_default(),
        level: options.level,
    };
    let source = source(desk, stack, options).await?;
    let mut next = start(desk, stack, &source, &filter, options.lines).await?;
    loop {
        let (source, filter) = (source.clone(), filter.clone());
        let window = LogWindowRequest { source, filter, from: next, count: PAGE, within_ms: None };
        let page = desk.log_window(StackLogRequest { stack: stack.clone(), window }).await?;
        // A window beyond the end gives the last lines again.
        let seen = usize::try_from(next.saturating_sub(page.from)).unwrap_or(usize::MAX);
        page.lines.iter().skip(seen).for_each(|line| print(line, json));
        let more = page.from + (page.lines.len() as u64) < page.total;
        next = next.max(page.from + page.lines.len() as u64);
        if more {
            continue;
        }
        if !options.follow {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            () = interrupts.next() => return Ok(()),
        }
    }
}

async fn source(desk: &LocalDesk, stack: &StackName, options: &LogOptions) -> Result<String, Failure> {
    if let Some(service) = &options.service {
        return Ok(format!("service/{service}"));
    }
    if let Some(run) = &options.run {
        return Ok(format!("run/{run}"));
    }
    let latest = desk.history(stack.clone()).await?.into_iter().next();
    latest
        .map(|run| format!("run/{}", run.run))
        .ok_or_else(|| Failure::environment(format!("{stack} has no run yet")).hint("`retailflow up` begins one."))
}

/// Where to begin: at the first line, or at the last few.
async fn start(
    desk: &LocalDesk,
    stack: &StackName,
    source: &str,
    filter: &LogFilter,
    last: Option<u64>,
) -> Result<u64, Failure> {
    let Some(last) = last else { return Ok(0) };
    let (source, filter) = (source.to_owned(), filter.clone());
    let window = LogWindowRequest { source, filter, from: 0, count: 0, within_ms: None };
    let total = desk.log_window(StackLogRequest { stack: stack.clone(), window }).await?.total;
    Ok(total.saturating_sub(last))
}

fn print(line: &LogLine, json: bool) {
    let text: String = line.spans.iter().map(|span| span.text.as_str()).collect();
    if json {
        let (number, at, level, origin) = (line.number, &line.at, line.level, &line.origin);
        let value = serde_json::json!({"number": number, "at": at, "level": level, "origin": origin, "text": text});
        anstream::println!("{value}");
        return;
    }
    let style = match line.level {
        Level::Error => AnsiColor::Red.on_default(),
        Level::Warn => AnsiColor::Yellow.on_default(),
        Level::Debug => Style::new().dimmed(),
        Level::Info => Style::new(),
    };
    let dim = Style::new().dimmed();
    match &line.at {
        Some(at) => anstream::println!("{dim}{at}{dim:#} {:<11} {style}{text}{style:#}", line.origin),
        None => anstream::println!("{style}{text}{style:#}"),
    }
}
