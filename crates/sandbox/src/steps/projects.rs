//! The data projects in the stack's folder.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use engine::{Outputs, Presence, Step, StepContext, blocking};
use kit::resources;
use protocol::{Failure, ResourceAction, StepId};
use stack::files;

use crate::site::Site;

/// Names the version of the projects that lie in a folder; written last, so that it tells of a whole copy.
const FINGERPRINT: &str = ".fingerprint";

/// The step that lays out the dbt and Dagster projects.
pub(crate) struct Projects {
    site: Site,
}

impl Projects {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone() }
    }
}

#[async_trait]
impl Step for Projects {
    fn id(&self) -> StepId {
        "projects".into()
    }

    fn title(&self) -> &'static str {
        "Data projects"
    }

    fn describe_apply(&self) -> String {
        "Copy the dbt and Dagster projects into the stack's folder, where you can read and change them.".into()
    }

    fn describe_destroy(&self) -> String {
        "Delete the stack's copy of the dbt and Dagster projects.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        Vec::new()
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        let found = std::fs::read_to_string(self.site.folder.project().join(FINGERPRINT));
        Ok(match found {
            Ok(found) if found == resources::fingerprint() => Presence::Present("they are there".to_owned()),
            Ok(_) => Presence::Drifted("they are of another version of RetailFlow".to_owned()),
            Err(_) => Presence::Absent,
        })
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        let project = self.site.folder.project();
        let draft = project.with_extension("draft");
        let write = || {
            files::remove_folder(&draft)?;
            resources::extract(&draft)?;
            std::fs::write(draft.join(FINGERPRINT), resources::fingerprint())?;
            files::remove_folder(&project)?;
            std::fs::rename(&draft, &project)
        };
        write().map_err(|error| {
            Failure::environment(format!("The projects could not be copied to {}", project.display())).source(&error)
        })?;
        context.resource(ResourceAction::Created, "folder", project.display().to_string()).await;
        Ok(Outputs::from([("folder".to_owned(), project.display().to_string())]))
    }

    async fn destroy(&self, context: &StepContext) -> Result<(), Failure> {
        let project = self.site.folder.project();
        remove(context, &project.with_extension("draft")).await?;
        remove(context, &project).await
    }

    fn deadline(&self) -> Duration {
        Duration::from_mins(1)
    }
}

/// Removes a folder and records it; one that is not there is success.
pub(crate) async fn remove(context: &StepContext, folder: &Path) -> Result<(), Failure> {
    if !folder.exists() {
        return Ok(());
    }
    let target = folder.to_owned();
    blocking(move || {
        files::remove_folder(&target).map_err(|error| {
            Failure::environment(format!("{} could not be removed", target.display()))
                .source(&error)
                .hint("Close whatever uses it, then run `retailflow down` again.")
        })
    })
    .await?;
    context.resource(ResourceAction::Removed, "folder", folder.display().to_string()).await;
    Ok(())
}
