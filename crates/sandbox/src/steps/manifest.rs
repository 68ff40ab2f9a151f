//! The dbt manifest, made once so that Dagster loads the project fast.

use std::path::PathBuf;

use async_trait::async_trait;
use engine::process::{Stop, ToolSpec, run_tool};
use engine::{Outputs, Presence, Step, StepContext};
use protocol::{Failure, ResourceAction, StepId};

use crate::environment;
use crate::site::Site;

/// The step that lets dbt parse its project, so that Dagster loads it fast.
pub(crate) struct Manifest {
    site: Site,
}

impl Manifest {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone() }
    }

    fn file(&self) -> PathBuf {
        self.site.folder.project().join("dbt").join("target").join("manifest.json")
    }
}

#[async_trait]
impl Step for Manifest {
    fn id(&self) -> StepId {
        "manifest".into()
    }

    fn title(&self) -> &'static str {
        "dbt manifest"
    }

    fn describe_apply(&self) -> String {
        "Let dbt parse its project once, so that Dagster starts fast.".into()
    }

    fn describe_destroy(&self) -> String {
        "Nothing of its own: the manifest goes with the projects.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        vec!["python".into(), "projects".into()]
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        let there = self.file().exists();
        Ok(if there { Presence::Present("the project is parsed".to_owned()) } else { Presence::Absent })
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        run_tool(
            context,
            &ToolSpec {
                mark: self.site.tool("manifest"),
                program: self.site.program("python"),
                args: ["-m", "retailflow_pipeline.prepare"].map(Into::into).to_vec(),
                env: environment::of_python(&self.site),
                folder: self.site.folder.project().join("dbt"),
                user: None,
                stop: Stop::TOOL,
            },
        )
        .await?;
        context.resource(ResourceAction::Created, "file", self.file().display().to_string()).await;
        Ok(Outputs::new())
    }

    async fn destroy(&self, _: &StepContext) -> Result<(), Failure> {
        Ok(())
    }
}
