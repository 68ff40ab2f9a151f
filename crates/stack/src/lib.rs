//! One stack on disk and on the wire: where things lie, who may read them, how its agent is found, started and asked.

pub mod client;
pub mod files;
mod folder;
mod home;
mod identity;
pub mod privileges;
pub mod remedies;
pub mod role;
mod sockets;
pub mod wire;

pub use folder::StackFolder;
pub use home::Home;
pub use sockets::try_out as try_sockets;
