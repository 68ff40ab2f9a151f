//! What is printed when something is done: tables, links, proofs.

use std::io::{BufRead, IsTerminal};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use protocol::command::{Desk, StackOperation};
use protocol::service::Health;
use protocol::shop::lag;
use protocol::snapshot::{Proof, Snapshot, StackList};
use protocol::{Blame, Charts, Check, CheckStatus, Failure, Operation, StackName};
use provision::LocalDesk;

use crate::render::{grouped, span};
use crate::state_word;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const RED: Style = AnsiColor::Red.on_default();

/// Countries listed in a table of results.
const COUNTRIES: usize = 5;

/// The links and the results, after `up`.
pub(crate) async fn after_up(desk: &LocalDesk, stack: &StackName, json: bool) -> Result<(), Failure> {
    status(desk, stack, false, json).await?;
    if !json {
        anstream::println!("{DIM}retailflow status, logs, refresh, open, down: the next steps.{DIM:#}");
    }
    Ok(())
}

/// The results, after `refresh`.
pub(crate) async fn after_refresh(desk: &LocalDesk, stack: &StackName, json: bool) -> Result<(), Failure> {
    let charts = desk.charts(stack.clone()).await?;
    if json {
        anstream::println!("{}", serde_json::json!({"charts": charts}));
    } else if let Some(charts) = charts {
        results(&charts);
    }
    Ok(())
}

/// How one stack is, or all of them.
pub(crate) async fn status(desk: &LocalDesk, stack: &StackName, all: bool, json: bool) -> Result<(), Failure> {
    if all {
        return list(desk, json).await;
    }
    let snapshot = desk.snapshot(stack.clone()).await?;
    let charts = desk.charts(stack.clone()).await?;
    if json {
        anstream::println!("{}", serde_json::json!({"snapshot": snapshot, "charts": charts}));
        return Ok(());
    }
    services(&snapshot);
    if let Some(charts) = charts {
        results(&charts);
    }
    for link in &snapshot.links {
        anstream::println!("{:<10} {}", link.title, link.url);
    }
    Ok(())
}

async fn list(desk: &LocalDesk, json: bool) -> Result<(), Failure> {
    let StackList { stacks, unreadable } = desk.list_stacks(()).await?;
    if json {
        anstream::println!("{}", serde_json::json!({"stacks": stacks, "unreadable": unreadable}));
        return Ok(());
    }
    if stacks.is_empty() && unreadable.is_empty() {
        anstream::println!("There are no stacks. `retailflow up` makes one.");
    }
    for stack in stacks {
        anstream::println!(
            "{BOLD}{:<16}{BOLD:#} {:<9} {DIM}{}{DIM:#}",
            stack.config.name,
            state_word(stack.state),
            stack.folder
        );
    }
    for stack in unreadable {
        anstream::println!("{BOLD}{:<16}{BOLD:#} {RED}unreadable{RED:#} {DIM}{}{DIM:#}", stack.name, stack.failure);
    }
    Ok(())
}

fn services(snapshot: &Snapshot) {
    anstream::println!("{BOLD}{}{BOLD:#} is {}", snapshot.config.name, state_word(snapshot.state));
    for service in &snapshot.services {
        let (style, word) = match service.health {
            Health::Healthy => (GREEN, "healthy"),
            Health::Starting => (YELLOW, "starting"),
            Health::Unhealthy => (RED, "unhealthy"),
            Health::Stopped => (DIM, "stopped"),
        };
        anstream::println!("  {:<24} {style}{word:<10}{style:#} {DIM}{}{DIM:#}", service.title, service.detail);
    }
    if let Some(tick) = snapshot.throughput.last() {
        anstream::println!(
            "  {:<24} {} a minute asked for; the last tick wrote {} rows in {:.0} ms",
            "Orders",
            snapshot.orders_per_minute,
            tick.rows,
            tick.write_ms
        );
    }
    let open = snapshot.services.iter().any(|service| service.name == "generator" && service.runs());
    if let Some(lag) = lag(&snapshot.throughput, Timestamp::now()).filter(|_| open) {
        let to_go = lag.to_go.map_or("not catching up".to_owned(), |left| format!("about {} to go", span(left)));
        anstream::println!("  {:<24} {YELLOW}{} behind the clock, {to_go}{YELLOW:#}", "Catching up", span(lag.behind));
    }
}

