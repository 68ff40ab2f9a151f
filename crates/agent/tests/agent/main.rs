//! The agent over a scripted target: real sockets, a real journal, real processes, and steps that do as they are told.

#![expect(clippy::unwrap_used, reason = "in a test, to panic is to fail")]

mod bounds;
mod place;
mod races;
mod scripted;
mod services;
mod simulation;
mod stream;
mod versions;
