//! What the sandbox needs of this computer.

use std::process::Stdio;
use std::time::Duration;

use protocol::{Blame, Check, CheckStatus, Failure};

use crate::home::{self, Home};
use crate::tools;

/// The Python environment is 0.9 GB; the rest is for orders.
const DISK_NEEDED: u64 = 3 << 30;
const DISK_WANTED: u64 = 8 << 30;

/// PostgreSQL, Dagster's three processes and a dbt run together take about 1.5 GiB.
const MEMORY_WANTED: u64 = 3 << 30;

/// The longest socket path the platforms allow is 104 (macOS) to 108 bytes.
const LONGEST_SOCKET: usize = 103;

const TOOL_DEADLINE: Duration = Duration::from_secs(10);

/// Every check, in the order they are shown.
pub(super) async fn all(home: &Home) -> Vec<Check> {
    let uv = uv().await;
    let home = home.clone();
    let rest = tokio::task::spawn_blocking(move || vec![data_folder(&home), disk(&home), memory(), sockets(&home)]);
    let rest = rest.await.unwrap_or_default();
    std::iter::once(uv).chain(rest).collect()
}

/// Mends a check and looks again.
pub(super) async fn fix(_: &Home, id: &str) -> Result<Check, Failure> {
    if id != "uv" {
        return Err(Failure::new(Blame::User, format!("RetailFlow cannot mend \u{201c}{id}\u{201d} by itself")));
    }
    tools::install_uv().await?;
    Ok(uv().await)
}

async fn uv() -> Check {
    let title = "uv, the Python installer";
    let path = match tools::find_uv() {
        Ok(path) => path,
        Err(failure) => return failed("uv", title, failure.summary, failure.hint, true),
    };
    let mut command = tokio::process::Command::new(&path);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(TOOL_DEADLINE, command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            passed("uv", title, format!("{} ({})", String::from_utf8_lossy(&output.stdout).trim(), path.display()))
        }
        _ => failed("uv", title, format!("{} does not run", path.display()), Some("Install it again.".into()), true),
    }
}

fn data_folder(home: &Home) -> Check {
    let title = "Data folder";
    let root = home.root();
    let probe = root.join(".probe");
    let written =
        home::make_folder(root).and_then(|()| std::fs::write(&probe, b"")).and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => passed("data-folder", title, format!("{} can be written", root.display())),
        Err(error) => {
            let hint = "Make it writable, or set RETAILFLOW_HOME to another folder.".to_owned();
            failed("data-folder", title, format!("{} cannot be written: {error}", root.display()), Some(hint), false)
        }
    }
}

fn disk(home: &Home) -> Check {
    let title = "Disk space";
    let Some(free) = home::free_space(home.root()) else {
        return warning("disk", title, "the free space could not be found out".into(), "At least 3 GB should be free.");
    };
    let detail = format!("{} free at {}", gigabytes(free), home.root().display());
    if free < DISK_NEEDED {
        let hint = "At least 3 GB are needed: make room, or set RETAILFLOW_HOME to another disk.".to_owned();
        failed("disk", title, detail, Some(hint), false)
    } else if free < DISK_WANTED {
        warning("disk", title, detail, "Enough for a small history; a large one may need more.")
    } else {
        passed("disk", title, detail)
    }
}

fn memory() -> Check {
    let title = "Memory";
    let Ok(mut system) = sysinfo::System::new() else {
        return warning("memory", title, "the free memory could not be found out".into(), "3 GB should be free.");
    };
    system.refresh_memory();
    let available = system.available_memory();
    let detail = format!("{} available", gigabytes(available));
    if available < MEMORY_WANTED {
        warning("memory", title, detail, "The sandbox wants about 3 GB; close something large.")
    } else {
        passed("memory", title, detail)
    }
}

/// A Unix socket's path has a length limit that a deep temporary folder can exceed.
fn sockets(home: &Home) -> Check {
    let title = "Local sockets";
    let Ok(name) = "x".parse() else { return passed("sockets", title, String::new()) };
    let longest = home.stack(&name).postgres_socket().join(".s.PGSQL.5432");
    let length = longest.as_os_str().len();
    let detail = format!("{} ({length} of {LONGEST_SOCKET} bytes)", longest.display());
    if length <= LONGEST_SOCKET {
        passed("sockets", title, detail)
    } else {
        let hint = "Set XDG_RUNTIME_DIR or TMPDIR to a shorter path.".to_owned();
        failed("sockets", title, detail, Some(hint), false)
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

fn passed(id: &str, title: &str, detail: String) -> Check {
    check(id, title, CheckStatus::Passed, detail, None, false)
}

fn warning(id: &str, title: &str, detail: String, hint: &str) -> Check {
    check(id, title, CheckStatus::Warning, detail, Some(hint.to_owned()), false)
}

fn failed(id: &str, title: &str, detail: String, hint: Option<String>, fixable: bool) -> Check {
    check(id, title, CheckStatus::Failed, detail, hint, fixable)
}

fn check(id: &str, title: &str, status: CheckStatus, detail: String, hint: Option<String>, fixable: bool) -> Check {
    Check { id: id.to_owned(), title: title.to_owned(), status, detail, hint, fixable }
}
