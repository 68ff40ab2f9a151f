//! `retailflow`: the app for a terminal.
//!
//! It gives the same commands as the desktop app, through the same desk; there is no logic here but how things look.

mod args;
mod exit;
mod follow;
mod generate;
mod interrupt;
mod logs;
mod render;
mod report;
mod review;
mod settings;
mod ticks;

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use protocol::aws::{AwsKey, Sensitive};
use protocol::command::{CheckRequest, Desk, OpenRequest, RunRequest};
use protocol::service::StackState;
use protocol::{Blame, CheckStatus, Failure, Keep, Operation, StackConfig, StackName, TargetConfig};
use provision::LocalDesk;

use args::{Args, Verb};
use settings::{AwsOptions, Settings, TargetKind};

fn main() -> ExitCode {
    if let Some(code) = provision::run_if_asked() {
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
            match ensure_stack(&desk, &stack, &options.settings).await?.aws() {
                None => follow::run(&desk, &stack, RunRequest::plain(Operation::Up), json).await?,
                Some(config) => review::up(&desk, &stack, config, options.yes, json).await?,
            }
            report::after_up(&desk, &stack, json).await
        }
        Verb::Plan(settings) => {
            ensure_stack(&desk, &stack, &settings).await?;
            let review = review::plan(&desk, &stack, json).await?;
            review::show(&review, json);
            Ok(())
        }
        Verb::Drift => review::drift(&desk, &stack, json).await,
        Verb::Refresh => {
            follow::run(&desk, &stack, RunRequest::plain(Operation::Refresh), json).await?;
            report::after_refresh(&desk, &stack, json).await
        }
        Verb::Status { all } => report::status(&desk, &stack, all, json).await,
        Verb::Logs(options) => logs::show(&desk, &stack, &options, json).await,
        Verb::Open { link, print } => open(&desk, stack, link, print).await,
        Verb::Down { yes } => down(&desk, &stack, yes, json).await,
        Verb::Doctor { target, aws, fix } => doctor(&desk, target, &aws, fix, json).await,
        Verb::Key { id } => keep_key(&desk, id).await,
        Verb::Generate(verb) => generate::carry_out(&desk, &stack, verb, json).await,
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "retailflow", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// Makes the stack if it is not there, and gives its target. Settings given for one that is there are an error, not
/// silently dropped.
async fn ensure_stack(desk: &LocalDesk, stack: &StackName, settings: &Settings) -> Result<TargetConfig, Failure> {
    if let Some(found) = desk.list_stacks(()).await?.find(stack)? {
        if settings.is_empty() {
            return Ok(found.config.target.clone());
        }
        return Err(Failure::new(Blame::User, format!("The stack {stack} exists already and keeps its settings"))
            .hint("Leave the settings out, choose another name with --stack, or run `retailflow down` first."));
    }
    let target = match settings.target() {
        TargetKind::Sandbox => TargetConfig::Sandbox(settings.sandbox()?),
        TargetKind::Aws => {
            let account = match &settings.account {
                Some(account) => account.clone(),
                None => desk.aws_identity(settings.aws.place()).await?.account_id,
            };
            TargetConfig::Aws(settings.aws(account)?)
        }
    };
    let (name, shop, keep) = (stack.clone(), settings.shop(), Keep::default());
    let config = StackConfig { name, shop, target: target.clone(), keep };
    desk.create_stack(config).await?;
    Ok(target)
}

/// Takes the secret half from standard input, so that it is in no argument and no shell history.
async fn keep_key(desk: &LocalDesk, id: String) -> Result<(), Failure> {
    if std::io::stdin().is_terminal() {
        anstream::eprintln!("Type or paste the secret half of {id}, then press Enter. It is shown while you type.");
    }
    let mut secret = String::new();
    let read = std::io::stdin().lock().read_line(&mut secret);
    read.map_err(|error| Failure::environment("Standard input could not be read").source(&error))?;
    desk.keep_key(AwsKey { id, secret: Sensitive::new(secret.trim().to_owned()) }).await
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
        follow::run(desk, stack, RunRequest::plain(Operation::Down), json).await?;
    }
    let proof = desk.proof(stack.clone()).await?;
    report::proof(&proof, json);
    if proof.holds() {
        return Ok(());
    }
    Err(Failure::environment(format!("Something of {stack} is left"))
        .hint("Run `retailflow down` again; what the list above names can also be removed by hand."))
}

async fn doctor(desk: &LocalDesk, target: TargetKind, aws: &AwsOptions, fix: bool, json: bool) -> Result<(), Failure> {
    let request = match target {
        TargetKind::Sandbox => CheckRequest::Sandbox,
        TargetKind::Aws => CheckRequest::Aws(aws.place()),
    };
    let mut checks = desk.check(request).await?;
    if fix {
        for check in checks.iter_mut().filter(|check| check.fixable && check.status == CheckStatus::Failed) {
            *check = desk.fix_check(check.id.clone()).await?;
        }
    }
    report::checks(&checks, json);
    if checks.iter().any(|check| check.status == CheckStatus::Failed) {
        return Err(Failure::environment("Something that the target needs is missing")
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
