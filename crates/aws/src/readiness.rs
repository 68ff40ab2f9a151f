//! Whether the account is ready for the stack, found out before anything is planned.

use std::time::Duration;

use async_trait::async_trait;
use cloud::checks::{self, Wanted};
use engine::{Outputs, Presence, Step, StepContext};
use protocol::service::StackState;
use protocol::{Check, CheckStatus, Failure, Level, Severity, StepId};

use crate::account;
use crate::site::Site;

/// The step's identifier.
pub(crate) const ID: &str = "readiness";

/// The step that looks at permissions, quotas, host types and names.
pub(crate) struct Readiness {
    site: Site,
}

impl Readiness {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone() }
    }
}

#[async_trait]
impl Step for Readiness {
    fn id(&self) -> StepId {
        ID.into()
    }

    fn title(&self) -> &'static str {
        "Account's readiness"
    }

    fn describe_apply(&self) -> String {
        "Look at the region, permissions, quotas, host types, and whether the stack's name is free. Nothing is touched."
            .into()
    }

    fn describe_destroy(&self) -> String {
        "Nothing.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        vec![account::ID.into()]
    }

    fn deadline(&self) -> Duration {
        Duration::from_mins(5)
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        Ok(Presence::Absent)
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        let session = self.site.session().await?;
        let wanted = Wanted {
            stack: Some(self.site.name.as_str()),
            known: self.site.state() != StackState::New,
            hosts: &self.site.config.hosts,
        };
        let found = checks::checks(&session, wanted).await;
        for check in &found {
            tell(check, context).await;
        }
        match refused(found) {
            None => Ok(Outputs::new()),
            Some(failure) => Err(failure),
        }
    }

    async fn destroy(&self, _: &StepContext) -> Result<(), Failure> {
        Ok(())
    }
}

async fn tell(check: &Check, context: &StepContext) {
    let line = format!("{}: {}", check.title, check.detail);
    match check.status {
        CheckStatus::Passed => context.log(Level::Info, line).await,
        CheckStatus::Warning => {
            let failure = Failure::environment(line);
            let hint = check.hint.clone().unwrap_or_default();
            context.diagnostic(Severity::Warning, failure.hint(hint)).await;
        }
        CheckStatus::Failed => context.log(Level::Error, line).await,
    }
}

/// All that failed, as one failure with the remedy of the first.
fn refused(found: Vec<Check>) -> Option<Failure> {
    let mut failed = found.into_iter().filter(|check| check.status == CheckStatus::Failed).peekable();
    let hint = failed.peek()?.hint.clone();
    let failure = Failure::environment("The account is not ready for the stack");
    let failure = failed.fold(failure, |failure, check| failure.cause(format!("{}: {}", check.title, check.detail)));
    Some(match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(title: &str, status: CheckStatus) -> Check {
        let (id, hint) = (title.to_lowercase(), Some(format!("mend {title}")));
        Check { id, title: title.into(), status, detail: "as found".into(), hint, fixable: false }
    }

    #[test]
    fn only_what_failed_stands_in_the_way() {
        assert_eq!(refused(vec![check("Region", CheckStatus::Passed), check("Hosts", CheckStatus::Warning)]), None);
        let failure = refused(vec![
            check("Region", CheckStatus::Passed),
            check("Virtual CPUs", CheckStatus::Failed),
            check("Name", CheckStatus::Failed),
        ])
        .unwrap();
        assert_eq!(failure.causes, ["Virtual CPUs: as found", "Name: as found"]);
        assert_eq!(failure.hint.as_deref(), Some("mend Virtual CPUs"));
    }
}
