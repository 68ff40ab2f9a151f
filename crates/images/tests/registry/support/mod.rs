//! A registry with a password, a line to it on which things go wrong, and images to push.

pub(crate) mod line;
pub(crate) mod samples;
pub(crate) mod server;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use images::{Limits, Login, Registry, Source, Target};

/// Runs a tool of another make and gives what it prints.
#[track_caller]
pub(crate) fn tool(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!(
            "{program} could not be started ({error}). These tests need it: \
             apt-get install --no-install-recommends docker-registry skopeo umoci"
        )
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// More patience than a busy computer needs, and little pause between attempts.
pub(crate) fn limits() -> Limits {
    Limits {
        connect: Duration::from_mins(1),
        answer: Duration::from_mins(1),
        silence: Duration::from_mins(1),
        pause: Duration::from_millis(20),
        attempts: 4,
        parallel: 4,
    }
}

pub(crate) fn login() -> Login {
    Login::new(server::USER, server::PASSWORD)
}

/// The registry at an address, with the right password.
pub(crate) fn registry(address: &str) -> Registry {
    Registry::new(address, Arc::new(login()), limits()).unwrap()
}

pub(crate) fn target(address: &str, repository: &str, tag: &str) -> Target {
    Target { registry: registry(address), repository: repository.to_owned(), tag: tag.to_owned() }
}

/// One that is soon tired of silence.
pub(crate) fn hasty(address: &str, repository: &str, tag: &str) -> Target {
    let limits = Limits { silence: Duration::from_millis(700), ..limits() };
    let registry = Registry::new(address, Arc::new(login()), limits).unwrap();
    Target { registry, ..target(address, repository, tag) }
}

pub(crate) fn source(address: &str, repository: &str, digest: &str) -> Source {
    Source::parse(&format!("{address}/{repository}@{digest}"), Arc::new(login()), limits()).unwrap()
}
