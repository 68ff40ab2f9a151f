//! Places where a step stands still if a test asks it to, so that the test can strike just there.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fmt, fs};

use protocol::StepId;

/// Names the folder in which a test says where. Nothing stands still without it.
const VARIABLE: &str = "RETAILFLOW_HOLDS";

const POLL: Duration = Duration::from_millis(20);

/// A place in the life of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// Its intent is journalled; it has not begun.
    Intent,
    /// In mid-work: where it first says something, or else after its work.
    Work,
    /// Its work is done, and nobody knows.
    End,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Intent => "intent",
            Self::Work => "work",
            Self::End => "end",
        })
    }
}

/// What a test asks for. It writes the step and the point into the file `hold`, which becomes `held` when the step is there; it
/// goes on when that file is gone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holds(Option<PathBuf>);

impl Holds {
    /// What the environment asks for, which for users is nothing.
    pub(crate) fn asked_for() -> Self {
        Self(env::var_os(VARIABLE).map(PathBuf::from))
    }

    /// Stands still here, if that is asked for.
    pub(crate) async fn pass(&self, step: &StepId, point: Point) {
        let Some(folder) = &self.0 else { return };
        let (asked, there) = (folder.join("hold"), folder.join("held"));
        let here = fs::read_to_string(&asked).is_ok_and(|wanted| wanted == format!("{step} {point}"));
        if here && fs::rename(asked, &there).is_ok() {
            while there.exists() {
                tokio::time::sleep(POLL).await;
            }
        }
    }
}
