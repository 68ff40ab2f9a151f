//! What to do about failures whose cause lies outside RetailFlow, told by the words of the tools that met them.

use std::path::Path;

use protocol::Failure;

use crate::files;

/// With less room than this, in bytes, programs fail in ways that do not name the disk.
const FULL: u64 = 32 << 20;

const MAKE_ROOM: &str = "Make room on the disk that holds the stack's folder, then run the same command again: what is \
                         already written is kept.";

/// Words of a cause, in lower case, and what mends it. The first that fits counts.
const REMEDIES: [(&[&str], &str); 4] = [
    (&["no space left on device", "os error 28", "disk quota exceeded", "not enough space"], MAKE_ROOM),
    (
        &["no interpreter found", "no virtual environment or system python", "requires-python"],
        "Install a Python from 3.11 to 3.13, or let uv fetch one by unsetting UV_PYTHON_DOWNLOADS, then run the same \
         command again.",
    ),
    (
        &["hash mismatch"],
        "A package is not the one RetailFlow was tested with. Run the same command again; if it happens again, a \
         proxy or package mirror is changing what it delivers.",
    ),
    (
        &["failed to fetch", "failed to download", "error sending request", "dns error", "network is unreachable"],
        "The package index could not be reached. Check the network (behind a proxy set HTTPS_PROXY, for a mirror \
         UV_DEFAULT_INDEX), then run the same command again: what was downloaded is kept.",
    ),
];

/// What these words mean depends on who says them: a hint that is there already knows better.
const FORBIDDEN: [&str; 3] = ["permission denied", "operation not permitted", "read-only file system"];

const GIVE_ACCESS: &str = "Give this user access to the place named above, or set RETAILFLOW_HOME to a folder it may use, then \
                           run the same command again.";

/// Says what to do about a failure of the stack in `folder` if its cause is a known one. Such a remedy is more exact than
/// a general hint, which it replaces.
pub fn with_remedy(failure: Failure, folder: &Path) -> Failure {
    match files::free_space(folder) {
        Some(free) if free < FULL => {
            failure.cause(format!("the disk that holds {} is full", folder.display())).hint(MAKE_ROOM)
        }
        _ => with_known_remedy(failure),
    }
}

fn with_known_remedy(failure: Failure) -> Failure {
    let known = |words: &[&str]| {
        failure
            .causes
            .iter()
            .map(|cause| cause.to_lowercase())
            .any(|cause| words.iter().any(|word| cause.contains(word)))
    };
    match REMEDIES.iter().find(|(words, _)| known(words)) {
        Some((_, remedy)) => failure.hint(*remedy),
        None if failure.hint.is_none() && known(&FORBIDDEN) => failure.hint(GIVE_ACCESS),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_cause_names_its_remedy_and_another_keeps_its_hint() {
        let hint =
            |cause: &str| with_known_remedy(Failure::environment("x").cause(cause).hint("general")).hint.unwrap();
        assert!(
            hint("error: No interpreter found for Python >=3.11, <3.14 in search path").contains("Install a Python")
        );
        assert!(hint("could not extend file \"base/5/2619\": No space left on device").contains("Make room"));
        assert!(hint("error: Failed to fetch: `http://127.0.0.1:9/simple/dlt/`").contains("network"));
        assert_eq!(hint("dbt said no"), "general");
        assert_eq!(hint("initdb: error: Permission denied"), "general");
        let denied = with_known_remedy(Failure::environment("x").cause("Permission denied (os error 13)"));
        assert_eq!(denied.hint.as_deref(), Some(GIVE_ACCESS));
        let bare = with_known_remedy(Failure::environment("x"));
        assert_eq!(bare.hint, None);
    }
}
