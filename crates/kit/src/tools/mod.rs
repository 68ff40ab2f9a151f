//! Tools RetailFlow needs and may install by itself: uv, and Terraform for AWS. Nothing else.

mod install;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use engine::process::{Environment, HOMES, NETWORK, PLACE};
use protocol::Failure;
use stack::Home;

/// How long a tool may take to say its version.
const VERSION_DEADLINE: Duration = Duration::from_secs(10);

/// A tool: what it is called, where its releases are, and which versions will do.
pub struct Tool {
    /// The program's name.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// The version that is installed when none will do.
    version: &'static str,
    /// Where its releases are, unless the variable names a mirror of the same layout, as tests and closed networks do.
    releases: &'static str,
    mirror_variable: &'static str,
    /// The release for a platform, as Rust spells it (`linux`, `x86_64`).
    release: fn(os: &str, arch: &str) -> Option<Release>,
    /// The lowest version that will do, if not any.
    at_least: Option<(u64, u64)>,
    /// The variables through which its user says where it gets things from, beside those of the network.
    settings: &'static [&'static str],
    /// Where a person finds out more.
    more: &'static str,
}

/// One release of a tool: an archive and where its SHA-256 is published, both below the version's folder.
pub struct Release {
    archive: String,
    checksums: String,
}

/// The Python installer.
pub const UV: Tool = Tool {
    name: "uv",
    title: "uv, the Python installer",
    version: "0.13.9",
    releases: "https://github.com/astral-sh/uv/releases/download",
    mirror_variable: "RETAILFLOW_UV_RELEASES",
    release: |os, arch| {
        let target = match (os, arch) {
            ("linux", "x86_64") => "x86_64-unknown-linux-gnu",
            ("linux", "aarch64") => "aarch64-unknown-linux-gnu",
            ("macos", "x86_64") => "x86_64-apple-darwin",
            ("macos", "aarch64") => "aarch64-apple-darwin",
            _ => return None,
        };
        let archive = format!("uv-{target}.tar.gz");
        Some(Release { checksums: format!("{archive}.sha256"), archive })
    },
    at_least: None,
    settings: &[
        "UV_CACHE_DIR",
        "UV_CONCURRENT_*",
        "UV_CONFIG_FILE",
        "UV_DEFAULT_INDEX",
        "UV_EXTRA_INDEX_URL",
        "UV_FIND_LINKS",
        "UV_HTTP_*",
        "UV_INDEX*",
        "UV_INSECURE_HOST",
        "UV_KEYRING_PROVIDER",
        "UV_LINK_MODE",
        "UV_NATIVE_TLS",
        "UV_NO_CONFIG",
        "UV_OFFLINE",
        "UV_PYTHON_*",
        "UV_SYSTEM_CERTS",
    ],
    more: "docs.astral.sh/uv",
};

/// What makes and removes everything in AWS. 1.11 is the first that keeps secrets out of its state.
pub const TERRAFORM: Tool = Tool {
    name: "terraform",
    title: "Terraform",
    version: "1.11.4",
    releases: "https://releases.hashicorp.com/terraform",
    mirror_variable: "RETAILFLOW_TERRAFORM_RELEASES",
    release: |os, arch| {
        let platform = match (os, arch) {
            ("linux", "x86_64") => "linux_amd64",
            ("linux", "aarch64") => "linux_arm64",
            ("macos", "x86_64") => "darwin_amd64",
            ("macos", "aarch64") => "darwin_arm64",
            _ => return None,
        };
        let of = |suffix: &str| format!("terraform_1.11.4_{suffix}");
        Some(Release { archive: of(&format!("{platform}.zip")), checksums: of("SHA256SUMS") })
    },
    at_least: Some((1, 11)),
    settings: &["AWS_*", "TF_CLI_CONFIG_FILE", "TF_REGISTRY_*", "TF_TOKEN_*"],
    more: "developer.hashicorp.com/terraform/install",
};

/// A tool found on this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The executable.
    pub path: PathBuf,
    /// What it says of itself.
    pub version: String,
}

impl Tool {
    /// The tool to use: the first on the search path that will do, or the one RetailFlow installed.
    pub async fn find(&self) -> Result<Found, Failure> {
        let own = Home::locate()?.root().join("tools");
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let mut refused = None;
        for folder in std::env::split_paths(&paths).chain([own]) {
            let path = folder.join(self.executable());
            if !path.is_file() {
                continue;
            }
            match self.version_of(path).await {
                Ok(found) => return Ok(found),
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        let missing = Failure::environment(format!("{} is not on this computer", self.title))
            .hint(format!("`retailflow doctor --fix` installs version {}, or see {}.", self.version, self.more));
        Err(refused.into_iter().fold(missing, Failure::cause))
    }

    /// Downloads the pinned release, checks it against the checksum published beside it, and puts it into the data
    /// directory. A kill leaves no half of it.
    pub async fn install(&self) -> Result<Found, Failure> {
        let path = install::install(self).await?;
        self.version_of(path)
            .await
            .map_err(|why| Failure::environment(format!("{} was installed and does not run", self.title)).cause(why))
    }

    /// What it sees of our environment.
    pub fn environment(&self) -> Environment {
        Environment::inheriting(&[PLACE, HOMES, NETWORK, self.settings])
    }

    fn executable(&self) -> String {
        format!("{}{}", self.name, std::env::consts::EXE_SUFFIX)
    }

    /// Asks a program for its version; says why it will not do.
    async fn version_of(&self, path: PathBuf) -> Result<Found, String> {
        let mut command = tokio::process::Command::new(&path);
        command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
        command.env_clear().envs(self.environment().with([("CHECKPOINT_DISABLE", "1")]).pairs());
        let shown = path.display();
        let output = match tokio::time::timeout(VERSION_DEADLINE, command.output()).await {
            Ok(Ok(output)) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
            Ok(Ok(output)) => return Err(format!("{shown} does not run ({})", output.status)),
            Ok(Err(error)) => return Err(format!("{shown} does not run: {error}")),
            Err(_) => return Err(format!("{shown} did not say its version within {} s", VERSION_DEADLINE.as_secs())),
        };
        let version = output.lines().next().unwrap_or_default().trim().to_owned();
        match self.at_least {
            Some(least) if numbers(&version).is_none_or(|found| found < least) => {
                Err(format!("{shown} is {version}; {}.{} or newer is needed", least.0, least.1))
            }
            _ => Ok(Found { path, version }),
        }
    }
}

/// The first two numbers of the version in a line such as `Terraform v1.11.4`.
fn numbers(line: &str) -> Option<(u64, u64)> {
    let version =
        line.split_whitespace().find(|word| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()))?;
    let mut parts = version.trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_tools_say() {
        assert_eq!(numbers("Terraform v1.11.4"), Some((1, 11)));
        assert_eq!(numbers("uv 0.13.9 (x86_64)"), Some((0, 13)));
        assert_eq!(numbers("no version at all"), None);
    }

    #[tokio::test]
    async fn a_version_that_is_too_old_will_not_do() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let said = |line: &str| {
            let path = folder.path().join("terraform");
            std::fs::write(&path, format!("#!/bin/sh\necho '{line}'\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            TERRAFORM.version_of(path)
        };
        assert!(said("Terraform v1.5.7").await.unwrap_err().contains("1.11 or newer is needed"));
        assert!(said("Terraform v0.12.0").await.is_err());
        assert_eq!(said("Terraform v1.12.0").await.unwrap().version, "Terraform v1.12.0");
        assert!(said("").await.is_err());
    }
}
