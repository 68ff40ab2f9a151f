//! The words RetailFlow's parts speak to one another: identifiers, configuration, events, failures, snapshots and commands.
//!
//! Everything here crosses a boundary (journal, socket, page, `--json`), so it is plain data with serde and `ts-rs`
//! derives. There is no tokio, no Tauri and no I/O here; whoever reads a journal needs this crate alone.

pub mod aws;
pub mod charts;
pub mod check;
pub mod command;
pub mod config;
pub mod event;
pub mod failure;
pub mod fold;
pub mod ids;
pub mod limits;
pub mod logs;
pub mod review;
pub mod run;
pub mod service;
pub mod shop;
pub mod snapshot;

pub use aws::{AwsAccess, AwsConfig, AwsPlace};
pub use charts::Charts;
pub use check::{Check, CheckStatus};
pub use config::{Keep, SandboxConfig, ShopConfig, StackConfig, TargetConfig};
pub use event::{Event, EventKind};
pub use failure::{Blame, Code, Failure};
pub use fold::{RunState, StepState, StepStatus};
pub use ids::{RunId, StackName, StepId};
pub use review::{ChangeAction, Cost, CostLine, ResourceChange, Review};
pub use run::{Level, Operation, ResourceAction, RunOutcome, Severity, StepOutcome, StepPlan};
