//! A desktop session of a test's own: a bus, and a real keyring that is unlocked.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Folders that programs look for by these names.
const FOLDERS: [&str; 5] = ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"];

pub(crate) struct Session {
    folder: PathBuf,
    address: String,
    parts: Vec<Child>,
}

impl Session {
    pub(crate) fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .spawn();
        let mut bus = bus.expect("dbus must be installed (Debian: apt install dbus)");
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let mut session = Self { folder: folder.to_owned(), address: address.trim().to_owned(), parts: vec![bus] };
        session.unlock();
        session
    }

    fn unlock(&mut self) {
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(["--foreground", "--unlock", "--components=secrets"]).stdin(Stdio::piped());
        self.enter(&mut command);
        let keyring = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut keyring = keyring.expect("gnome-keyring must be installed (Debian: apt install gnome-keyring)");
        // The password ends with the input. What it then prints tells that it is ready.
        keyring.stdin.take().unwrap().write_all(b"password of the test").unwrap();
        BufReader::new(keyring.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        self.parts.push(keyring);
    }

    /// Has a command run in this session.
    pub(crate) fn enter(&self, command: &mut Command) {
        for name in FOLDERS {
            command.env(name, &self.folder);
        }
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address).env_remove("DISPLAY");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for part in self.parts.iter_mut().rev() {
            let _ = part.kill();
            let _ = part.wait();
        }
    }
}
