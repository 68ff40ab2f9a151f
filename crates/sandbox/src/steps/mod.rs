//! The steps of a sandbox's plans.

pub(crate) mod dagster;
pub(crate) mod history;
pub(crate) mod manifest;
pub(crate) mod postgres;
pub(crate) mod projects;
pub(crate) mod python;
pub(crate) mod refresh;
pub(crate) mod shop;
