//! The one place that knows which target is which.

use std::sync::Arc;

use aws::Aws;
use protocol::{StackConfig, TargetConfig};
use sandbox::Sandbox;
use stack::StackFolder;
use target::Target;

/// The target of a stack, as its settings say.
pub(crate) fn target_of(folder: &StackFolder, config: &StackConfig) -> Arc<dyn Target> {
    let folder = folder.clone();
    match &config.target {
        TargetConfig::Sandbox(sandbox) => Arc::new(Sandbox::new(folder, config, sandbox.clone())),
        TargetConfig::Aws(aws) => Arc::new(Aws::new(folder, config, aws.clone())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use protocol::service::Health;
    use protocol::{AwsConfig, Keep, Operation, SandboxConfig, ShopConfig, StepPlan};
    use stack::Home;
    use target::glance;

    use super::*;

    /// Where the page's stand-in for the engine reads what targets are like.
    const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/host/fake/recorded.json");

    /// Set to write the file instead of holding it against the program.
    const WRITE: &str = "RETAILFLOW_RECORD";

    fn plans(target: &dyn Target, operations: &[Operation]) -> BTreeMap<&'static str, Vec<StepPlan>> {
        operations.iter().map(|one| (one.verb(), target.outline(*one).unwrap().describe())).collect()
    }

    /// What the page's tests run against is what the product does.
    #[test]
    fn the_pages_stand_in_knows_the_plans_and_services_that_there_are() {
        let folder = Home::at(Path::new("/data").to_owned()).stack(&"demo".parse().unwrap());
        let target = |target| {
            let (name, shop, keep) = ("demo".parse().unwrap(), ShopConfig::default(), Keep::default());
            target_of(&folder, &StackConfig { name, shop, target, keep })
        };
        let sandbox = target(TargetConfig::Sandbox(SandboxConfig::default()));
        let aws = target(TargetConfig::Aws(AwsConfig { account_id: "123456789012".into(), ..AwsConfig::default() }));
        let mut services = glance(sandbox.services(), &[]);
        for service in &mut services {
            service.health = Health::Healthy;
        }
        let recorded = serde_json::json!({
            "sandbox": {
                "plans": plans(&*sandbox, &[Operation::Up, Operation::Refresh, Operation::Down]),
                "services": services,
            },
            "aws": { "plans": plans(&*aws, &[Operation::Plan, Operation::Up, Operation::Down]) },
        });
        let recorded = format!("{recorded:#}\n");
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(RECORDED, &recorded).unwrap();
        }
        let known = std::fs::read_to_string(RECORDED).unwrap_or_default();
        assert!(known == recorded, "{RECORDED} is not what the targets say. Run this test again with {WRITE}=1.");
    }
}
