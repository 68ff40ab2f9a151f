//! `retailflow`: the app for a terminal.
//!
//! It gives the same commands as the desktop app, through the same desk; there is no logic here but how things look.

mod args;
mod exit;
mod follow;
mod generate;
mod logs;
mod render;
mod report;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use protocol::command::{Desk, OpenRequest};
use protocol::snapshot::StackState;
use protocol::{CheckStatus, Failure, Operation, StackConfig, StackName, TargetConfig};
use provision::LocalDesk;

use args::{Args, Verb};

fn main() -> ExitCode {
    if let Some(code) = provision::role::run_if_asked() {
        return code;
    }
    let args = Args::parse();
    let json = args.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return exit::tell(&Failure::environment("The program could not start its threads").source(&error), json);
        }
    };
    let result = runtime.block_on(carry_out(args));
    // A thread that waits for standard input or a child must not keep us.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => exit::tell(&failure, json),
    }
}

async fn carry_out(args: Args) -> Result<(), Failure> {
    let desk = LocalDesk::open()?;
    let stack = args.stack;
    let json = args.json;
    match args.verb {
        Verb::Up(options) => {
            ensure_stack(&desk, &stack, options.config()).await?;
            follow::run(&desk, &stack, Operation::Up, json).await?;
            report::after_up(&desk, &stack, json).await
        }
        Verb::Refresh => {
            follow::run(&desk, &stack, Operation::Refresh, json).await?;
            report::after_refresh(&desk, &stack, json).await
        }
        Verb::Status { all } => report::status(&desk, &stack, all, json).await,
        Verb::Logs(options) => logs::show(&desk, &stack, &options, json).await,
        Verb::Open { link, print } => open(&desk, stack, link, print).await,
        Verb::Down { yes } => down(&desk, &stack, yes, json).await,
        Verb::Doctor { fix } => doctor(&desk, fix, json).await,
        Verb::Generate(verb) => generate::carry_out(&desk, &stack, verb, json).await,
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "retailflow", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// Makes the stack if it is not there. Settings given for one that is there are an error, not silently dropped.
async fn ensure_stack(desk: &LocalDesk, stack: &StackName, options: args::Chosen) -> Result<(), Failure> {
    if desk.list_stacks(()).await?.find(stack)?.is_none() {
        let target = TargetConfig::Sandbox(options.over_defaults());
        return desk.create_stack(StackConfig { name: stack.clone(), target }).await.map(drop);
    }
    if options.is_empty() {
        return Ok(());
    }
    Err(Failure::new(protocol::Blame::User, format!("The stack {stack} exists already and keeps its settings"))
        .hint("Leave the settings out, choose another name with --stack, or run `retailflow down` first."))
}

async fn open(desk: &LocalDesk, stack: StackName, link: String, print: bool) -> Result<(), Failure> {
    if !print {
        return desk.open(OpenRequest { stack, link, path: String::new() }).await;
    }
    let snapshot = desk.snapshot(stack).await?;
    let found = snapshot.links.into_iter().find(|known| known.id == link).ok_or_else(|| {
        Failure::environment(format!("{link} is not running")).hint("`retailflow up` starts whatever is missing.")
    })?;
    anstream::println!("{}", found.url);
    Ok(())
}

async fn down(desk: &LocalDesk, stack: &StackName, yes: bool, json: bool) -> Result<(), Failure> {
    if desk.list_stacks(()).await?.find(stack)?.is_some() {
        if !yes {
            report::confirm_down(desk, stack).await?;
        }
        follow::run(desk, stack, Operation::Down, json).await?;
    }
    let proof = desk.proof(stack.clone()).await?;
    report::proof(&proof, json);
    if proof.holds() {
        return Ok(());
    }
    Err(Failure::environment(format!("Something of {stack} is left"))
        .hint("Run `retailflow down` again; what the list above names can also be removed by hand."))
}

async fn doctor(desk: &LocalDesk, fix: bool, json: bool) -> Result<(), Failure> {
    let mut checks = desk.check(()).await?;
    if fix {
        for check in checks.iter_mut().filter(|check| check.fixable && check.status == CheckStatus::Failed) {
            *check = desk.fix_check(check.id.clone()).await?;
        }
    }
    report::checks(&checks, json);
    if checks.iter().any(|check| check.status == CheckStatus::Failed) {
        return Err(Failure::environment("The sandbox cannot run on this computer yet")
            .hint("Mend what the list above says, then run `retailflow doctor` again."));
    }
    Ok(())
}

/// A word for a state.
fn state_word(state: StackState) -> &'static str {
    match state {
        StackState::New => "new",
        StackState::Busy => "busy",
        StackState::Up => "up",
        StackState::Degraded => "degraded",
        StackState::Partial => "partial",
    }
}
