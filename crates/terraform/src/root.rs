//! The commands on one root: a working copy of its files, with its variables and its state.
//!
//! ```text
//! <folder>/   *.tf                     the working copy
//!             terraform.tfvars.json    its variables, never a secret
//!             terraform.tfstate        its state; see [`crate::state`] for `state/`
//!             runs/                    output of the last changes, and the note of the one at work
//! ```
//!
//! A user can go there and run Terraform by hand: it needs no option.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::process::Environment;
use protocol::Failure;
use serde_json::Value;

use crate::changes::{AGAIN, Changes};
use crate::command::Terraform;
use crate::explain::{Cause, Trouble};
use crate::files::{self, unreadable, unwritable, write_durably};
use crate::invocation::Invocation;
use crate::listener::Listener;
use crate::lock::Lock;
use crate::message::Summary;
use crate::providers::{self, Cache};
use crate::record;
use crate::state::State;

/// The variables' file, which Terraform reads by itself.
const VARIABLES: &str = "terraform.tfvars.json";

/// How long a command may take that only reads files.
const READ: Duration = Duration::from_mins(2);

/// How long a plan may take: it asks the cloud for every resource.
const PLAN: Duration = Duration::from_mins(15);

/// How long providers may take to come.
const INIT: Duration = Duration::from_mins(20);

/// How long Terraform waits for a lock before it says who holds it.
const LOCK_TIMEOUT: &str = "-lock-timeout=5s";

/// One root of a stack.
#[derive(Clone)]
pub struct Root {
    name: String,
    pub(crate) terraform: Terraform,
    pub(crate) state: State,
    cache: Option<Cache>,
}

/// What to plan, and the file that keeps the plan.
#[derive(Debug, Clone)]
pub struct Wish {
    file: String,
    flags: Vec<String>,
    outline: bool,
}

impl Wish {
    /// That everything is as the root says.
    pub fn make(file: &str) -> Self {
        Self { file: file.to_owned(), flags: Vec::new(), outline: false }
    }

    /// That nothing is left.
    pub fn remove(file: &str) -> Self {
        Self { file: file.to_owned(), flags: vec!["-destroy".to_owned()], outline: false }
    }

    /// To be told no more than which resources would change and how: to read a plan's attributes takes a command of
    /// its own.
    #[must_use]
    pub fn in_outline(self) -> Self {
        Self { outline: true, ..self }
    }
}

impl fmt::Debug for Root {
    /// The environment is left out: it holds what Terraform signs in with.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root").field("name", &self.name).field("folder", &self.terraform.folder).finish_non_exhaustive()
    }
}

impl Root {
    /// A root whose files lie in `folder`, of the stack with an identity. The environment holds what Terraform needs to sign
    /// in; it is given to no other process.
    pub fn new(name: &str, stack: &str, folder: PathBuf, program: PathBuf, environment: Environment) -> Self {
        let role = format!("terraform:{name}");
        let state = State::new(&folder);
        let terraform = Terraform { program, stack: stack.to_owned(), folder, role, environment, patience: None };
        Self { name: name.to_owned(), terraform, state, cache: None }
    }

    /// Shares installed providers with other roots and stacks, in a folder.
    #[must_use]
    pub fn sharing(mut self, folder: PathBuf) -> Self {
        let cache = Cache::new(folder);
        self.terraform.environment = self.terraform.environment.with([("TF_PLUGIN_CACHE_DIR", cache.providers())]);
        self.cache = Some(cache);
        self
    }

    /// Gives every command that changes nothing this long, instead of what is usual for it.
    #[must_use]
    pub fn patient(mut self, limit: Duration) -> Self {
        self.terraform.patience = Some(limit);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.terraform.folder
    }

    /// Writes the variables. Never a secret: they are on the disk, in the plan and in the state.
    pub fn set_variables(&self, variables: &serde_json::Map<String, Value>) -> Result<(), Failure> {
        let path = self.folder().join(VARIABLES);
        let text = serde_json::to_vec_pretty(variables)
            .map_err(|error| Failure::bug("Terraform's variables could not be encoded").source(&error))?;
        write_durably(&path, &text).map_err(unwritable(&path))
    }

    /// The change that was started and whose end nobody was told, if there is one: an agent that started it was killed.
    /// To be asked, and followed, before anything else is done with the root.
    pub fn at_work(&self) -> Result<Option<Invocation>, Failure> {
        self.terraform.end_unattended()?;
        Invocation::find(&self.terraform)
    }

    /// Installs the providers, unless that was done for the same `files`: a fingerprint of the root's own files.
    pub async fn init(&self, listener: &dyn Listener, files: &str) -> Result<(), Trouble> {
        let data = self.folder().join(".terraform");
        let marker = data.join("initialised-with");
        let current = fs::read_to_string(&marker).is_ok_and(|found| found == files);
        if current && providers::are_there(&data.join("providers")).map_err(unreadable(&data))? {
            return Ok(());
        }
        listener.progress(0, None, "Installing Terraform's provider".to_owned());
        match &self.cache {
            None => self.install(listener).await?,
            Some(cache) => self.install_shared(cache, listener).await?,
        }
        fs::create_dir_all(&data)
            .and_then(|()| write_durably(&marker, files.as_bytes()))
            .map_err(unwritable(&marker))?;
        Ok(())
    }

