//! What RetailFlow provisions: its targets, the steps they are made of, the agent that looks after a stack, and the
//! desk from which shells (CLI, desktop app) give their commands.

mod agent;
mod aws;
mod client;
mod dagster;
mod desk;
mod files;
mod hints;
mod home;
mod observer;
mod resources;
pub mod role;
mod sandbox;
mod stream;
mod target;
mod tools;
mod wire;

pub use desk::LocalDesk;
