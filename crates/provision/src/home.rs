//! Where things are on disk.
//!
//! ```text
//! <home>/stacks/<name>/      stack.toml  lock  runs/  logs/
//!                            sandbox: python/  project/  postgres/  warehouse/  dagster/  shop.toml
//!                            aws: terraform/<root>/  images/  review.json
//! <home>/stacks/.removing.…  what is left of stacks whose removal was cut off
//! <home>/removed/            the settings of removed stacks in AWS, to prove from that nothing is left
//! <home>/cache/              what any stack may use again: Terraform's providers, image layers
//! <runtime>/rf-<hash>/       agent.sock  code.sock  pg/       (sockets: their paths must be short)
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use protocol::{Code, Failure, StackConfig, StackName};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::files::{make_folder, remove_folder, runs_as_root, write_atomically};

/// Overrides the data directory; tests and people with several disks use it.
const HOME_VARIABLE: &str = "RETAILFLOW_HOME";

/// The layout of a stack's folder, the first line of `stack.toml`. Raised when an older RetailFlow could no longer make
/// sense of the folder.
const FORMAT: u32 = 1;

/// What every version of `stack.toml` says.
#[derive(Deserialize)]
struct Header {
    format: u32,
}

/// The data directory and what lies in it.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    root: PathBuf,
}

impl Home {
    /// The platform's data directory, or what `RETAILFLOW_HOME` says.
    pub(crate) fn locate() -> Result<Self, Failure> {
        if let Some(root) = std::env::var_os(HOME_VARIABLE).filter(|value| !value.is_empty()) {
            let root = std::path::absolute(PathBuf::from(root))
                .map_err(|error| Failure::environment("The data directory cannot be named").source(&error))?;
            return Ok(Self { root });
        }
        if runs_as_root() {
            // A home folder of root is closed to the unprivileged user PostgreSQL runs as.
            return Ok(Self { root: PathBuf::from("/var/lib/retailflow") });
        }
        directories::ProjectDirs::from("", "", "retailflow")
            .map(|dirs| Self { root: dirs.data_local_dir().to_owned() })
            .ok_or_else(|| {
                Failure::environment("This user has no home directory")
                    .hint(format!("Set {HOME_VARIABLE} to a folder RetailFlow may use."))
            })
    }

    /// The folder of the data directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What any stack may use again: Terraform's providers, the layers of images.
    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// A stack's folder, whether it exists or not.
    pub(crate) fn stack(&self, name: &StackName) -> StackFolder {
        StackFolder::new(self.stacks().join(name.as_str()))
    }

    /// The names of the existing stacks, in order.
    pub(crate) fn names(&self) -> Vec<StackName> {
        let Ok(entries) = fs::read_dir(self.stacks()) else { return Vec::new() };
        let mut names: Vec<StackName> =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        names.retain(|name| self.stack(name).config_file().exists());
        names.sort_unstable();
        names
    }

    fn stacks(&self) -> PathBuf {
        self.root.join("stacks")
    }
}

/// One stack's folder.
#[derive(Debug, Clone)]
pub(crate) struct StackFolder {
    path: PathBuf,
}

