//! AWS, as far as RetailFlow asks it anything itself. What is made there is made by Terraform.
//!
//! Everything that speaks to AWS is in this crate, because its SDKs take long to compile and change seldom.

pub mod checks;
mod failure;
pub mod passage;
mod prices;
mod registry;
mod secrets;
mod session;
pub mod sweep;
pub mod watch;

pub use passage::Passage;
pub use prices::{Prices, prices};
pub use registry::RegistryLogin;
pub use secrets::Login;
pub use session::{Session, profiles};
