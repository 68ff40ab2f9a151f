//! The commands, listed once. Every shell expands the list: a command without a handler does not compile.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::aws::{AwsIdentity, AwsKey, AwsPlace, AwsProfile};
use crate::charts::Charts;
use crate::check::Check;
use crate::config::StackConfig;
use crate::event::Event;
use crate::failure::Failure;
use crate::ids::{RunId, StackName};
use crate::logs::{LogFilter, LogSource, LogWindow, LogWindowRequest};
use crate::review::{Cost, Review};
use crate::run::{Operation, StepPlan};
use crate::shop::Invocation;
use crate::snapshot::{PipelineRun, Proof, RunSummary, Snapshot, StackList, StackSummary};

/// Declares a set of commands: a request enum, a trait with one method each, a dispatcher, and a TypeScript map
/// from a command's name to its argument and result.
macro_rules! commands {
    (
        $(#[$set_doc:meta])*
        $request:ident, $trait:ident, $map:ident {
            $( $(#[$doc:meta])* $name:ident / $variant:ident ( $arg:ty ) -> $result:ty; )*
        }
    ) => {
        $(#[$set_doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
        #[serde(tag = "command", content = "argument", rename_all = "snake_case")]
        #[ts(export)]
        pub enum $request { $( $(#[$doc])* $variant($arg), )* }

        $(#[$set_doc])*
        pub trait $trait: Send + Sync {
            $( $(#[$doc])* fn $name(&self, argument: $arg) -> impl Future<Output = Result<$result, Failure>> + Send; )*

            /// Runs the command a request names, and gives its result as JSON.
            fn dispatch(&self, request: $request) -> impl Future<Output = Result<serde_json::Value, Failure>> + Send {
                async move {
                    match request {
                        $( $request::$variant(argument) => {
                            let result = self.$name(argument).await?;
                            serde_json::to_value(result)
                                .map_err(|error| Failure::bug("A result could not be encoded").source(&error))
                        } )*
                    }
                }
            }
        }

        /// From a command's name to its argument and result, for TypeScript.
        #[derive(TS)]
        #[ts(export)]
        #[expect(dead_code, reason = "exists to be exported")]
        struct $map { $( $name: ($arg, $result), )* }
    };
}

commands! {
    /// Commands that any shell answers itself, without a stack's agent.
    DeskRequest, Desk, DeskCommands {
        /// The existing stacks.
        list_stacks / ListStacks(()) -> StackList;
        /// Makes a stack's folder and settings; nothing is started. The name must be free.
        create_stack / CreateStack(StackConfig) -> StackSummary;
        /// What a target needs of this computer, and of the account.
        check / Check(CheckRequest) -> Vec<Check>;
        /// Mends a check that is `fixable`; gives its new result.
        fix_check / FixCheck(String) -> Check;
        /// The profiles in AWS's own configuration files.
        aws_profiles / AwsProfiles(()) -> Vec<AwsProfile>;
        /// Whose the credentials are.
        aws_identity / AwsIdentity(AwsPlace) -> AwsIdentity;
        /// Keeps an access key in the OS keyring, and nowhere else.
        keep_key / KeepKey(AwsKey) -> ();
        /// What a stack with these settings would cost; nothing is asked of the network.
        price / Price(StackConfig) -> Cost;
        /// What the latest run of [`Operation::Plan`] found, if there was one.
        review / Review(StackName) -> Option<Review>;
        /// The plan of an operation in words; nothing is done.
        plan / Plan(StackOperation) -> Vec<StepPlan>;
        /// Begins an operation in the stack's agent, which is started if need be; gives the run.
        start / Start(StartRequest) -> RunId;
        /// Asks the running operation to stop, if there is one; it ends when what is under way has ended.
        cancel / Cancel(StackName) -> ();
        /// The stack as it stands.
        snapshot / Snapshot(StackName) -> Snapshot;
        /// The runs of the stack, newest first.
        history / History(StackName) -> Vec<RunSummary>;
        /// The pipeline's latest runs in Dagster, newest first.
        pipeline_runs / PipelineRuns(StackName) -> Vec<PipelineRun>;
        /// The latest calls of a shop that is a function in AWS, newest first.
        invocations / Invocations(StackName) -> Vec<Invocation>;
        /// The latest published charts, if any.
        charts / Charts(StackName) -> Option<Charts>;
        /// Sets the shop's rate in orders a minute; 0 pauses it.
        set_rate / SetRate(RateRequest) -> ();
        /// The logs that can be read.
        log_sources / LogSources(StackName) -> Vec<LogSource>;
        /// A window of a log's lines.
        log_window / LogWindow(StackLogRequest) -> LogWindow;
        /// Saves the lines of a log that pass a filter as plain text among the user's downloads; gives the file.
        save_log / SaveLog(SaveLogRequest) -> String;
        /// Opens one of the stack's links in the browser.
        open / Open(OpenRequest) -> ();
        /// Finishes a removal that was cut off, then looks for anything that the stack left behind.
        proof / Proof(StackName) -> Proof;
    }
}

commands! {
    /// Commands that a stack's agent answers, over its socket.
    AgentRequest, AgentCommands, AgentCommandMap {
        /// The stack as it stands; events after it follow on the same connection.
        attach / Attach(()) -> Snapshot;
        /// The stack as it stands.
        snapshot / Snapshot(()) -> Snapshot;
        /// Begins an operation; gives the run. `Busy` if another is under way.
        start / Start(RunRequest) -> RunId;
        /// Asks the running operation to stop.
        cancel / Cancel(()) -> ();
        /// Sets the shop's rate in orders a minute.
        set_rate / SetRate(f64) -> ();
        /// The pipeline's latest runs in Dagster, newest first.
        pipeline_runs / PipelineRuns(()) -> Vec<PipelineRun>;
        /// The latest calls of a shop that is a function in AWS, newest first.
        invocations / Invocations(()) -> Vec<Invocation>;
    }
}

/// Whose needs to check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum CheckRequest {
    /// The sandbox's.
    Sandbox,
    /// AWS's, with these credentials and in this region.
    Aws(AwsPlace),
}

/// An operation to begin on a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct StartRequest {
    /// Which stack.
    pub stack: StackName,
    /// What to do, and what of it was confirmed.
    #[serde(flatten)]
    pub run: RunRequest,
}

/// A run to begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RunRequest {
    /// What to do.
    pub operation: Operation,
    /// The review that was confirmed. AWS asks for one before it makes or changes anything; the sandbox, which costs
    /// nothing, does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub review: Option<String>,
}

impl RunRequest {
    /// A run that needs no confirmation.
    pub fn plain(operation: Operation) -> Self {
        Self { operation, review: None }
    }
}

/// An operation on a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct StackOperation {
    /// Which stack.
    pub stack: StackName,
    /// What to do.
    pub operation: Operation,
}

/// A new rate for a stack's shop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RateRequest {
    /// Which stack.
    pub stack: StackName,
    /// Orders a minute; 0 pauses.
    pub orders_per_minute: f64,
}

/// A window of one of a stack's logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct StackLogRequest {
    /// Which stack.
    pub stack: StackName,
    /// Which lines.
    pub window: LogWindowRequest,
}

/// A log to save.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct SaveLogRequest {
    /// Which stack.
    pub stack: StackName,
    /// Which log.
    pub source: LogSource,
    /// Which of its lines.
    pub filter: LogFilter,
}

/// A link to open: one that the stack's snapshot lists, or a page below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct OpenRequest {
    /// Which stack.
    pub stack: StackName,
    /// The link's identifier.
    pub link: String,
    /// A path below the link without a leading slash, for example `runs/<id>`; empty for the link itself.
    #[serde(default)]
    pub path: String,
}

/// What an attached client receives, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[ts(export)]
pub enum Update {
    /// The stack as it stands; whatever was known before is void.
    Snapshot(Box<Snapshot>),
    /// What happened since, in order.
    Events(Vec<Event>),
    /// The agent ended: because the stack was removed, or it was killed. Attach again to find out.
    Ended,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_command() {
        let request = DeskRequest::Start(StartRequest {
            stack: "demo".parse().expect("a valid name"),
            run: RunRequest::plain(Operation::Up),
        });
        let json = serde_json::to_value(&request).expect("serialises");
        assert_eq!(json, serde_json::json!({"command": "start", "argument": {"stack": "demo", "operation": "up"}}));
        assert_eq!(serde_json::from_value::<DeskRequest>(json).expect("parses"), request);
    }

    #[test]
    fn a_command_without_an_argument_takes_null() {
        let json = serde_json::json!({"command": "list_stacks", "argument": null});
        assert_eq!(serde_json::from_value::<DeskRequest>(json).expect("parses"), DeskRequest::ListStacks(()));
    }
}
