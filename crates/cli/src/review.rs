//! The plan of an AWS stack: shown, and confirmed before anything is made.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};

use anstyle::{AnsiColor, Style};
use protocol::command::{Desk, RunRequest};
use protocol::{AwsConfig, Blame, ChangeAction, Code, Cost, Failure, Operation, ResourceChange, Review, StackName};
use provision::LocalDesk;

use crate::follow;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Said before anything is made.
const UNTRIED: &str = "Not yet tried in a real account: RetailFlow's AWS stack has only ever been made in a stand-in for AWS, and \
                       Airbyte and Snowflake are not connected in it yet. In yours it may stop half-way, and what was made until \
                       then is paid for until `retailflow down` has removed it.";

const HOURS_A_DAY: f64 = 24.0;
const HOURS_A_MONTH: f64 = 730.0;

/// Plans, and gives what was found.
pub(crate) async fn plan(desk: &LocalDesk, stack: &StackName, json: bool) -> Result<Review, Failure> {
    follow::run(desk, stack, RunRequest::plain(Operation::Plan), json).await?;
    desk.review(stack.clone()).await?.ok_or_else(|| Failure::bug("The plan left no review"))
}

/// Plans, asks, and goes on if the answer is yes. An `up` that is under way already, left by a program that was closed or
/// killed, is only followed.
pub(crate) async fn up(
    desk: &LocalDesk,
    stack: &StackName,
    config: &AwsConfig,
    yes: bool,
    json: bool,
) -> Result<(), Failure> {
    let review = match plan(desk, stack, json).await {
        Err(failure) if failure.code == Some(Code::Busy) && follow::join(desk, stack, Operation::Up, json).await? => {
            return Ok(());
        }
        planned => planned?,
    };
    show(&review, json);
    if !review.changes.is_empty() && !yes {
        confirm(config, &review)?;
    }
    follow::run(desk, stack, RunRequest { operation: Operation::Up, review: Some(review.id) }, json).await
}

/// Plans, and tells what was changed behind the stack's back.
pub(crate) async fn drift(desk: &LocalDesk, stack: &StackName, json: bool) -> Result<(), Failure> {
    let review = plan(desk, stack, json).await?;
    if json {
        anstream::println!("{}", serde_json::json!({"drift": review.drift}));
    } else {
        review.drift.iter().for_each(one);
    }
    if review.drift.is_empty() {
        if !json {
            anstream::println!("Everything is as it was made.");
        }
        return Ok(());
    }
    let found = format!("{} of {stack} was changed behind its back", things(review.drift.len()));
    Err(Failure::new(Blame::Environment, found).code(Code::Drift).hint("`retailflow up` mends it."))
}

/// Everything a person needs to decide.
pub(crate) fn show(review: &Review, json: bool) {
    if json {
        anstream::println!("{}", serde_json::json!({"review": review}));
        return;
    }
    let mut roots: BTreeMap<&str, Vec<&ResourceChange>> = BTreeMap::new();
    review.changes.iter().for_each(|change| roots.entry(&change.root).or_default().push(change));
    for (root, changes) in roots {
        let forecast = review.forecast.iter().any(|name| name == root);
        let note = if forecast { " (a forecast: its ids come from the roots before it)" } else { "" };
        anstream::println!("\n{BOLD}{root}{BOLD:#}: {}{DIM}{note}{DIM:#}", things(changes.len()));
        changes.into_iter().for_each(one);
    }
    if !review.drift.is_empty() {
        anstream::println!("\n{YELLOW}Changed behind the stack's back:{YELLOW:#}");
        review.drift.iter().for_each(one);
    }
    cost(&review.cost);
    if !review.changes.is_empty() {
        anstream::println!("\n{YELLOW}{UNTRIED}{YELLOW:#}");
    }
}

fn one(change: &ResourceChange) {
    let sign = match change.action {
        ChangeAction::Create => '+',
        ChangeAction::Update => '~',
        ChangeAction::Replace => '\u{b1}',
        ChangeAction::Delete => '-',
        ChangeAction::Import => '>',
    };
    let attributes = change.attributes.join(", ");
    anstream::println!("  {sign} {} {DIM}{attributes}{DIM:#}", change.address);
}

fn cost(cost: &Cost) {
    anstream::println!("\n{BOLD}{:<34}{:>12}{:>12}{BOLD:#}", "Cost in US dollars", "an hour", "a month");
    for line in &cost.lines {
        let monthly = line.hourly * HOURS_A_MONTH;
        anstream::println!("{:<34}{:>12.4}{monthly:>12.2}  {DIM}{}{DIM:#}", line.what, line.hourly, line.detail);
    }
    let total = cost.hourly();
    anstream::println!("{BOLD}{:<34}{total:>12.4}{:>12.2}{BOLD:#}", "Everything", total * HOURS_A_MONTH);
    let stopped = cost.hourly_stopped();
    anstream::println!("{:<34}{stopped:>12.4}{:>12.2}", "While the hosts are stopped", stopped * HOURS_A_MONTH);
    anstream::println!("{DIM}List prices of {}, read on {}.{DIM:#}", cost.region, cost.prices_of);
    if let Some(note) = &cost.note {
        anstream::println!("{YELLOW}{note}{YELLOW:#}");
    }
}

fn confirm(config: &AwsConfig, review: &Review) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Blame::User, "Nobody is there to confirm the plan")
            .hint("Say `retailflow up --yes` to go on without being asked; nothing was made."));
    }
    let hourly = review.cost.hourly();
    anstream::eprint!(
        "\nChange {} in account {BOLD}{}{BOLD:#}, {}, for about ${hourly:.2} an hour (${:.2} a day)? [y/N] ",
        things(review.changes.len()),
        config.account_id,
        config.region,
        hourly * HOURS_A_DAY,
    );
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if answer.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err(Failure::cancelled().hint("Nothing was made.")) }
}

fn things(count: usize) -> String {
    if count == 1 { "1 resource".to_owned() } else { format!("{count} resources") }
}
