//! One stack's folder: what lies where in it, its settings, its making and its removal.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use protocol::{Code, Failure, StackConfig};
use serde::Deserialize;

use crate::files::{create_atomically, make_folder, remove_folder, write_atomically};
use crate::identity::{Found, Identity};
use crate::sockets;

/// The layout of a stack's folder, the first line of `stack.toml`. Raised when an older RetailFlow could no longer make
/// sense of the folder.
const FORMAT: u32 = 2;

/// The first one.
const FIRST_FORMAT: u32 = 1;

/// What every version of `stack.toml` says.
#[derive(Deserialize)]
struct Header {
    format: u32,
}

/// One stack's folder, and whose it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackFolder {
    path: PathBuf,
    found: Found,
}

impl StackFolder {
    /// The folder at a path as it is now, whether it exists or not.
    pub fn new(path: PathBuf) -> Self {
        let found = Identity::find(&path);
        Self { path, found }
    }

    /// The same folder, looked at again.
    #[must_use]
    pub fn now(&self) -> Self {
        Self::new(self.path.clone())
    }

    /// What names the stack's processes. Fails if nobody can say.
    pub fn identity(&self) -> Result<&str, Failure> {
        match &self.found {
            Found::Whole(identity) | Found::OfItsPath(identity) => Ok(&identity.id),
            Found::Unreadable(failure) => Err(failure.clone()),
        }
    }