impl StackFolder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.path.join("stack.toml")
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.path.join("lock")
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.path.join("runs")
    }

    pub(crate) fn python(&self) -> PathBuf {
        self.path.join("python")
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.path.join("project")
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.path.join("postgres")
    }

    pub(crate) fn warehouse(&self) -> PathBuf {
        self.path.join("warehouse")
    }

    pub(crate) fn dagster(&self) -> PathBuf {
        self.path.join("dagster")
    }

    /// The charts the pipeline publishes.
    pub(crate) fn charts_file(&self) -> PathBuf {
        self.warehouse().join("charts.json")
    }

    /// The live shop's settings, read at every tick.
    pub(crate) fn shop_file(&self) -> PathBuf {
        self.path.join("shop.toml")
    }

    /// The working copies of the Terraform roots, each with its state.
    pub(crate) fn terraform(&self) -> PathBuf {
        self.path.join("terraform")
    }

    /// What is known of the stack's images.
    pub(crate) fn images(&self) -> PathBuf {
        self.path.join("images")
    }

    /// What the latest plan found.
    pub(crate) fn review_file(&self) -> PathBuf {
        self.path.join("review.json")
    }

    /// A service's log.
    pub(crate) fn service_log(&self, service: &str) -> PathBuf {
        self.path.join("logs").join(format!("{service}.log"))
    }

    /// The folder of the stack's sockets. Short, because a socket's path holds about 100 bytes.
    pub(crate) fn runtime(&self) -> PathBuf {
        let hash = Sha256::digest(self.path.as_os_str().as_encoded_bytes());
        runtime_base().join(format!("rf-{}", hex::encode(&hash[..6])))
    }

    pub(crate) fn agent_socket(&self) -> PathBuf {
        self.runtime().join("agent.sock")
    }

    /// The folder of PostgreSQL's socket; whoever may enter it may use the database.
    pub(crate) fn postgres_socket(&self) -> PathBuf {
        self.runtime().join("pg")
    }

    /// Reads `stack.toml`.
    pub(crate) fn config(&self) -> Result<StackConfig, Failure> {
        let path = self.config_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.no_such_stack()),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let header: Header = toml::from_str(&text).map_err(|error| broken(&path, &error))?;
        if header.format > FORMAT {
            return Err(self.too_new(header.format));
        }
        let config: StackConfig = toml::from_str(&text).map_err(|error| broken(&path, &error))?;
        config.validate()?;
        Ok(config)
    }

    /// Removes the folder and all in it; one that is not there is success.
    ///
    /// It loses its name first: from then on there is no such stack, and nobody finds half of one or starts anything in it.
    /// Should this process be killed then, [`Self::sweep`] does the rest.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match fs::rename(&self.path, self.aside(&ulid::Ulid::generate().to_string())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.sweep()
    }

    /// What removals of this stack that were cut off left of it.
    pub(crate) fn left_behind(&self) -> Vec<PathBuf> {
        let entries = self.path.parent().and_then(|stacks| fs::read_dir(stacks).ok());
        let prefix = self.aside("");
        let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        paths
            .filter(|path| path.as_os_str().as_encoded_bytes().starts_with(prefix.as_os_str().as_encoded_bytes()))
            .collect()
    }

    /// Removes that.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        self.left_behind().iter().try_for_each(|folder| remove_folder(folder))
    }

    /// Where the folder lies while it is being removed: beside the others, by a name that is no stack's.
    fn aside(&self, removal: &str) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!(".removing.{name}.{removal}"))
    }

    /// Where the settings of a removed stack are kept, beside the stacks.
    fn remembered(&self) -> Option<PathBuf> {
        let (name, home) = (self.path.file_name()?, self.path.parent()?.parent()?);
        Some(home.join("removed").join(name).with_extension("toml"))
    }

    /// Keeps the settings of a stack that is about to be removed: where it was is where to look for what is left.
    pub(crate) fn remember(&self) -> io::Result<()> {
        let Some(path) = self.remembered() else { return Ok(()) };
        path.parent().map_or(Ok(()), make_folder)?;
        write_atomically(&path, &fs::read(self.config_file())?)
    }

    /// The settings of a stack that was removed, if they were kept.
    pub(crate) fn removed_config(&self) -> Option<StackConfig> {
        toml::from_str(&fs::read_to_string(self.remembered()?).ok()?).ok()
    }

    fn too_new(&self, format: u32) -> Failure {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        Failure::new(protocol::Blame::User, format!("The stack {name} was made by a newer version of RetailFlow"))
            .cause(format!("its folder {} has format {format}; this version knows up to {FORMAT}", self.path.display()))
            .hint("Use that version, or a later one. This one has changed nothing.")
    }

    /// Makes the folder and writes `stack.toml`; fails if a stack of that name exists.
    pub(crate) fn create(&self, config: &StackConfig) -> Result<(), Failure> {
        if self.config_file().exists() {
            return Err(Failure::new(protocol::Blame::User, format!("A stack named {} exists already", config.name))
                .hint("Choose another name, or remove that stack first."));
        }
        let text = toml::to_string(config)
            .map(|settings| format!("format = {FORMAT}\n{settings}"))
            .map_err(|error| Failure::bug("The stack's settings could not be encoded").source(&error))?;
        make_folder(&self.path).and_then(|()| write_atomically(&self.config_file(), text.as_bytes())).map_err(|error| {
            Failure::environment(format!("The stack's folder {} could not be made", self.path.display()))
                .source(&error)
                .hint(format!("Make it writable, or set {HOME_VARIABLE} to a folder RetailFlow may use."))
        })
    }

    pub(crate) fn no_such_stack(&self) -> Failure {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        Failure::new(protocol::Blame::User, format!("There is no stack named {name}"))
            .code(Code::NoSuchStack)
            .hint("`retailflow status` lists the stacks; `retailflow up` makes one.")
    }
}

