//! The engine: it runs plans of steps, keeps a journal of what it did, and looks after processes.
//!
//! It knows no shop and no cloud. What a step does is its own affair; that steps run in order, side by side, within
//! their deadlines, are journalled before they act and can be cancelled and resumed, is the engine's.

mod help;
mod hold;
pub mod journal;
pub mod plan;
pub mod process;
pub mod run;
mod stack_lock;
pub mod step;

pub use help::{blocking, lock};
pub use journal::Journal;
pub use plan::{Direction, Plan};
pub use run::{Emitter, Runner};
pub use stack_lock::StackLock;
pub use step::{Outputs, Presence, Step, StepContext};
