//! Installing a tool: download, verify, unpack, put in place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::blocking;
use futures::StreamExt;
use protocol::Failure;
use sha2::{Digest, Sha256};
use stack::{Home, files};
use tokio::io::AsyncWriteExt;

use super::{Release, Tool};

const CONNECT_DEADLINE: Duration = Duration::from_secs(30);
const DOWNLOAD_DEADLINE: Duration = Duration::from_mins(10);

/// The releases are 25 to 90 MB; more than this is not one.
const LARGEST: u64 = 300 << 20;

/// Installs the pinned release and gives the executable.
pub(super) async fn install(tool: &Tool) -> Result<PathBuf, Failure> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let release = (tool.release)(os, arch)
        .ok_or_else(|| Failure::environment(format!("There is no release of {} for {os} on {arch}", tool.name)))?;
    let folder = Home::locate()?.root().join("tools");
    let draft = folder.join(format!("draft-{}", tool.name));
    let prepare = || {
        files::make_folder(&folder)?;
        files::remove_folder(&draft)?;
        std::fs::create_dir(&draft)
    };
    prepare().map_err(|error| unwritable(&folder, &error))?;
    let archive = draft.join(&release.archive);
    fetch_verified(tool, &release, &archive).await?;
    unpack(tool, &archive, &draft).await?;
    let program = folder.join(tool.executable());
    std::fs::rename(draft.join(tool.executable()), &program)
        .and_then(|()| files::remove_folder(&draft))
        .map_err(|error| unwritable(&folder, &error))?;
    Ok(program)
}

async fn fetch_verified(tool: &Tool, release: &Release, to: &Path) -> Result<(), Failure> {
    let base = std::env::var(tool.mirror_variable).unwrap_or_else(|_| tool.releases.to_owned());
    let at = |name: &str| format!("{base}/{}/{name}", tool.version);
    let found = download(tool, &at(&release.archive), to).await?;
    let list = text(tool, &at(&release.checksums)).await?;
    let wanted = checksum_of(&list, &release.archive).unwrap_or_default();
    if found == wanted {
        return Ok(());
    }
    Err(Failure::environment(format!("The download of {} is not what was published", tool.name))
        .cause(format!("its checksum is {found}, the published one {wanted}"))
        .hint("Try again; if it happens again, a proxy may be changing downloads."))
}

/// The checksum of a file in a list as `sha256sum` writes it; a list of one may leave the name out.
fn checksum_of(list: &str, file: &str) -> Option<String> {
    let words: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    let named = words.iter().find(|line| line.get(1).is_some_and(|name| name.trim_start_matches('*') == file));
    let alone = words.iter().find(|line| line.len() == 1 && words.len() == 1);
    named.or(alone)?.first().map(|sum| sum.to_lowercase())
}

fn client() -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_DEADLINE)
        .timeout(DOWNLOAD_DEADLINE)
        .build()
        .map_err(|error| Failure::bug("The HTTP client could not be made").source(&error))
}

async fn get(tool: &Tool, url: &str) -> Result<reqwest::Response, Failure> {
    let response = client()?.get(url).send().await.and_then(reqwest::Response::error_for_status);
    response.map_err(|error| unreachable(tool, url, &error))
}

/// Downloads to a file and gives the SHA-256 of what came.
async fn download(tool: &Tool, url: &str, to: &Path) -> Result<String, Failure> {
    let mut chunks = get(tool, url).await?.bytes_stream();
    let mut file = tokio::fs::File::create(to).await.map_err(|error| unwritable(to, &error))?;
    let (mut hash, mut size) = (Sha256::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| unreachable(tool, url, &error))?;
        size += chunk.len() as u64;
        if size > LARGEST {
            return Err(Failure::environment(format!("{url} is far larger than a release of {}", tool.name)));
        }
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(|error| unwritable(to, &error))?;
    }
    file.sync_all().await.map_err(|error| unwritable(to, &error))?;
    Ok(hex::encode(hash.finalize()))
}

async fn text(tool: &Tool, url: &str) -> Result<String, Failure> {
    get(tool, url).await?.text().await.map_err(|error| unreachable(tool, url, &error))
}

async fn unpack(tool: &Tool, archive: &Path, to: &Path) -> Result<(), Failure> {
    let unpacked = if archive.extension().is_some_and(|extension| extension == "zip") {
        unzip(tool, archive.to_owned(), to.to_owned()).await
    } else {
        untar(archive, to).await
    };
    unpacked
        .map_err(|why| Failure::environment(format!("The download of {} could not be unpacked", tool.name)).cause(why))
}

/// Unpacks with the system's `tar`, which every Linux and macOS has; the binaries lie in one folder.
async fn untar(archive: &Path, to: &Path) -> Result<(), String> {
    let mut tar = tokio::process::Command::new("tar");
    tar.arg("-xzf").arg(archive).arg("-C").arg(to).arg("--strip-components=1").kill_on_drop(true);
    let output = tar.output().await.map_err(|error| format!("tar could not be started: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Takes the program out of a zip, which not every system can unpack by itself.
async fn unzip(tool: &Tool, archive: PathBuf, to: PathBuf) -> Result<(), String> {
    let name = tool.executable();
    let work = move || {
        let mut archive = zip::ZipArchive::new(std::fs::File::open(archive)?)?;
        let mut program = std::fs::File::create(to.join(&name))?;
        std::io::copy(&mut archive.by_name(&name)?, &mut program)?;
        make_executable(&program)?;
        program.sync_all()?;
        zip::result::ZipResult::Ok(())
    };
    blocking(move || work().map_err(|error| Failure::environment(error.to_string()))).await.map_err(|why| why.summary)
}

fn make_executable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o755))
}

fn unreachable(tool: &Tool, url: &str, error: &reqwest::Error) -> Failure {
    Failure::environment(format!("{} could not be downloaded", tool.name))
        .cause(format!("from {url}"))
        .source(error)
        .hint(format!(
            "Check the network, name a mirror in {}, or install {} {} yourself and put it on the PATH.",
            tool.mirror_variable, tool.name, tool.version
        ))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(format!("{} could not be written", path.display())).source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_found_by_the_name_of_its_file() {
        let list = "AB12  terraform_linux.zip\ncd34 *terraform_darwin.zip\n";
        assert_eq!(checksum_of(list, "terraform_darwin.zip").as_deref(), Some("cd34"));
        assert_eq!(checksum_of(list, "terraform_linux.zip").as_deref(), Some("ab12"));
        assert_eq!(checksum_of(list, "terraform_windows.zip"), None);
        assert_eq!(checksum_of("ef56\n", "uv.tar.gz").as_deref(), Some("ef56"));
    }
}
