//! Running a tool to its end: its output is the step's log, and it goes when the step goes.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use memchr::memchr2;
use process_wrap::tokio::{ChildWrapper, CommandWrap};
use protocol::{Failure, Level};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::mpsc;

use super::environment::Environment;
use super::service::{command, kill_on_drop, own_session, run_as};
use super::table::{Found, Mark, ProcessTable, Stop};
use crate::step::StepContext;

/// Lines of a failed tool's output that its failure quotes.
const QUOTED: usize = 8;

/// How long what a tool that was stopped said last may take to be heard. Whoever holds its pipe open beyond its end is not waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Bytes of a line that are kept together.
const LONGEST_LINE: usize = 64 << 10;

/// How to run a tool.
#[derive(Debug, Clone)]
pub struct ToolSpec {
    /// Whose it is. Should it survive a kill of ours, it is found by this and ended before the step is tried again.
    pub mark: Mark,
    /// The executable.
    pub program: PathBuf,
    /// Its arguments; never a secret, every user can read them.
    pub args: Vec<OsString>,
    /// Its environment, to which its mark is added.
    pub env: Environment,
    /// Where it starts.
    pub folder: PathBuf,
    /// The user id it runs as, if not ours. Only root can ask for it.
    pub user: Option<u32>,
    /// How it is stopped when its step is given up.
    pub stop: Stop,
}

/// Runs a tool, its output going to the step's log line by line. When its step is given up, it is stopped in its own way, with all
/// it started; dropping the future kills it.
pub async fn run_tool(context: &StepContext, spec: &ToolSpec) -> Result<(), Failure> {
    if context.given_up().is_cancelled() {
        return Err(Failure::cancelled());
    }
    let _at_work = context.tool_at_work();
    let name = spec.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut command = command(&spec.program, &spec.mark, &spec.env);
    command.args(&spec.args).current_dir(&spec.folder).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    run_as(&mut command, spec.user);
    let mut wrapped = CommandWrap::from(command);
    own_session(&mut wrapped);
    kill_on_drop(&mut wrapped);
    let mut child = wrapped.spawn().map_err(|error| {
        Failure::environment(format!("{name} could not be started"))
            .cause(format!("{}: {error}", spec.program.display()))
    })?;
    let (stdout, stderr) = (child.stdout().take(), child.stderr().take());
    let mut at_work = AtWork { child, mark: spec.mark.clone(), ended: false };
    let mut draining = pin!(drain(context, stdout, stderr));
    let tail = tokio::select! {
        tail = &mut draining => tail,
        () = context.given_up().cancelled() => {
            let mut stopping = tokio::task::spawn_blocking(stopping(spec));
            // It is listened to until the end: one whose pipe is full could not come to it.
            let stopped = tokio::select! {
                biased;
                _ = &mut draining => stopping.await,
                stopped = &mut stopping => {
                    // What it said last may still be on its way.
                    let _ = tokio::time::timeout(LAST_WORDS, &mut draining).await;
                    stopped
                }
            };
            at_work.ended = matches!(stopped, Ok(Ok(_)));
            return Err(Failure::cancelled());
        }
    };
    let status =
        at_work.end().await.map_err(|error| Failure::environment(format!("{name} was lost")).source(&error))?;
    if status.success() {
        return Ok(());
    }
    let failure = Failure::environment(format!("{name} failed ({status})"));
    Err(tail.into_iter().fold(failure, Failure::cause))
}

fn stopping(spec: &ToolSpec) -> impl FnOnce() -> Result<Vec<Found>, Failure> + use<> {
    let (mark, stop) = (spec.mark.clone(), spec.stop);
    move || ProcessTable::open()?.stop(&mark, stop)
}

/// A tool that runs. Dropped before its end, it is gone with all it started when the drop returns, so that a step that
/// is told to be cancelled leaves nothing at work.
struct AtWork {
    child: Box<dyn ChildWrapper>,
    mark: Mark,
    ended: bool,
}

