//! The sandbox's services: what each is started with, when it is ready, how it is stopped.

mod dagster;
mod postgres;
mod shop;

use std::sync::Arc;

use target::Service;

pub(crate) use self::dagster::{CodeServer, Daemon, Webserver};
pub(crate) use self::postgres::Postgres;
pub(crate) use self::shop::Shop;
use crate::site::Site;

/// All of them, in the order in which they are shown.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) postgres: Arc<dyn Service>,
    pub(crate) shop: Arc<dyn Service>,
    pub(crate) code_server: Arc<dyn Service>,
    pub(crate) webserver: Arc<dyn Service>,
    pub(crate) daemon: Arc<dyn Service>,
}

impl Services {
    pub(crate) fn new(site: &Site) -> Self {
        Self {
            postgres: Arc::new(Postgres::new(site)),
            shop: Arc::new(Shop::new(site)),
            code_server: Arc::new(CodeServer::new(site)),
            webserver: Arc::new(Webserver::new(site)),
            daemon: Arc::new(Daemon::new(site)),
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<dyn Service>> {
        [&self.postgres, &self.shop, &self.code_server, &self.webserver, &self.daemon].map(Clone::clone).into()
    }
}
