//! The desk: every command a shell can give, whether a stack's agent answers it or the shell's own process.

mod checks;
mod proof;
mod readers;
mod rest;
mod save;

use std::sync::Arc;

use engine::process::ProcessTable;
use engine::{blocking, journal};
use logs::RunLog;
use protocol::aws::{AwsIdentity, AwsKey, AwsProfile};
use protocol::command::{
    AgentRequest, CheckRequest, Desk, OpenRequest, RateRequest, SaveLogRequest, StackLogRequest, StackOperation,
    StartRequest, Update,
};
use protocol::logs::{LogSource, LogWindow};
use protocol::service::StackState;
use protocol::shop::Invocation;
use protocol::snapshot::{PipelineRun, Proof, RunSummary, Snapshot, StackList, StackSummary, UnreadableStack};
use protocol::{
    AwsPlace, Blame, Charts, Check, Cost, Failure, Operation, Review, RunId, StackConfig, StackName, StepPlan,
};
use stack::client::AgentClient;
use stack::{Home, StackFolder, role};
use target::{Target, glance};
use tokio::sync::mpsc;

use crate::targets::target_of;
use readers::Readers;

/// Updates that may wait for a slow reader before no more are taken from whoever tells them.
const UPDATE_BACKLOG: usize = 64;

/// The desk of one process.
#[derive(Clone)]
pub struct LocalDesk {
    home: Home,
    readers: Readers,
}

impl LocalDesk {
    /// Finds the data directory. Nothing is made or started.
    pub fn open() -> Result<Self, Failure> {
        Ok(Self { home: Home::locate()?, readers: Readers::default() })
    }

    /// Watches a stack: its snapshot, then batches of events about every 50 ms, then [`Update::Ended`]. Starts nothing: while no
    /// agent looks after the stack, this process looks for itself.
    pub async fn watch(&self, stack: StackName) -> Result<mpsc::Receiver<Update>, Failure> {
        let folder = self.existing(&stack)?;
        let (sender, receiver) = mpsc::channel(UPDATE_BACKLOG);
        match AgentClient::new(folder.clone()).attach_if_there().await? {
            Some(attached) => drop(tokio::spawn(async move { attached.pass_on(&sender).await })),
            None => Box::pin(rest::watch(folder, sender)).await?,
        }
        Ok(receiver)
    }

    /// Watches a stack that is about to be worked on, by its agent, which is started if need be.
    pub async fn attach(&self, stack: StackName) -> Result<mpsc::Receiver<Update>, Failure> {
        let attached = self.agent(&stack)?.attach().await?;
        let (sender, receiver) = mpsc::channel(UPDATE_BACKLOG);
        tokio::spawn(async move { attached.pass_on(&sender).await });
        Ok(receiver)
    }

    /// The file of a stack's log, for shells that follow it themselves.
    pub fn log_file(&self, stack: &StackName, source: &str) -> Result<std::path::PathBuf, Failure> {
        let folder = self.existing(stack)?;
        log_path(&folder, source)
    }

    fn existing(&self, stack: &StackName) -> Result<StackFolder, Failure> {
        let folder = self.home.stack(stack);
        // An agent would stop at settings it cannot read, where nobody hears it say why.
        folder.config().map(|_| folder)
    }

    fn agent(&self, stack: &StackName) -> Result<AgentClient, Failure> {
        self.existing(stack).map(AgentClient::new)
    }

    /// What runs where, for a stack that has no agent to ask.
    fn target(&self, stack: &StackName) -> Result<Arc<dyn Target>, Failure> {
        let folder = self.existing(stack)?;
        let config = folder.config()?;
        Ok(target_of(&folder, &config))
    }
}

impl Desk for LocalDesk {
    async fn list_stacks(&self, (): ()) -> Result<StackList, Failure> {
        let home = self.home.clone();
        blocking(move || {
            let mut table = ProcessTable::open()?;
            let mut list = StackList::default();
            for name in home.names() {
                match summary(&home.stack(&name), &mut table) {
                    Ok(summary) => list.stacks.push(summary),
                    Err(failure) => list.unreadable.push(UnreadableStack { name, failure }),
                }
            }
            Ok(list)
        })
        .await
    }

    async fn create_stack(&self, config: StackConfig) -> Result<StackSummary, Failure> {
        config.validate()?;
        let folder = self.home.stack(&config.name);
        blocking(move || {
            let mut table = ProcessTable::open()?;
            refuse_orphans(&folder, &mut table)?;
            summary(&folder.create(&config)?, &mut table)
        })
        .await
    }

