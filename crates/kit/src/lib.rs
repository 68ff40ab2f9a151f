//! What more than one target is built with: the projects and roots that are carried inside the program, the tools it may
//! install, and the shop's ticks as they are shown.

pub mod resources;
pub mod ticks;
pub mod tools;
