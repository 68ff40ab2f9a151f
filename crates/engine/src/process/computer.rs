//! What is asked of a computer about processes.

use protocol::Failure;

use super::service::{ServiceSpec, spawn_detached};
use super::table::{Found, Mark, ProcessTable, Stop};

/// The processes of a computer, as far as stacks are concerned. Another one than [`ThisComputer`] is for tests.
///
/// Each of these blocks, but for the start of a service.
pub trait Processes: Send + Sync {
    /// The processes of the stack with an identity, whatever their role, oldest first.
    fn of_stack(&self, stack: &str) -> Result<Vec<Found>, Failure>;

    /// Starts a service, which goes on when this process ends.
    fn start(&self, spec: &ServiceSpec) -> Result<(), Failure>;

    /// Asks what carries a mark to end, and kills it after its grace. Gives what there was.
    fn stop(&self, mark: &Mark, stop: Stop) -> Result<Vec<Found>, Failure>;

    /// Kills whatever carries a mark.
    fn kill(&self, mark: &Mark) -> Result<(), Failure>;

    /// Those in one role.
    fn in_role(&self, mark: &Mark) -> Result<Vec<Found>, Failure> {
        let mut found = self.of_stack(mark.stack())?;
        found.retain(|found| found.mark == *mark);
        Ok(found)
    }
}

/// The computer that this program runs on.
#[derive(Debug, Clone, Copy)]
pub struct ThisComputer;

impl Processes for ThisComputer {
    fn of_stack(&self, stack: &str) -> Result<Vec<Found>, Failure> {
        Ok(ProcessTable::open()?.of_stack(stack))
    }

    fn start(&self, spec: &ServiceSpec) -> Result<(), Failure> {
        spawn_detached(spec).map(drop)
    }

    fn stop(&self, mark: &Mark, stop: Stop) -> Result<Vec<Found>, Failure> {
        ProcessTable::open()?.stop(mark, stop)
    }

    fn kill(&self, mark: &Mark) -> Result<(), Failure> {
        ProcessTable::open()?.kill(mark)
    }
}