    async fn check(&self, request: CheckRequest) -> Result<Vec<Check>, Failure> {
        Ok(match request {
            CheckRequest::Sandbox => checks::of_sandbox(&self.home).await,
            CheckRequest::Aws(place) => checks::of_aws(&self.home, &place).await,
        })
    }

    async fn fix_check(&self, id: String) -> Result<Check, Failure> {
        checks::fix(&id).await
    }

    async fn aws_profiles(&self, (): ()) -> Result<Vec<AwsProfile>, Failure> {
        blocking(|| Ok(cloud::profiles())).await
    }

    async fn aws_identity(&self, place: AwsPlace) -> Result<AwsIdentity, Failure> {
        aws::session::open(&place).await?.identity().await
    }

    async fn keep_key(&self, key: AwsKey) -> Result<(), Failure> {
        aws::session::keep(key).await
    }

    async fn price(&self, config: StackConfig) -> Result<Cost, Failure> {
        config.validate()?;
        target_of(&self.home.stack(&config.name), &config)
            .cost()
            .ok_or_else(|| Failure::new(Blame::User, "A sandbox costs nothing"))
    }

    async fn review(&self, stack: StackName) -> Result<Option<Review>, Failure> {
        let target = self.target(&stack)?;
        blocking(move || target.review()).await
    }

    async fn plan(&self, request: StackOperation) -> Result<Vec<StepPlan>, Failure> {
        Ok(self.target(&request.stack)?.outline(request.operation)?.describe())
    }

    async fn start(&self, request: StartRequest) -> Result<RunId, Failure> {
        self.agent(&request.stack)?.start(request.run).await
    }

    async fn cancel(&self, stack: StackName) -> Result<(), Failure> {
        // Without an agent nothing is under way.
        self.agent(&stack)?.ask(&AgentRequest::Cancel(())).await.map(Option::unwrap_or_default)
    }

    async fn snapshot(&self, stack: StackName) -> Result<Snapshot, Failure> {
        let folder = self.existing(&stack)?;
        match AgentClient::new(folder.clone()).ask(&AgentRequest::Snapshot(())).await? {
            Some(snapshot) => Ok(snapshot),
            None => rest::snapshot(folder).await,
        }
    }

    async fn history(&self, stack: StackName) -> Result<Vec<RunSummary>, Failure> {
        let runs = self.existing(&stack)?.runs();
        blocking(move || journal::summaries(&runs, usize::MAX)).await
    }

    async fn pipeline_runs(&self, stack: StackName) -> Result<Vec<PipelineRun>, Failure> {
        match self.agent(&stack)?.ask(&AgentRequest::PipelineRuns(())).await? {
            Some(runs) => Ok(runs),
            None => self.target(&stack)?.pipeline_runs().await,
        }
    }

    async fn invocations(&self, stack: StackName) -> Result<Vec<Invocation>, Failure> {
        match self.agent(&stack)?.ask(&AgentRequest::Invocations(())).await? {
            Some(invocations) => Ok(invocations),
            None => self.target(&stack)?.invocations().await,
        }
    }

    async fn charts(&self, stack: StackName) -> Result<Option<Charts>, Failure> {
        let path = self.existing(&stack)?.charts_file();
        match tokio::fs::read(&path).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&path, &error)),
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(&path, &error)),
        }
    }

    async fn set_rate(&self, request: RateRequest) -> Result<(), Failure> {
        let RateRequest { stack, orders_per_minute } = request;
        match self.agent(&stack)?.ask(&AgentRequest::SetRate(orders_per_minute)).await? {
            Some(()) => Ok(()),
            None => self.target(&stack)?.set_rate(orders_per_minute),
        }
    }

    async fn log_sources(&self, stack: StackName) -> Result<Vec<LogSource>, Failure> {
        let folder = self.existing(&stack)?;
        let runs = journal::all_runs(&folder.runs())?.into_iter().map(|run| format!("run/{run}"));
        let target = self.target(&stack)?;
        let services = target.services().iter().map(|service| service.name()).chain([role::AGENT]);
        let services = services.filter(|name| folder.service_log(name).exists()).map(|name| format!("service/{name}"));
        Ok(runs.chain(services).collect())
    }

    async fn log_window(&self, request: StackLogRequest) -> Result<LogWindow, Failure> {
        let path = log_path(&self.existing(&request.stack)?, &request.window.source)?;
        let readers = self.readers.clone();
        blocking(move || readers.window(path, request.window)).await
    }

    async fn save_log(&self, request: SaveLogRequest) -> Result<String, Failure> {
        let SaveLogRequest { stack, source, filter } = request;
        let log = log_path(&self.existing(&stack)?, &source)?;
        blocking(move || save::save(&stack, &source, &log, filter).map(|path| path.display().to_string())).await
    }

    async fn open(&self, request: OpenRequest) -> Result<(), Failure> {
        let snapshot = self.snapshot(request.stack).await?;
        let link = snapshot.links.into_iter().find(|link| link.id == request.link).ok_or_else(|| {
            Failure::environment(format!("{} is not running", request.link))
                .hint("`retailflow up` starts whatever is missing.")
        })?;
        let url = page_below(&link.url, &request.path)?;
        blocking(move || {
            open::that_detached(&url).map_err(|error| {
                Failure::environment("No browser could be opened").source(&error).hint(format!("Open {url} yourself."))
            })
        })
        .await
    }

    async fn proof(&self, stack: StackName) -> Result<Proof, Failure> {
        let folder = self.home.stack(&stack);
        let (name, place) = (stack.clone(), folder.clone());
        let mut proof = blocking(move || proof::look_until_gone(&name, &place)).await?;
        if let Some(config) = folder.removed_config() {
            proof.items.extend(target_of(&folder, &config).prove().await?);
        }
        Ok(proof)
    }
}