impl AtWork {
    async fn end(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.ended = true;
        status
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        // Its own session at once, then by their mark those who left it. What cannot be ended is found by the same
        // mark before the step is tried again.
        let _ = self.child.start_kill();
        let _ = ProcessTable::open().and_then(|mut table| table.kill(&self.mark));
    }
}

/// Reads both pipes until they close, and gives the last lines.
async fn drain(
    context: &StepContext,
    stdout: Option<impl AsyncRead + Unpin + Send>,
    stderr: Option<impl AsyncRead + Unpin + Send>,
) -> VecDeque<String> {
    let (sender, mut lines) = mpsc::channel(256);
    let pump = async {
        tokio::join!(forward(stdout, sender.clone()), forward(stderr, sender));
    };
    let collect = async {
        let mut tail = VecDeque::with_capacity(QUOTED);
        while let Some(line) = lines.recv().await {
            context.log(Level::Info, line.clone()).await;
            if tail.len() == QUOTED {
                tail.pop_front();
            }
            tail.push_back(line);
        }
        tail
    };
    tokio::join!(pump, collect).1
}

async fn forward(pipe: Option<impl AsyncRead + Unpin>, to: mpsc::Sender<String>) {
    let Some(pipe) = pipe else { return };
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Some(taken) = take_some(&mut reader, &mut line).await {
        if taken == Taken::Part {
            continue;
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        if !text.is_empty() && to.send(text).await.is_err() {
            return;
        }
    }
}

/// How much of a line was taken.
#[derive(PartialEq, Eq)]
enum Taken {
    Part,
    Whole,
}

/// Takes what there is of a line, up to its end; `None` if there is nothing more. A tool that draws its progress ends lines by
/// going back to their start; one that never ends a line has it cut.
async fn take_some(reader: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> Option<Taken> {
    let bytes = reader.fill_buf().await.ok()?;
    if bytes.is_empty() {
        return if line.is_empty() { None } else { Some(Taken::Whole) };
    }
    let bytes = &bytes[..bytes.len().min(LONGEST_LINE - line.len())];
    let end = memchr2(b'\n', b'\r', bytes);
    let taken = end.map_or(bytes.len(), |end| end + 1);
    line.extend_from_slice(&bytes[..taken]);
    reader.consume(taken);
    Some(if end.is_some() || line.len() == LONGEST_LINE { Taken::Whole } else { Taken::Part })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use tokio_util::sync::CancellationToken;

    use super::super::environment::PLACE;
    use super::*;
    use crate::step::Report;

    fn shell(folder: &Path, script: &str) -> ToolSpec {
        ToolSpec {
            mark: Mark::new(&folder.to_string_lossy(), "tool:test"),
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: Environment::inheriting(&[PLACE]),
            folder: folder.to_owned(),
            user: None,
            stop: Stop::terminate(Duration::from_mins(1)),
        }
    }

    /// Runs a tool and gives what it logged.
    async fn run(spec: &ToolSpec) -> (Result<(), Failure>, Vec<String>) {
        let (sender, mut reports) = mpsc::channel(8);
        let context = StepContext::new("test".into(), sender, CancellationToken::new());
        let work = async move { run_tool(&context, spec).await };
        let listen = async {
            let mut lines = Vec::new();
            while let Some((_, report)) = reports.recv().await {
                if let Report::Log { line, .. } = report {
                    lines.push(line);
                }
            }
            lines
        };
        tokio::join!(work, listen)
    }

    #[tokio::test]
    async fn every_line_of_a_talkative_tool_is_logged() {
        let folder = tempfile::tempdir().unwrap();
        let (result, lines) = run(&shell(folder.path(), "seq 1 100000; seq 1 100000 >&2; printf last")).await;
        assert_eq!(result, Ok(()));
        assert_eq!(lines.len(), 200_001);
        let numbers = lines.iter().filter_map(|line| line.parse::<u64>().ok()).sum::<u64>();
        assert_eq!(numbers, 2 * (100_000 * 100_001 / 2));
        assert!(lines.contains(&"last".to_owned()), "a line without an end counts");
    }

    #[tokio::test]
    async fn a_line_that_does_not_end_is_cut_and_one_that_is_drawn_again_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (_, lines) =
            run(&shell(folder.path(), "printf '10 %%\\r20 %%\\r\\n'; head -c 200000 /dev/zero | tr '\\0' x")).await;
        assert_eq!(lines[..2], ["10 %", "20 %"]);
        let lengths: Vec<usize> = lines[2..].iter().map(String::len).collect();
        assert_eq!(lengths, [LONGEST_LINE, LONGEST_LINE, LONGEST_LINE, 200_000 - 3 * LONGEST_LINE]);
    }

    #[tokio::test]
    async fn a_failure_quotes_the_last_lines_and_the_status() {
        let folder = tempfile::tempdir().unwrap();
        let (result, _) = run(&shell(folder.path(), "seq 1 20; exit 7")).await;
        let failure = result.unwrap_err();
        assert_eq!(failure.summary, "sh failed (exit status: 7)");
        assert_eq!(failure.causes, ["13", "14", "15", "16", "17", "18", "19", "20"]);
        let missing = ToolSpec { program: "/nonexistent/uv".into(), ..shell(folder.path(), "") };
        let failure = run(&missing).await.0.unwrap_err();
        assert_eq!(failure.summary, "uv could not be started");
        assert!(failure.causes[0].contains("/nonexistent/uv"), "{failure:?}");
    }

    /// Gives a tool up once it has said that it is ready, and tells what it said after that.
    async fn give_up(spec: &ToolSpec) -> Vec<String> {
        let (sender, mut reports) = mpsc::channel(8);
        let context = StepContext::new("test".into(), sender, CancellationToken::new());
        let mut said = Vec::new();
        let listen = async {
            while let Some((_, report)) = reports.recv().await {
                match report {
                    Report::Log { line, .. } if line == "ready" => {
                        context.given_up().cancel();
                    }
                    Report::Log { line, .. } => said.push(line),
                    _ => {}
                }
            }
        };
        tokio::select! {
            result = run_tool(&context, spec) => assert_eq!(result, Err(Failure::cancelled())),
            () = listen => panic!("the tool should be at work"),
        }
        while let Ok((_, Report::Log { line, .. })) = reports.try_recv() {
            said.push(line);
        }
        let mut table = ProcessTable::open().expect("the process table");
        assert!(table.in_role(&spec.mark).is_empty());
        assert_eq!(run_tool(&context, spec).await, Err(Failure::cancelled()), "no other one is started");
        said
    }

    #[tokio::test]
    async fn a_tool_whose_step_is_given_up_ends_in_its_own_way() {
        let folder = tempfile::tempdir().unwrap();
        let script = "trap 'echo bye; exit 0' INT; echo ready; while true; do sleep 0.05; done";
        let spec = ToolSpec { stop: Stop::interrupt(Duration::from_mins(1)), ..shell(folder.path(), script) };
        assert_eq!(give_up(&spec).await, ["bye"]);
    }

    #[tokio::test]
    async fn one_that_does_not_heed_is_killed_after_its_grace() {
        let folder = tempfile::tempdir().unwrap();
        let script = "trap '' TERM; echo ready; while true; do sleep 0.05; done";
        let spec = ToolSpec { stop: Stop::terminate(Duration::from_millis(200)), ..shell(folder.path(), script) };
        assert!(give_up(&spec).await.is_empty());
    }

    #[tokio::test]
    async fn a_tool_whose_future_is_dropped_is_gone_with_all_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let spec = shell(folder.path(), "setsid sleep 60 & sleep 60 & wait");
        let living = || ProcessTable::open().unwrap().in_role(&spec.mark).len();
        let work = run(&spec);
        let patience = async {
            let deadline = Instant::now() + Duration::from_mins(1);
            while living() < 3 {
                assert!(Instant::now() < deadline, "its children did not come");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            _ = work => panic!("the tool should be at work"),
            () = patience => {}
        }
        assert_eq!(living(), 0, "whoever drops the future is told the truth at once");
    }
}
