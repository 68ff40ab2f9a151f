//! Proof that a removed stack left nothing: looked at from outside, after its agent ended. What is looked for is the stack's
//! identity, however the stack was reached.

use std::path::Path;
use std::time::{Duration, Instant};

use engine::process::{Mark, ProcessTable};
use protocol::snapshot::{Proof, ProofItem};
use protocol::{Failure, StackName};
use stack::role::Role;
use stack::{StackFolder, files};

/// How long the agent may take to remove the last files and end.
const LAST_ACT: Duration = Duration::from_mins(1);

/// Looks for whatever is left of a stack, giving its agent the time for its last act.
pub(super) fn look_until_gone(stack: &StackName, folder: &StackFolder) -> Result<Proof, Failure> {
    let deadline = Instant::now() + LAST_ACT;
    loop {
        // Asked first: whatever it did before it ended is then seen.
        let at_work = agent_lives(folder)?;
        if !at_work {
            finish_removal(folder)?;
        }
        let proof = look(stack, folder)?;
        if proof.holds() || !at_work || Instant::now() > deadline {
            return Ok(proof);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Removes what a removal that was cut off has left, or one by hand. A stack that is there is left alone.
fn finish_removal(folder: &StackFolder) -> Result<(), Failure> {
    folder.sweep().map_err(|error| unremovable(&error))?;
    if folder.path().exists() {
        return Ok(());
    }
    // What they worked with is gone.
    let mut table = ProcessTable::open()?;
    table.of_stack(folder.identity()?).iter().try_for_each(|orphan| table.kill(&orphan.mark))?;
    files::remove_folder(&folder.runtime()).map_err(|error| unremovable(&error))
}

fn unremovable(error: &std::io::Error) -> Failure {
    Failure::environment("What an earlier removal left could not be removed")
        .source(error)
        .hint("Run `retailflow down` again.")
}

fn agent_lives(folder: &StackFolder) -> Result<bool, Failure> {
    let mark = Mark::new(folder.identity()?, Role::Agent.name());
    Ok(!ProcessTable::open()?.in_role(&mark).is_empty())
}

fn look(stack: &StackName, folder: &StackFolder) -> Result<Proof, Failure> {
    let mut table = ProcessTable::open()?;
    let processes = table.of_stack(folder.identity()?);
    let described: Vec<String> =
        processes.iter().map(|found| format!("{} (process {})", found.mark.role(), found.pid)).collect();
    let items = vec![
        ProofItem {
            what: "Processes".to_owned(),
            gone: processes.is_empty(),
            detail: if described.is_empty() {
                format!("no process carries the mark of {stack}, and with them every port is closed")
            } else {
                format!("still running: {}", described.join(", "))
            },
        },
        path("Folder", &folder.left_behind().into_iter().next().unwrap_or_else(|| folder.path().to_owned())),
        path("Sockets", &folder.runtime()),
    ];
    Ok(Proof { stack: stack.clone(), items })
}

fn path(what: &str, path: &Path) -> ProofItem {
    // `symlink_metadata`: a dangling link is still something left behind.
    let gone = std::fs::symlink_metadata(path).is_err();
    let verb = if gone { "does not exist" } else { "still exists" };
    ProofItem { what: what.to_owned(), gone, detail: format!("{} {verb}", path.display()) }
}
