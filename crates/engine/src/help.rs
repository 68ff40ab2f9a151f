//! What every room needs now and then.

use std::sync::{Mutex, MutexGuard, PoisonError};

use protocol::Failure;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs blocking work on a thread of its own; in place where there is one thread only, so that a simulation is the same each
/// time.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return work();
    }
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::bug("A background task did not end").source(&error))?
}

/// Locks a mutex whose data stays whole even if a holder panicked.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
