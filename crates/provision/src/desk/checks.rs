//! What a target needs of this computer.

use cloud::checks::{self, Wanted};
use kit::tools::{self, Tool};
use protocol::aws::HostSizes;
use protocol::{AwsPlace, Blame, Check, CheckStatus, Failure};
use stack::{Home, files};

/// Disk space, in bytes: what is needed, and what leaves room.
struct Room {
    needed: u64,
    wanted: u64,
}

/// The Python environment is 0.9 GB; the rest is for orders.
const SANDBOX_DISK: Room = Room { needed: 3 << 30, wanted: 8 << 30 };

/// Terraform's provider is 0.8 GB and is kept for all stacks; an image's layers lie here while they are built.
const AWS_DISK: Room = Room { needed: 3 << 30, wanted: 5 << 30 };

/// PostgreSQL, Dagster's three processes and a dbt run together take about 1.5 GiB.
const MEMORY_WANTED: u64 = 3 << 30;

/// What the sandbox needs, in the order it is shown.
pub(super) async fn of_sandbox(home: &Home) -> Vec<Check> {
    let home = home.clone();
    let (uv, rest) = tokio::join!(
        tool(&tools::UV),
        tokio::task::spawn_blocking(move || {
            vec![data_folder(&home), disk(&home, &SANDBOX_DISK), memory(), sockets()]
        })
    );
    std::iter::once(uv).chain(rest.unwrap_or_default()).collect()
}

/// What AWS needs of this computer and of the account, in the order it is shown.
pub(super) async fn of_aws(home: &Home, place: &AwsPlace) -> Vec<Check> {
    let home = home.clone();
    let (account, terraform, uv, rest) = tokio::join!(
        account(place),
        tool(&tools::TERRAFORM),
        tool(&tools::UV),
        tokio::task::spawn_blocking(move || vec![data_folder(&home), disk(&home, &AWS_DISK), sockets()])
    );
    account.into_iter().chain([terraform, uv]).chain(rest.unwrap_or_default()).collect()
}

/// The account, with the usual hosts: which ones it will be, and under which name, is not settled yet.
async fn account(place: &AwsPlace) -> Vec<Check> {
    match aws::session::open(place).await {
        Ok(session) => {
            let wanted = Wanted { stack: None, known: false, hosts: &HostSizes::default() };
            checks::checks(&session, wanted).await
        }
        Err(failure) => {
            let detail = failure.to_string();
            vec![failed("identity", "AWS account", detail, failure.hint, false)]
        }
    }
}

/// Mends a check and looks again.
pub(super) async fn fix(id: &str) -> Result<Check, Failure> {
    let Some(wanted) = [&tools::UV, &tools::TERRAFORM].into_iter().find(|tool| tool.name == id) else {
        return Err(Failure::new(Blame::User, format!("RetailFlow cannot mend \u{201c}{id}\u{201d} by itself")));
    };
    wanted.install().await?;
    Ok(tool(wanted).await)
}

async fn tool(tool: &Tool) -> Check {
    match tool.find().await {
        Ok(found) => passed(tool.name, tool.title, format!("{} ({})", found.version, found.path.display())),
        Err(failure) => {
            let detail = failure.to_string();
            failed(tool.name, tool.title, detail, failure.hint, true)
        }
    }
}

fn data_folder(home: &Home) -> Check {
    let title = "Data folder";
    let root = home.root();
    let probe = root.join(".probe");
    let written =
        files::make_folder(root).and_then(|()| std::fs::write(&probe, b"")).and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => passed("data-folder", title, format!("{} can be written", root.display())),
        Err(error) => {
            let hint = "Make it writable, or set RETAILFLOW_HOME to another folder.".to_owned();
            failed("data-folder", title, format!("{} cannot be written: {error}", root.display()), Some(hint), false)
        }
    }
}

fn disk(home: &Home, room: &Room) -> Check {
    let title = "Disk space";
    let Some(free) = files::free_space(home.root()) else {
        return warning("disk", title, "the free space could not be found out".into(), "At least 3 GB should be free.");
    };
    let detail = format!("{} free at {}", gigabytes(free), home.root().display());
    if free < room.needed {
        let hint = "At least 3 GB are needed: make room, or set RETAILFLOW_HOME to another disk.".to_owned();
        failed("disk", title, detail, Some(hint), false)
    } else if free < room.wanted {
        warning("disk", title, detail, "Enough for now; a large history may need more.")
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

/// Whether a stack that is made now would find a place for its sockets.
fn sockets() -> Check {
    let title = "Local sockets";
    match stack::try_sockets() {
        Ok(place) => passed("sockets", title, format!("{} can hold them", place.display())),
        Err(failure) => {
            let detail = failure.to_string();
            failed("sockets", title, detail, failure.hint, false)
        }
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
