//! The way to a host none of whose ports is open: SSH within a WebSocket that AWS opens for who may call its API.
//!
//! ```text
//! this computer ── WebSocket ── EC2 Instance Connect Endpoint ── port 22 of the host ── a port of its loopback
//!               └────────────────────────── SSH ──────────────────────────────────┘
//! ```
//!
//! The host is known by the keys it told on its console, and this computer by a key that lives as long as the tunnel.

mod socket;
mod ssh;

pub use ssh::{Key, Stream, Tunnel};
