//! The function as AWS Lambda runs it: the program as it is built, called through the runtime API with EventBridge's
//! events. It takes its login from Secrets Manager and writes into a real PostgreSQL; all of it is on loopback.

// There is no Lambda but on Linux.
#![cfg(target_os = "linux")]

mod deadlines;
mod failures;
mod http;
mod interruptions;
mod lambda;
mod metrics;
mod postgres;
mod secrets;
mod stack;
mod ticks;
