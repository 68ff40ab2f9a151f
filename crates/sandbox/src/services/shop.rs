//! The shop: a process that writes a tick every two seconds.

use async_trait::async_trait;
use engine::process::{Environment, HOMES, Mark, PLACE, ServiceSpec};
use protocol::Failure;
use stack::role::{self, Role};
use target::Service;

use crate::site::Site;

/// The open shop.
pub(crate) struct Shop {
    site: Site,
}

impl Shop {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone() }
    }
}

#[async_trait]
impl Service for Shop {
    fn name(&self) -> &'static str {
        Role::Shop.name()
    }

    fn title(&self) -> &'static str {
        "Shop"
    }

    fn mark(&self) -> Mark {
        self.site.service(self.name())
    }

    /// This executable, in that role.
    fn spec(&self) -> Result<ServiceSpec, Failure> {
        let folder = &self.site.folder;
        Ok(ServiceSpec {
            mark: self.mark(),
            program: role::executable()?,
            args: Role::Shop.arguments(folder.path()),
            env: Environment::inheriting(&[PLACE, HOMES]),
            folder: folder.path().to_owned(),
            log: folder.service_log(self.name()),
            user: None,
        })
    }
}
