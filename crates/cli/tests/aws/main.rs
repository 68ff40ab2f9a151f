//! The AWS target, through the real program, on the offline rig of `tests/rig`: a real Terraform, a real image registry,
//! an account that keeps state and refuses what AWS refuses. What the rig cannot prove stands in its README.

#![expect(clippy::unwrap_used, reason = "in a test, to panic is to fail")]

mod canary;
#[path = "../common/command.rs"]
mod command;
mod crash;
mod faults;
mod keyring;
mod life;
mod mistakes;
mod postgres;
mod real;
#[path = "../common/recording.rs"]
mod recording;
mod rig;
mod ticks;
mod world;
