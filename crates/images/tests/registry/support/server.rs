//! Debian's docker-registry, on a free port, with a password as ECR has one.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::tool;

pub(crate) const USER: &str = "AWS";
pub(crate) const PASSWORD: &str = "push-me";

/// The password as the registry wants it: hashed with bcrypt, at the least cost there is.
const HASHED: &str = "$2b$04$abcdefghijklmnopqrstuufNi76hHRSMN3RTVBDXDzPdQgt/0HdIK";

/// A registry of its own, gone when dropped.
pub(crate) struct Server {
    process: Child,
    address: String,
    folder: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        fs::write(folder.path().join("users"), format!("{USER}:{HASHED}\n")).unwrap();
        let config = format!(
            "version: 0.1\nlog: {{accesslog: {{disabled: true}}, level: info, formatter: json}}\n\
             storage: {{filesystem: {{rootdirectory: {at}/data}}, delete: {{enabled: true}}}}\n\
             http: {{addr: '127.0.0.1:0', secret: test}}\n\
             auth: {{htpasswd: {{realm: test, path: {at}/users}}}}\n"
        );
        fs::write(folder.path().join("config.yml"), config).unwrap();
        tool("docker-registry", &["--version"]);
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(folder.path().join("config.yml"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, rest) = line.split_once("listening on 127.0.0.1:")?;
            rest.split('"').next()?.parse::<u16>().ok()
        });
        // Nobody may stop reading: it would wait to be heard.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address: format!("127.0.0.1:{}", port.expect("it says where it listens")), folder }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// An address of skopeo's.
    pub(crate) fn at(&self, image: &str) -> String {
        format!("docker://{}/{image}", self.address)
    }

    /// What skopeo reads of an image: its digest and its layers.
    #[track_caller]
    pub(crate) fn inspect(&self, image: &str) -> serde_json::Value {
        let login = format!("{USER}:{PASSWORD}");
        let printed = tool("skopeo", &["inspect", "--tls-verify=false", "--creds", &login, &self.at(image)]);
        serde_json::from_str(&printed).unwrap()
    }

    /// A manifest as it is stored.
    #[track_caller]
    pub(crate) fn manifest(&self, image: &str) -> String {
        let login = format!("{USER}:{PASSWORD}");
        tool("skopeo", &["inspect", "--raw", "--tls-verify=false", "--creds", &login, &self.at(image)])
    }

    /// Whether a repository of it has a blob, asked of its disk.
    pub(crate) fn has(&self, repository: &str, digest: &str) -> bool {
        let place = "data/docker/registry/v2/repositories";
        let link = format!("{place}/{repository}/_layers/sha256/{}/link", digest.trim_start_matches("sha256:"));
        self.folder.path().join(link).exists()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
