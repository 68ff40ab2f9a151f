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
        TargetConfig::Sandbox(sandbox) => Arc::new(Sandbox::new(folder, sandbox.clone())),
        TargetConfig::Aws(aws) => Arc::new(Aws::new(folder, config.name.clone(), aws.clone())),
    }
}
