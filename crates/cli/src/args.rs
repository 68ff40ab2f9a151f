//! The command line.

use clap::{Parser, Subcommand};
use protocol::{Level, StackName};

use crate::exit;
use crate::settings::{AwsOptions, Settings, TargetKind};

/// A running e-commerce ELT platform in minutes: an imagined shop, PostgreSQL, dlt, DuckDB, dbt and Dagster.
#[derive(Debug, Parser)]
#[command(name = "retailflow", version, after_help = exit::CODES, propagate_version = true)]
pub(crate) struct Args {
    /// The stack to work on
    #[arg(long, short, global = true, default_value = "demo", env = "RETAILFLOW_STACK", value_parser = stack_name)]
    pub(crate) stack: StackName,

    /// Print JSON, one value a line: events while something runs, then its result
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make the stack, start everything, load and model the first data; resumes where an earlier `up` stopped
    Up(UpOptions),
    /// AWS: show what `up` would make, change and remove, and what it costs; nothing is made
    Plan(Settings),
    /// AWS: look for what was changed behind the stack's back; `up` mends it
    Drift,
    /// Load and model what is new
    Refresh,
    /// Show how the stack is
    Status {
        /// List every stack instead
        #[arg(long)]
        all: bool,
    },
    /// Read the logs of a run or a service
    Logs(LogOptions),
    /// Open a page of the stack in the browser
    Open {
        /// Which page
        #[arg(default_value = "dagster")]
        link: String,
        /// Print its address instead
        #[arg(long)]
        print: bool,
    },
    /// Stop everything, delete everything `up` made, and prove it
    Down {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Check what a target needs of this computer, and of the AWS account
    Doctor {
        /// The target
        #[arg(long, value_name = "WHERE", default_value = "sandbox")]
        target: TargetKind,
        #[command(flatten)]
        aws: AwsOptions,
        /// Install what RetailFlow can install
        #[arg(long)]
        fix: bool,
    },
    /// Look at, speed up, slow down or pause the shop; or write one into any PostgreSQL
    #[command(subcommand)]
    Generate(GenerateVerb),
    /// AWS: keep an access key in the OS keyring; its secret half is read from standard input
    Key {
        /// The key's public half
        id: String,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct UpOptions {
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// AWS: do not ask, whatever the plan says
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LogOptions {
    /// Keep showing new lines
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// A service's log instead of the latest run's, for example `postgres` or `dagster-code`
    #[arg(long, conflicts_with = "run")]
    pub(crate) service: Option<String>,
    /// The log of an earlier run
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<String>,
    /// Only lines of this step
    #[arg(long)]
    pub(crate) step: Option<String>,
    /// Only lines of this level or above: debug, info, warn, error
    #[arg(long, value_parser = level)]
    pub(crate) level: Option<Level>,
    /// Only lines that contain this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) grep: Option<String>,
    /// The last N lines only
    #[arg(long, short = 'n', value_name = "N")]
    pub(crate) lines: Option<u64>,
    /// List the logs there are
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GenerateVerb {
    /// Show the latest ticks
    Show {
        /// Keep showing new ones
        #[arg(long, short)]
        follow: bool,
    },
    /// AWS: show the latest calls of the shop's function
    Calls,
    /// Set the rate of the stack's shop
    Rate {
        /// Orders a minute
        orders_per_minute: f64,
    },
    /// Pause the stack's shop; `rate` wakes it
    Pause,
    /// Write a shop's history into any PostgreSQL; resumes where an earlier call stopped
    Into {
        /// Where, as a connection string without a password; PGPASSWORD is read
        connection: String,
        /// Days of history
        #[arg(long, default_value_t = 30)]
        days: u32,
        /// Orders a day, on average
        #[arg(long, default_value_t = 28_800.0)]
        orders_per_day: f64,
        /// Seed of the shop
        #[arg(long, default_value_t = 42)]
        seed: u32,
    },
}

fn stack_name(text: &str) -> Result<StackName, String> {
    text.parse().map_err(|failure: protocol::Failure| failure.to_string())
}

fn level(text: &str) -> Result<Level, String> {
    match text {
        "debug" => Ok(Level::Debug),
        "info" => Ok(Level::Info),
        "warn" => Ok(Level::Warn),
        "error" => Ok(Level::Error),
        _ => Err("it is one of debug, info, warn, error".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
