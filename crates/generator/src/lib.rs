//! The simulated e-commerce shop that the platform takes its data from, and the writer that keeps it in PostgreSQL.
//!
//! - [`shop`] is a pure library: which customers, orders and lines a numbered tick consists of.
//! - [`Writer`] puts ticks into PostgreSQL, each exactly once: a tick is one transaction, written with binary `COPY`
//!   together with its row in `production.generator_ticks`. It fills in history ([`Writer::backfill`]) and then follows
//!   the clock ([`Writer::run_live`]).
//!
//! There is no engine, no command line and no configuration file here; whoever runs the shop brings those.

mod config;
mod error;
pub mod shop;
mod writer;

pub use config::Config;
pub use error::Error;
pub use writer::{Advance, LiveEvent, Outcome, Plan, Progress, SCHEMA, Summary, TickRecord, Writer, throughput};