fn results(charts: &Charts) {
    let totals = &charts.totals;
    anstream::println!();
    anstream::println!("{BOLD}{:<22}{:>18}{BOLD:#}", "Results", "");
    row("Orders", &grouped(totals.orders));
    row("Customers", &grouped(totals.customers));
    row("Gross revenue", &money(totals.gross_cents));
    row("Discounts", &money(totals.discount_cents));
    row("Net revenue", &money(totals.net_cents));
    for country in charts.by_country.iter().take(COUNTRIES) {
        row(&format!("  {}", country.country), &money(country.net_cents));
    }
    let days = charts.daily.len();
    anstream::println!("{DIM}{days} days, read from the shop at {}{DIM:#}", charts.extracted_at);
    if let Some(doubt) = &charts.doubt {
        anstream::println!("{YELLOW}These figures are old: newer ones, of {}, do not agree.{YELLOW:#}", doubt.since);
        for reason in &doubt.reasons {
            anstream::println!("  {reason}");
        }
        anstream::println!("  \u{2192} The log of the last refresh says what to do.");
    }
    anstream::println!();
}

fn row(name: &str, value: &str) {
    anstream::println!("{name:<22}{value:>18}");
}

/// Cents as dollars.
fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}${}.{:02}", grouped((cents / 100).abs()), cents.unsigned_abs() % 100)
}

/// What was checked and found.
pub(crate) fn checks(checks: &[Check], json: bool) {
    if json {
        anstream::println!("{}", serde_json::json!({"checks": checks}));
        return;
    }
    for check in checks {
        let (style, sign) = match check.status {
            CheckStatus::Passed => (GREEN, "\u{2713}"),
            CheckStatus::Warning => (YELLOW, "!"),
            CheckStatus::Failed => (RED, "\u{2717}"),
        };
        anstream::println!("{style}{sign}{style:#} {:<26} {DIM}{}{DIM:#}", check.title, check.detail);
        if let Some(hint) = &check.hint {
            anstream::println!("    \u{2192} {hint}");
        }
    }
}

/// What was looked at after a teardown.
pub(crate) fn proof(proof: &Proof, json: bool) {
    if json {
        anstream::println!("{}", serde_json::json!({"proof": proof}));
        return;
    }
    for item in &proof.items {
        let (style, sign) = if item.gone { (GREEN, "\u{2713} gone") } else { (RED, "\u{2717} left") };
        anstream::println!("{style}{sign}{style:#} {:<26} {DIM}{}{DIM:#}", item.what, item.detail);
    }
}

/// Asks before a teardown, naming what will go.
pub(crate) async fn confirm_down(desk: &LocalDesk, stack: &StackName) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Blame::User, "Nobody is there to confirm the teardown")
            .hint("Say `retailflow down --yes` to remove the stack without being asked."));
    }
    let request = StackOperation { stack: stack.clone(), operation: Operation::Down };
    // Standard output is for what comes of it, which a program may read.
    anstream::eprintln!("This will, for the stack {BOLD}{stack}{BOLD:#}:");
    for step in desk.plan(request).await? {
        anstream::eprintln!("  {:<20} {DIM}{}{DIM:#}", step.title, step.summary);
    }
    anstream::eprint!("Go on? [y/N] ");
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if answer.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err(Failure::cancelled()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact() {
        assert_eq!(money(0), "$0.00");
        assert_eq!(money(123_456_789), "$1,234,567.89");
        assert_eq!(money(5), "$0.05");
        assert_eq!(money(-5), "-$0.05");
        assert_eq!(money(-123_456), "-$1,234.56");
    }
}
