//! Tools RetailFlow needs and may install by itself: uv, and nothing else for the sandbox.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use protocol::Failure;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::home::{self, Home};

/// The version that is installed when none is found.
const UV_VERSION: &str = "0.13.9";

/// Where uv's releases are; tests and closed networks name a mirror of the same layout.
const MIRROR_VARIABLE: &str = "RETAILFLOW_UV_RELEASES";
const RELEASES: &str = "https://github.com/astral-sh/uv/releases/download";

const CONNECT_DEADLINE: Duration = Duration::from_secs(30);
const DOWNLOAD_DEADLINE: Duration = Duration::from_mins(10);

/// A release is some 25 MB; more than this is not one.
const LARGEST: u64 = 200 << 20;

/// The uv to use: the one on the search path, or the one RetailFlow installed.
pub(crate) fn find_uv() -> Result<PathBuf, Failure> {
    let own = Home::locate()?.root().join("tools");
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths)
        .chain([own])
        .map(|folder| folder.join(executable()))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Failure::environment("uv, the Python installer, is not on this computer")
                .hint("`retailflow doctor --fix` installs it, or see docs.astral.sh/uv.")
        })
}

fn executable() -> String {
    format!("uv{}", std::env::consts::EXE_SUFFIX)
}

/// Downloads the pinned release of uv, checks it against the checksum published beside it, and puts it into the
/// data directory. A kill leaves no half of it.
pub(crate) async fn install_uv() -> Result<PathBuf, Failure> {
    let folder = Home::locate()?.root().join("tools");
    let base = std::env::var(MIRROR_VARIABLE).unwrap_or_else(|_| RELEASES.to_owned());
    let archive = archive_name()?;
    let url = format!("{base}/{UV_VERSION}/{archive}");
    let draft = folder.join("draft");
    let prepare = || {
        home::make_folder(&folder)?;
        home::remove_folder(&draft)?;
        std::fs::create_dir(&draft)
    };
    prepare().map_err(|error| unwritable(&folder, &error))?;
    let file = draft.join(&archive);
    let found = download(&url, &file).await?;
    let wanted = published_checksum(&url).await?;
    if found != wanted {
        return Err(Failure::environment("The download of uv is not what was published")
            .cause(format!("its checksum is {found}, the published one {wanted}"))
            .hint("Try again; if it happens again, a proxy may be changing downloads."));
    }
    unpack(&file, &draft).await?;
    let uv = folder.join(executable());
    std::fs::rename(draft.join(executable()), &uv)
        .and_then(|()| home::remove_folder(&draft))
        .map_err(|error| unwritable(&folder, &error))?;
    Ok(uv)
}

fn archive_name() -> Result<String, Failure> {
    let target = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "x86_64-unknown-linux-gnu",
        ("linux", "aarch64") => "aarch64-unknown-linux-gnu",
        ("macos", "x86_64") => "x86_64-apple-darwin",
        ("macos", "aarch64") => "aarch64-apple-darwin",
        (os, arch) => {
            return Err(Failure::environment(format!("There is no release of uv for {os} on {arch}")));
        }
    };
    Ok(format!("uv-{target}.tar.gz"))
}

fn client() -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_DEADLINE)
        .timeout(DOWNLOAD_DEADLINE)
        .build()
        .map_err(|error| Failure::bug("The HTTP client could not be made").source(&error))
}

/// Downloads to a file and gives the SHA-256 of what came.
async fn download(url: &str, to: &Path) -> Result<String, Failure> {
    let response = client()?.get(url).send().await.and_then(reqwest::Response::error_for_status);
    let mut chunks = response.map_err(|error| unreachable(url, &error))?.bytes_stream();
    let mut file = tokio::fs::File::create(to).await.map_err(|error| unwritable(to, &error))?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| unreachable(url, &error))?;
        size += chunk.len() as u64;
        if size > LARGEST {
            return Err(Failure::environment(format!("{url} is far larger than a release of uv")));
        }
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(|error| unwritable(to, &error))?;
    }
    file.sync_all().await.map_err(|error| unwritable(to, &error))?;
    Ok(hex::encode(hash.finalize()))
}

async fn published_checksum(url: &str) -> Result<String, Failure> {
    let url = format!("{url}.sha256");
    let response = client()?.get(&url).send().await.and_then(reqwest::Response::error_for_status);
    let text =
        response.map_err(|error| unreachable(&url, &error))?.text().await.map_err(|error| unreachable(&url, &error))?;
    Ok(text.split_whitespace().next().unwrap_or_default().to_lowercase())
}

/// Unpacks with the system's `tar`, which every Linux and macOS has; the binaries lie in one folder.
async fn unpack(archive: &Path, to: &Path) -> Result<(), Failure> {
    let mut tar = tokio::process::Command::new("tar");
    tar.arg("-xzf").arg(archive).arg("-C").arg(to).arg("--strip-components=1").kill_on_drop(true);
    let output = tar.output().await.map_err(|error| Failure::environment("tar could not be started").source(&error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::environment("The download of uv could not be unpacked").cause(String::from_utf8_lossy(&output.stderr)))
}

fn unreachable(url: &str, error: &reqwest::Error) -> Failure {
    Failure::environment("uv could not be downloaded")
        .cause(format!("from {url}"))
        .source(error)
        .hint(format!(
            "Check the network, name a mirror in {MIRROR_VARIABLE}, or install uv {UV_VERSION} yourself and put it on the PATH."
        ))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(format!("{} could not be written", path.display())).source(error)
}