/// Refuses to make a stack in the place of one that was removed by hand while it ran.
fn refuse_orphans(folder: &StackFolder, table: &mut ProcessTable) -> Result<(), Failure> {
    let orphans = if folder.path().exists() { Vec::new() } else { table.of_stack(folder.identity()?) };
    let Some(first) = orphans.first() else { return Ok(()) };
    Err(Failure::new(Blame::User, "Processes of an earlier stack of that name still run")
        .cause(format!("its folder is gone, and {} processes of it are not, {} among them", orphans.len(), first.pid))
        .hint("`retailflow down` ends them; then run the command again."))
}

/// A page below a link; a path cannot lead elsewhere.
fn page_below(link: &str, path: &str) -> Result<String, Failure> {
    let harmless = path.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.%?=&".contains(c)) && !path.contains("..");
    if path.is_empty() {
        return Ok(link.to_owned());
    }
    if harmless && !path.starts_with('/') {
        return Ok(format!("{link}/{path}"));
    }
    Err(Failure::new(Blame::User, format!("\u{201c}{path}\u{201d} is not a page of {link}")))
}

fn log_path(folder: &StackFolder, source: &str) -> Result<std::path::PathBuf, Failure> {
    let safe = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    match source.split_once('/') {
        Some(("run", run)) if safe(run) => Ok(folder.runs().join(run).join(RunLog::FILE)),
        Some(("service", service)) if safe(service) => Ok(folder.service_log(service)),
        _ => Err(Failure::new(Blame::User, format!("There is no log named \u{201c}{source}\u{201d}"))),
    }
}

/// A stack in the list. Its services are not asked how they are: the processes of this computer and the journal tell enough.
fn summary(folder: &StackFolder, table: &mut ProcessTable) -> Result<StackSummary, Failure> {
    let config = folder.config()?;
    let target = target_of(folder, &config);
    let processes = table.of_stack(folder.id());
    let latest = journal::peek_latest(&folder.runs())?;
    let last_run = journal::summaries(&folder.runs(), 1)?.into_iter().next();
    let agent = processes.iter().any(|found| found.mark.role() == role::AGENT);
    let busy = latest.as_ref().is_some_and(|run| agent && !run.is_finished() && run.operation != Operation::Plan);
    let state =
        if busy { StackState::Busy } else { target.state(latest.as_ref(), &glance(target.services(), &processes)) };
    Ok(StackSummary { config, state, last_run, folder: folder.path().display().to_string() })
}

fn unreadable(path: &std::path::Path, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::environment(format!("{} could not be read", path.display())).source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_nowhere_else() {
        let link = "http://127.0.0.1:3000";
        assert_eq!(page_below(link, "").unwrap(), link);
        assert_eq!(page_below(link, "runs/4f-2?x=1").unwrap(), "http://127.0.0.1:3000/runs/4f-2?x=1");
        for bad in ["@evil.example", "/evil.example", "a/../x", "a b", "a:b", "\u{201c}"] {
            assert!(page_below(link, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_log_is_named_not_pathed() {
        let folder = StackFolder::new("/data/stacks/demo".into());
        assert!(log_path(&folder, "run/01ABC").is_ok());
        assert!(log_path(&folder, "service/dagster-code").is_ok());
        for bad in ["run/../../x", "service/", "/etc/passwd", "service/a/b", "x"] {
            assert!(log_path(&folder, bad).is_err(), "{bad}");
        }
    }
}
