//! Container images without Docker: mirrored from registry to registry, built from folders, pushed.
//!
//! An [`Image`] is a manifest and the blobs it names, each with the place where its bytes are: another registry, a file
//! or memory. [`pull`] reads one from a registry, [`build`] puts layers on top of one, and [`push`] brings one to a
//! registry, sending only what is not there. Whoever is interrupted starts again and finds what has arrived.
//!
//! Everything is named by digest, and the same input gives the same digest on every computer: that is what makes an
//! unchanged push a question or two. The [`Store`] remembers locally what that takes.
//!
//! Not here: tags that move (one that is taken by another image is refused), other platforms than linux/amd64, and
//! where a registry's credentials come from ([`Logins`]).

mod build;
mod disk;
mod fingerprint;
mod image;
mod layer;
mod limits;
mod login;
mod progress;
mod pull;
mod push;
pub mod python;
mod registry;
mod store;

pub use build::{Settings, build};
pub use fingerprint::Fingerprint;
pub use image::{Blob, Image, Origin};
pub use layer::{Layer, Tree};
pub use limits::Limits;
pub use login::{Anonymous, Login, Logins};
pub use oci_spec::image::Digest;
pub use progress::{Progress, Transfer};
pub use pull::{Source, pull};
pub use push::{Pushed, Target, push};
pub use registry::Registry;
pub use store::Store;