fn broken(path: &Path, error: &toml::de::Error) -> Failure {
    unreadable(path, error).hint(
        "Mend the file by hand; nothing else of the stack was touched. To give the stack up instead, end its \
         processes and remove its folder.",
    )
}

fn unreadable(path: &Path, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::environment(format!("{} could not be read", path.display())).source(error)
}

fn runtime_base() -> PathBuf {
    let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    // Root's runtime folder is closed to the unprivileged user PostgreSQL runs as.
    own.filter(|path| path.is_dir() && !runs_as_root()).unwrap_or_else(std::env::temp_dir)
}

#[cfg(test)]
mod tests {
    use protocol::{SandboxConfig, TargetConfig};

    use super::*;

    #[test]
    fn a_stack_is_made_once_and_reads_back() {
        let root = tempfile::tempdir().unwrap();
        let home = Home { root: root.path().to_owned() };
        let name: StackName = "demo".parse().unwrap();
        let folder = home.stack(&name);
        assert_eq!(folder.config().unwrap_err().code, Some(Code::NoSuchStack));
        let config = StackConfig {
            name: name.clone(),
            target: TargetConfig::Sandbox(SandboxConfig { seed: 7, ..Default::default() }),
        };
        folder.create(&config).unwrap();
        assert_eq!(folder.config().unwrap(), config);
        assert!(folder.create(&config).unwrap_err().summary.contains("exists already"));
        assert_eq!(home.names(), [name]);
    }

    #[test]
    fn settings_that_cannot_be_trusted_are_not_used() {
        let root = tempfile::tempdir().unwrap();
        let folder = Home { root: root.path().to_owned() }.stack(&"demo".parse().unwrap());
        make_folder(folder.path()).unwrap();
        let reading = |text: &str| {
            fs::write(folder.config_file(), text).unwrap();
            folder.config().unwrap_err()
        };
        let sandbox = "name = \"demo\"\n[target]\nkind = \"sandbox\"\n";
        let newer = reading("format = 99\nname = 5\n[surprise]\n");
        assert!(newer.summary.contains("newer version") && newer.causes[0].contains("99"), "{newer:?}");
        assert!(reading("format = 1\nname = ").causes[0].contains("line 2"));
        assert!(reading(sandbox).causes[0].contains("format"), "a file that lost its first line");
        assert!(reading(&format!("format = 1\n{sandbox}speed = 9\n")).causes[0].contains("speed"));
        assert!(reading(&format!("format = 1\n{sandbox}backfill_days = 99999\n")).summary.contains("99999"));
    }

    #[test]
    fn a_removal_that_was_cut_off_is_finished_later_and_touches_no_other_stack() {
        let root = tempfile::tempdir().unwrap();
        let home = Home { root: root.path().to_owned() };
        let folder = |name: &str| home.stack(&name.parse().unwrap());
        let (demo, other) = (folder("demo"), folder("demo-2"));
        for stack in [&demo, &other] {
            fs::create_dir_all(stack.runs()).unwrap();
        }
        fs::rename(demo.path(), demo.aside("01ABC")).unwrap();
        fs::rename(other.path(), other.aside("01ABC")).unwrap();
        assert_eq!(demo.left_behind(), [demo.aside("01ABC")]);
        assert!(home.names().is_empty());
        fs::create_dir_all(demo.runs()).unwrap();
        demo.sweep().unwrap();
        assert!(demo.left_behind().is_empty() && demo.runs().exists());
        demo.remove().unwrap();
        demo.remove().unwrap();
        assert!(!demo.path().exists());
        assert_eq!(other.left_behind().len(), 1);
    }

    #[test]
    fn socket_paths_stay_short() {
        let folder = StackFolder::new(PathBuf::from(format!("/{}", "long/".repeat(60))));
        let longest = folder.postgres_socket().join(".s.PGSQL.5432");
        let base = runtime_base();
        assert!(longest.as_os_str().len() - base.as_os_str().len() < 40, "{}", longest.display());
    }
}
