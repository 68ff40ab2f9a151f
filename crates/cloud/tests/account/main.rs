//! What RetailFlow asks of AWS itself, against an account that lives on this computer.

#![expect(clippy::unwrap_used, reason = "in a test, to panic is to fail")]

mod checks;
mod faults;
mod rig;
mod session;
mod sweep;
mod watch;