    /// The same, for a stack whose settings were read: then it is known. Otherwise it names no process.
    pub fn id(&self) -> &str {
        self.identity().unwrap_or_default()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The stack's settings.
    pub fn config_file(&self) -> PathBuf {
        self.path.join("stack.toml")
    }

    /// Held by the stack's agent.
    pub fn lock_file(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The runs, a folder each.
    pub fn runs(&self) -> PathBuf {
        self.path.join("runs")
    }

    /// The Python environment of the data projects.
    pub fn python(&self) -> PathBuf {
        self.path.join("python")
    }

    /// The data projects, to be read and changed by the user.
    pub fn project(&self) -> PathBuf {
        self.path.join("project")
    }

    /// PostgreSQL's cluster.
    pub fn postgres(&self) -> PathBuf {
        self.path.join("postgres")
    }

    /// The DuckDB warehouse, and what is loaded into it with.
    pub fn warehouse(&self) -> PathBuf {
        self.path.join("warehouse")
    }

    /// Dagster's home.
    pub fn dagster(&self) -> PathBuf {
        self.path.join("dagster")
    }

    /// The charts the pipeline publishes.
    pub fn charts_file(&self) -> PathBuf {
        self.warehouse().join("charts.json")
    }

    /// The live shop's settings, read at every tick.
    pub fn shop_file(&self) -> PathBuf {
        self.path.join("shop.toml")
    }

    /// The working copies of the Terraform roots, each with its state.
    pub fn terraform(&self) -> PathBuf {
        self.path.join("terraform")
    }

    /// What is known of the stack's images.
    pub fn images(&self) -> PathBuf {
        self.path.join("images")
    }

    /// What the latest plan found.
    pub fn review_file(&self) -> PathBuf {
        self.path.join("review.json")
    }

    /// A service's log.
    pub fn service_log(&self, service: &str) -> PathBuf {
        self.logs().join(format!("{service}.log"))
    }

    /// The folder of its services' logs.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// The folder of the stack's sockets. Short, because a socket's path holds about 100 bytes.
    pub fn runtime(&self) -> PathBuf {
        match &self.found {
            Found::Whole(identity) | Found::OfItsPath(identity) => identity.sockets.clone(),
            // What has no name does not exist.
            Found::Unreadable(_) => PathBuf::new(),
        }
    }

    /// Whether that folder is there; fails if others than this user could put sockets there.
    pub fn has_runtime(&self) -> Result<bool, Failure> {
        sockets::is_ours(&self.runtime())
    }

    /// Makes that folder unless it is there; fails if others than this user could put sockets there.
    pub fn make_runtime(&self) -> Result<(), Failure> {
        sockets::make(&self.runtime())
    }

    /// Where the agent listens.
    pub fn agent_socket(&self) -> PathBuf {
        self.runtime().join("agent.sock")
    }

    /// The folder of PostgreSQL's socket; whoever may enter it may use the database.
    pub fn postgres_socket(&self) -> PathBuf {
        self.runtime().join("pg")
    }

    /// Reads `stack.toml`.
    pub fn config(&self) -> Result<StackConfig, Failure> {
        let path = self.config_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.no_such_stack()),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        // Without it, nothing of the stack can be found.
        self.identity()?;
        self.read(&path, &text)
    }

    fn read(&self, path: &Path, text: &str) -> Result<StackConfig, Failure> {
        let header: Header = toml::from_str(text).map_err(|error| broken(path, &error))?;
        let config: StackConfig = match header.format {
            FIRST_FORMAT => of_first_format(text).map_err(|error| broken(path, &error))?,
            FORMAT => toml::from_str(text).map_err(|error| broken(path, &error))?,
            newer => return Err(self.too_new(newer)),
        };
        config.validate()?;
        Ok(config)
    }

    /// Makes the stack one of this version, if an older one made it, and sees to the folder of its sockets. For whoever holds the
    /// stack's lock, and then uses what this gives.
    pub fn take_over(&self, config: &StackConfig) -> Result<Self, Failure> {
        self.renew(config)?;
        let identity = match &self.found {
            Found::Whole(identity) => identity.clone(),
            // Its processes carry that name, and go on; its sockets move to where this version would have them.
            Found::OfItsPath(identity) => identity.choosing_anew(),
            Found::Unreadable(failure) => return Err(failure.clone()),
        };
        // What they lay in may be gone with the user's log-in.
        let identity = if sockets::make(&identity.sockets).is_ok() { identity } else { identity.choosing_anew() };
        sockets::make(&identity.sockets)?;
        let identity = identity.in_folder(&self.path);
        identity.keep(&self.path).map_err(|error| {
            Failure::environment(format!("The stack's identity could not be written in {}", self.path.display()))
                .source(&error)
        })?;
        Ok(Self { path: self.path.clone(), found: Found::Whole(identity) })
    }

    /// Writes the settings as this version does: an older one makes no sense of the folder any more.
    fn renew(&self, config: &StackConfig) -> Result<(), Failure> {
        let path = self.config_file();
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        let header: Header = toml::from_str(&text).map_err(|error| broken(&path, &error))?;
        if header.format == FORMAT {
            return Ok(());
        }
        write_atomically(&path, encoded(config)?.as_bytes())
            .map_err(|error| Failure::environment(format!("{} could not be written", path.display())).source(&error))
    }

    /// Removes the folder and all in it; one that is not there is success.
    ///
    /// It loses its name first: from then on there is no such stack, and nobody finds half of one or starts anything in it.
    /// Should this process be killed then, [`Self::sweep`] does the rest.
    pub fn remove(&self) -> io::Result<()> {
        match fs::rename(&self.path, self.aside(&ulid::Ulid::generate().to_string())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.sweep()
    }

    /// What removals of this stack that were cut off left of it.
    pub fn left_behind(&self) -> Vec<PathBuf> {
        let entries = self.path.parent().and_then(|stacks| fs::read_dir(stacks).ok());
        let prefix = self.aside("");
        let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        paths
            .filter(|path| path.as_os_str().as_encoded_bytes().starts_with(prefix.as_os_str().as_encoded_bytes()))
            .collect()
    }

    /// Removes that.
    pub fn sweep(&self) -> io::Result<()> {
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
    pub fn remember(&self) -> io::Result<()> {
        let Some(path) = self.remembered() else { return Ok(()) };
        path.parent().map_or(Ok(()), make_folder)?;
        write_atomically(&path, &fs::read(self.config_file())?)
    }

    /// The settings of a stack that was removed, if they were kept.
    pub fn removed_config(&self) -> Option<StackConfig> {
        let path = self.remembered()?;
        self.read(&path, &fs::read_to_string(&path).ok()?).ok()
    }

    fn too_new(&self, format: u32) -> Failure {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        Failure::new(protocol::Blame::User, format!("The stack {name} was made by a newer version of RetailFlow"))
            .cause(format!("its folder {} has format {format}; this version knows up to {FORMAT}", self.path.display()))
            .hint("Use that version, or a later one. This one has changed nothing.")
    }

    /// Makes the folder with an identity and writes `stack.toml`; fails if a stack of that name exists.
    pub fn create(&self, config: &StackConfig) -> Result<Self, Failure> {
        let text = encoded(config)?;
        let make = || {
            make_folder(&self.path)?;
            let identity = Identity::make(&self.path)?;
            create_atomically(&self.config_file(), text.as_bytes())?;
            identity.keep(&self.path)?;
            Ok(Self { path: self.path.clone(), found: Found::Whole(identity) })
        };
        make().map_err(|error: io::Error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                return Failure::new(protocol::Blame::User, format!("A stack named {} exists already", config.name))
                    .hint("Choose another name, or remove that stack first.");
            }
            Failure::environment(format!("The stack's folder {} could not be made", self.path.display()))
                .source(&error)
                .hint("Make it writable, or set RETAILFLOW_HOME to a folder RetailFlow may use.")
        })
    }

    /// That there is no such stack.
    pub fn no_such_stack(&self) -> Failure {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        Failure::new(protocol::Blame::User, format!("There is no stack named {name}"))
            .code(Code::NoSuchStack)
            .hint("`retailflow status` lists the stacks; `retailflow up` makes one.")
    }
}

fn encoded(config: &StackConfig) -> Result<String, Failure> {
    toml::to_string(config)
        .map(|settings| format!("format = {FORMAT}\n{settings}"))
        .map_err(|error| Failure::bug("The stack's settings could not be encoded").source(&error))
}

/// In the first format, the shop's settings stood among the target's.
fn of_first_format(text: &str) -> Result<StackConfig, toml::de::Error> {
    let mut table: toml::Table = toml::from_str(text)?;
    let mut shop = toml::Table::new();
    if let Some(target) = table.get_mut("target").and_then(toml::Value::as_table_mut) {
        shop.extend(
            ["seed", "backfill_days", "orders_per_minute"].into_iter().filter_map(|key| target.remove_entry(key)),
        );
    }
    table.insert("shop".to_owned(), shop.into());
    table.remove("format");
    table.try_into()
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

#[cfg(test)]
mod tests {
    use protocol::{Keep, SandboxConfig, ShopConfig, StackName, TargetConfig};

    use super::*;
    use crate::home::Home;

    #[test]
    fn a_stack_is_made_once_and_reads_back() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::at(root.path().to_owned());
        let name: StackName = "demo".parse().unwrap();
        let folder = home.stack(&name);
        assert_eq!(folder.config().unwrap_err().code, Some(Code::NoSuchStack));
        let config = StackConfig {
            name: name.clone(),
            shop: ShopConfig { seed: 7, ..ShopConfig::default() },
            target: TargetConfig::Sandbox(SandboxConfig::default()),
            keep: Keep { runs: 9, ..Keep::default() },
        };
        folder.create(&config).unwrap();
        assert_eq!(folder.config().unwrap(), config);
        assert!(folder.create(&config).unwrap_err().summary.contains("exists already"));
        assert_eq!(home.names(), [name]);
    }

    #[test]
    fn settings_that_cannot_be_trusted_are_not_used() {
        let root = tempfile::tempdir().unwrap();
        let folder = Home::at(root.path().to_owned()).stack(&"demo".parse().unwrap());
        make_folder(folder.path()).unwrap();
        let reading = |text: &str| {
            fs::write(folder.config_file(), text).unwrap();
            folder.config().unwrap_err()
        };
        let sandbox = "name = \"demo\"\n[shop]\n[target]\nkind = \"sandbox\"\n";
        let newer = reading("format = 99\nname = 5\n[surprise]\n");
        assert!(newer.summary.contains("newer version") && newer.causes[0].contains("99"), "{newer:?}");
        assert!(reading("format = 2\nname = ").causes[0].contains("line 2"));
        assert!(reading(sandbox).causes[0].contains("format"), "a file that lost its first line");
        assert!(reading(&format!("format = 2\n{sandbox}speed = 9\n")).causes[0].contains("speed"));
        let old = "name = \"demo\"\n[target]\nkind = \"sandbox\"\n";
        assert!(reading(&format!("format = 1\n{old}backfill_days = 99999\n")).summary.contains("99999"));
        assert!(reading(&format!("format = 1\n{old}speed = 9\n")).causes[0].contains("speed"));
    }

    #[test]
    fn a_folder_of_the_first_format_is_read_and_written_anew() {
        let root = tempfile::tempdir().unwrap();
        let folder = Home::at(root.path().to_owned()).stack(&"demo".parse().unwrap());
        make_folder(folder.path()).unwrap();
        let shop = "seed = 7\nbackfill_days = 3\norders_per_minute = 5.5\n";
        let sandbox =
            format!("format = 1\nname = \"demo\"\n\n[target]\nkind = \"sandbox\"\n{shop}refresh_minutes = 9\n");
        fs::write(folder.config_file(), &sandbox).unwrap();
        let config = folder.config().unwrap();
        assert_eq!(config.shop, ShopConfig { seed: 7, backfill_days: 3, orders_per_minute: 5.5 });
        assert_eq!(config.target, TargetConfig::Sandbox(SandboxConfig { refresh_minutes: 9 }));
        assert_eq!(fs::read_to_string(folder.config_file()).unwrap(), sandbox, "to ask is to change nothing");

        folder.renew(&config).unwrap();
        let renewed = fs::read_to_string(folder.config_file()).unwrap();
        assert!(renewed.starts_with("format = 2\n") && renewed.contains("[shop]"), "{renewed}");
        assert_eq!(folder.config().unwrap(), config);
        folder.renew(&config).unwrap();
        assert_eq!(fs::read_to_string(folder.config_file()).unwrap(), renewed);

        let aws = "kind = \"aws\"\naccount_id = \"123456789012\"\nregion = \"eu-west-1\"\ntick_minutes = 5\n";
        fs::write(folder.config_file(), format!("format = 1\nname = \"demo\"\n[target]\n{aws}{shop}")).unwrap();
        let config = folder.config().unwrap();
        assert_eq!(config.shop.seed, 7);
        assert_eq!(config.target.aws().unwrap().tick_minutes, 5);
    }

    #[test]
    fn a_removal_that_was_cut_off_is_finished_later_and_touches_no_other_stack() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::at(root.path().to_owned());
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
}
