//! Running Terraform so that nothing is ever lost: detached, followed through a file, stopped gently.
//!
//! ```text
//! Root ── init ── plan ── Changes (shown and confirmed) ── apply ── Invocation ── Summary
//!   │                                                                   │
//!   └── at_work: a successor finds the change of an agent that was killed┘
//! ```
//!
//! What only looks ([`Root::plan`], [`Root::outputs`]) ends with whoever waits for it. What changes something is an
//! [`Invocation`]: it outlives its starter, is found again, and is stopped by one interrupt, after which it finishes what
//! it has begun and saves it. Every failure says what to do ([`Trouble`]), and names its [`Cause`] where a program can do
//! it. The state is copied before every change and looked at before every plan, since Terraform takes an empty state for
//! a stack that was never made.
//!
//! Deliberately absent: the stack's roots, their variables and any knowledge of AWS beyond the words of its errors.

mod changes;
mod command;
mod course;
mod ended;
mod explain;
mod files;
mod invocation;
mod lines;
mod listener;
mod lock;
mod mend;
pub mod message;
pub mod progress;
mod providers;
mod record;
mod root;
mod state;

pub use changes::{Change, Changes, Reason};
pub use explain::{Cause, Trouble};
pub use invocation::Invocation;
pub use listener::Listener;
pub use lock::{Lock, Note};
pub use mend::Adoption;
pub use message::Summary;
pub use providers::mirror_config;
pub use root::{Root, Wish};
