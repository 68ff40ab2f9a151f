//! What RetailFlow provisions, put together: the desk from which shells (CLI, desktop app) give their commands, and the roles that
//! this executable plays besides.

mod desk;
mod role;
mod targets;

pub use desk::LocalDesk;
pub use role::run_if_asked;
