//! The crate against the real Terraform and its built-in provider, whose provisioners make a resource take its time.

#![expect(clippy::unwrap_used, reason = "in a test, to panic is to fail")]

mod bad;
mod crash;
mod killed;
mod life;
mod lock;
mod mend;
mod stop;
mod support;
