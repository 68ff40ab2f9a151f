//! Processes: services that outlive the agent, tools that do not, and the process table that finds both again.
//!
//! Every process a stack starts carries one environment variable naming the stack, by its identity, and its role; children inherit it.
//! So no pid file can be stale and no kill can lose a process: whatever carries the mark is the stack's, and a second
//! copy is seen before it is started.

mod computer;
mod environment;
mod service;
mod signals;
mod table;
mod tool;

pub use computer::{Processes, ThisComputer};
pub use environment::{Environment, HOMES, NETWORK, PLACE};
pub use service::{ServiceSpec, Started, command, spawn_detached};
pub use signals::reset_signals;
pub use table::{Found, Mark, ProcessTable, Stop, StopSignal};
pub use tool::{ToolSpec, run_tool};
