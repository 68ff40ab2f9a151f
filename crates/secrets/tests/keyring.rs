//! The keyring, against a real Secret Service on a session bus of the test's own.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, to panic is to fail")]

use std::path::Path;
use std::process::{Command, Output};

use retailflow_secrets::{Keyring, Secret};

/// Set in the process that runs within the session bus.
const INSIDE: &str = "RETAILFLOW_KEYRING_TEST";

const VALUE: &str = "pässword-of-the-test";

/// Runs one of the tests below again, as a process of its own: the keyring is looked for once a process.
fn again(test: &str, home: &Path, mut command: Command) -> Output {
    command.args(["--exact", test, "--nocapture"]);
    for name in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
        command.env(name, home);
    }
    command.env(INSIDE, "yes").env_remove("DBUS_SESSION_BUS_ADDRESS").env_remove("DISPLAY").output().unwrap()
}

fn assert_passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn secrets_live_in_the_keyring_and_in_no_file() {
    if is_inside() {
        return block_on(store_read_replace_remove());
    }
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("dbus-run-session");
    let unlocked =
        "printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec \"$0\" \"$@\"";
    command.args(["--", "sh", "-c", unlocked]).arg(std::env::current_exe().unwrap());
    assert_passed(&again("secrets_live_in_the_keyring_and_in_no_file", home.path(), command));
    let found = Command::new("grep").args(["-rlaF", VALUE]).arg(home.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "the secret lies in a file");
}

async fn store_read_replace_remove() {
    let keyring = Keyring::new("retailflow/test");
    assert!(keyring.read("password").await.unwrap().is_none());
    keyring.store("password", Secret::new("first".to_owned())).await.unwrap();
    keyring.store("password", Secret::new(VALUE.to_owned())).await.unwrap();
    assert_eq!(keyring.read("password").await.unwrap().unwrap().expose(), VALUE);
    assert!(keyring.read("other").await.unwrap().is_none());
    keyring.remove("password").await.unwrap();
    keyring.remove("password").await.unwrap();
    assert!(keyring.read("password").await.unwrap().is_none());
    // Left in the keyring for the search of the files.
    keyring.store("password", Secret::new(VALUE.to_owned())).await.unwrap();
}

#[test]
fn without_a_keyring_the_failure_says_what_to_do() {
    if is_inside() {
        let failure = block_on(Keyring::new("retailflow/test").read("password")).unwrap_err();
        return assert!(failure.hint.unwrap().contains("Secret Service"));
    }
    let home = tempfile::tempdir().unwrap();
    let command = Command::new(std::env::current_exe().unwrap());
    assert_passed(&again("without_a_keyring_the_failure_says_what_to_do", home.path(), command));
}
