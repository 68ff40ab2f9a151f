//! Images against a real registry, looked at with other people's tools; and what goes wrong on the way there.

#![expect(clippy::unwrap_used, reason = "in a test, to panic is to fail")]

mod build;
mod failures;
mod mirror;
mod push;
mod python;
mod support;
