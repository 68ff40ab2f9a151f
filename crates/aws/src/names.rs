//! What the parts of a stack in AWS are called.

use protocol::StepId;

/// The roots, in the order in which they are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RootName {
    Registry,
    Foundation,
    Services,
}

impl RootName {
    pub(crate) const ALL: [Self; 3] = [Self::Registry, Self::Foundation, Self::Services];

    /// Its identifier.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Foundation => "foundation",
            Self::Services => "services",
        }
    }

    /// Its name for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Registry => "Image registry",
            Self::Foundation => "Network and hosts",
            Self::Services => "Services",
        }
    }

    /// What it makes.
    pub(crate) fn makes(self) -> &'static str {
        match self {
            Self::Registry => "repositories for the stack's images",
            Self::Foundation => "the network, the hosts, the ECS cluster, secrets and log groups",
            Self::Services => {
                "PostgreSQL, Dagster and Metabase on their hosts, the shop's function and its schedule, alarms"
            }
        }
    }
}

/// The images, and the names of their repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImageName {
    Postgres,
    Metabase,
    Dagster,
}

impl ImageName {
    pub(crate) const ALL: [Self; 3] = [Self::Dagster, Self::Metabase, Self::Postgres];

    /// Its repository.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Metabase => "metabase",
            Self::Dagster => "dagster",
        }
    }

    /// The step that sees to it.
    pub(crate) fn step(self) -> StepId {
        format!("image-{}", self.name()).as_str().into()
    }
}
