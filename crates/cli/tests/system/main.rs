//! Whole-system tests: the real program, the real PostgreSQL, dlt, DuckDB, dbt and Dagster.
//!
//! Each test has a data directory of its own and one sandbox at a time runs, because a laptop (and CI) has room for
//! one. Whatever a test leaves running is ended when it is dropped, so that a failure costs the next test nothing.

#![expect(clippy::unwrap_used, reason = "in a test, to panic is to fail")]

#[path = "../common/command.rs"]
mod command;
mod crash;
mod install;
mod kills;
mod lifecycle;
mod mistakes;
#[path = "../common/recording.rs"]
mod recording;
mod support;
