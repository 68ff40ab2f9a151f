//! The Python environment of the data projects.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use engine::process::{Stop, ToolSpec, run_tool};
use engine::{Outputs, Presence, Step, StepContext, blocking};
use kit::{resources, tools};
use protocol::{Failure, ResourceAction, StepId};
use stack::files;

use crate::site::Site;
use crate::steps::projects;

/// Names the requirements an environment was made from; written last, so that it tells of a whole environment.
const FINGERPRINT: &str = ".requirements";

/// What keeps a full disk from leaving half a module behind.
const WHOLE_BYTECODE: &[u8] = include_bytes!("whole_bytecode.py");

/// The Python versions the requirements are locked for.
const PYTHON: &str = ">=3.11,<3.14";

/// The step that makes the Python environment.
pub(crate) struct Python {
    site: Site,
}

impl Python {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone() }
    }

    /// Removes what is there: half an environment of a killed run is not worth mending, uv's cache makes a new one cheap. uv's
    /// own `--clear` removes only what it takes for an environment, which what it was killed at may not be yet.
    async fn clear(&self) -> Result<(), Failure> {
        let python = self.site.folder.python();
        blocking(move || {
            // First what tells of a whole one.
            let cleared = match std::fs::remove_file(python.join(FINGERPRINT)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => files::remove_folder(&python),
            };
            cleared.map_err(|error| {
                Failure::environment(format!("{} could not be removed", python.display()))
                    .source(&error)
                    .hint("Close whatever uses it, then run `retailflow up` again.")
            })
        })
        .await
    }

    async fn uv(&self, context: &StepContext, role: &str, args: Vec<OsString>) -> Result<(), Failure> {
        run_tool(
            context,
            &ToolSpec {
                mark: self.site.tool(role),
                program: tools::UV.find().await?.path,
                args,
                env: tools::UV.environment(),
                folder: self.site.folder.path().to_owned(),
                user: None,
                stop: Stop::TOOL,
            },
        )
        .await
    }
}

#[async_trait]
impl Step for Python {
    fn id(&self) -> StepId {
        "python".into()
    }

    fn title(&self) -> &'static str {
        "Python environment"
    }

    fn describe_apply(&self) -> String {
        "Install dlt, dbt, Dagster, DuckDB and PostgreSQL's programs into the stack's folder with uv (about 850 MB, \
         every package checked against its locked hash)."
            .into()
    }

    fn describe_destroy(&self) -> String {
        "Delete the stack's Python environment. uv keeps its own download cache.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        Vec::new()
    }

    fn deadline(&self) -> Duration {
        Duration::from_mins(20)
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        let found = std::fs::read_to_string(self.site.folder.python().join(FINGERPRINT));
        Ok(match found {
            Ok(found) if found == wanted() => Presence::Present("every package is installed".to_owned()),
            Ok(_) => Presence::Drifted("its packages are of another version of RetailFlow".to_owned()),
            Err(_) => Presence::Absent,
        })
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        let python = self.site.folder.python();
        let requirements = self.site.folder.path().join("requirements.txt");
        files::write_atomically(&requirements, resources::requirements()).map_err(|error| {
            Failure::environment(format!("{} could not be written", requirements.display())).source(&error)
        })?;
        context.progress(0, None, "", "Making the environment");
        self.clear().await?;
        let venv = ["venv", "--no-project", "--python", PYTHON];
        self.uv(context, "venv", arguments(&venv, [python.clone().into()])).await?;
        context.progress(0, None, "", "Downloading and installing packages");
        let install = ["pip", "install", "--require-hashes", "--no-deps", "--requirements"];
        let into = [requirements.clone().into(), "--python".into(), python.clone().into()];
        self.uv(context, "install", arguments(&install, into)).await?;
        let finish = || {
            keep_bytecode_whole(&python)?;
            std::fs::write(python.join(FINGERPRINT), wanted())?;
            std::fs::remove_file(&requirements)
        };
        finish().map_err(|error| {
            Failure::environment(format!("{} could not be written", python.display())).source(&error)
        })?;
        context.resource(ResourceAction::Created, "folder", python.display().to_string()).await;
        Ok(Outputs::new())
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        let _ = std::fs::remove_file(self.site.folder.path().join("requirements.txt"));
        projects::remove(context, &self.site.folder.python()).await
    }
}

fn wanted() -> String {
    resources::fingerprint_of(&[resources::requirements(), WHOLE_BYTECODE].concat())
}

/// Lets every Python of the environment import our writer of bytecode first.
fn keep_bytecode_whole(python: &Path) -> io::Result<()> {
    let libraries = std::fs::read_dir(python.join("lib"))?.flatten().map(|entry| entry.path().join("site-packages"));
    for packages in libraries.filter(|path| path.is_dir()) {
        std::fs::write(packages.join("retailflow_bytecode.py"), WHOLE_BYTECODE)?;
        std::fs::write(packages.join("retailflow_bytecode.pth"), "import retailflow_bytecode\n")?;
    }
    Ok(())
}

fn arguments(words: &[&str], more: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    words.iter().map(Into::into).chain(more).collect()
}
