//! Running a plan: one dispatcher owns all that the user sees, executors do the steps.

mod dispatcher;
mod emitter;
mod executor;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use dispatcher::Runner;
pub use emitter::Emitter;