    async fn install(&self, listener: &dyn Listener) -> Result<(), Trouble> {
        let args = ["init", "-json", "-input=false"].map(str::to_owned);
        self.terraform.talk(&args, INIT, listener).await.map(drop)
    }

    async fn install_shared(&self, cache: &Cache, listener: &dyn Listener) -> Result<(), Trouble> {
        let _alone = cache.alone(listener).await?;
        let lent = cache.lend(self.folder())?;
        let mut installed = self.install(listener).await;
        if lent && installed.is_err() && !listener.stopping().is_cancelled() {
            // It may be that the lent lock file names a version this root does not want.
            Cache::take_back(self.folder())?;
            installed = self.install(listener).await;
        }
        installed?;
        Ok(cache.keep(self.folder())?)
    }

    /// Plans into the wish's file and gives what the plan would do. Nothing is changed, in the cloud or in the state.
    pub async fn plan(&self, listener: &dyn Listener, wish: &Wish) -> Result<Changes, Trouble> {
        self.state.check()?;
        files::remove(&self.folder().join(&wish.file))?;
        listener.progress(0, None, "Asking the cloud how everything is".to_owned());
        let mut args = ["plan", "-json", "-input=false", LOCK_TIMEOUT].map(str::to_owned).to_vec();
        args.push(format!("-out={}", wish.file));
        args.extend(wish.flags.iter().cloned());
        let told = self.terraform.talk(&args, PLAN, listener).await.map_err(|trouble| self.with_holder(trouble))?;
        if wish.outline { Ok(told.outline) } else { self.changes(&wish.file).await }
    }

    /// What a plan file would do.
    pub async fn changes(&self, file: &str) -> Result<Changes, Trouble> {
        Ok(Changes::read(&self.ask(&["show", "-json", "-no-color", file]).await?)?)
    }

    /// Applies a plan file: what it says and nothing else. The state is copied first.
    pub async fn apply(&self, listener: &dyn Listener, file: &str) -> Result<Summary, Trouble> {
        if listener.stopping().is_cancelled() {
            return Err(Failure::cancelled().into());
        }
        let applied = self.start(file).await?.follow(listener).await;
        applied.map_err(|trouble| self.with_holder(trouble))
    }

    /// Starts to apply a plan file, to be followed by whoever wants to.
    pub async fn start(&self, file: &str) -> Result<Invocation, Trouble> {
        self.state.check()?;
        self.state.back_up()?;
        let args = ["apply", "-json", "-input=false", LOCK_TIMEOUT, file].map(str::to_owned);
        Ok(Invocation::start(&self.terraform, &self.name, &args).await?)
    }

    /// Removes everything the state names: as a plan, which is then applied. Gives `None` if there is nothing.
    pub async fn destroy(&self, listener: &dyn Listener) -> Result<Option<Summary>, Trouble> {
        let wish = Wish::remove("destroy.tfplan").in_outline();
        if self.plan(listener, &wish).await?.is_empty() {
            return Ok(None);
        }
        self.apply(listener, &wish.file).await.map(Some)
    }

    /// The root's outputs, by name. A secret has no place among them.
    pub async fn outputs(&self) -> Result<serde_json::Map<String, Value>, Trouble> {
        let json = self.ask(&["output", "-json", "-no-color"]).await?;
        let outputs: serde_json::Map<String, Value> = serde_json::from_slice(&json).map_err(|error| {
            Failure::environment("Terraform's outputs could not be read").source(&error).hint(AGAIN)
        })?;
        Ok(outputs.into_iter().map(|(name, mut output)| (name, output["value"].take())).collect())
    }

    /// Whether the state names everything that is in the cloud, for all that is known here. Not so from the start of a
    /// change until it succeeds: a Terraform that is killed, or an answer that is lost, leaves things it does not name.
    pub fn is_settled(&self) -> bool {
        record::is_settled(&self.runs())
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.folder().join("runs")
    }

    /// Who holds the state.
    pub fn lock(&self) -> Result<Lock, Failure> {
        Lock::look(&self.state.file(), &self.terraform.stack)
    }

    pub(crate) async fn ask(&self, args: &[&str]) -> Result<Vec<u8>, Trouble> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        self.terraform.ask(&args, READ).await
    }

    /// Says of a state that is held who holds it.
    fn with_holder(&self, mut trouble: Trouble) -> Trouble {
        if trouble.cause == Some(Cause::Locked)
            && let Ok(lock) = self.lock()
        {
            // Terraform's own words advise to do without locks.
            trouble.failure.causes = vec![lock.words()];
        }
        trouble
    }
}
