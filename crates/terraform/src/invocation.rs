//! A Terraform that changes something: started detached, followed through its file, found again by whoever comes next.
//!
//! **Why detached.** Terraform whose reader dies is killed by the closed pipe, and what it was making at that moment is in
//! the cloud and not in its state. So it runs in a session of its own and writes to a file.
//!
//! **How it ended** cannot be told from an exit status, which only a parent learns, and a successor is none. A wrapper
//! that writes the status down could itself be killed and leave the same question. What Terraform writes is enough:
//! `apply` prints its change summary after everything was done, the state saved and the lock released, and returns 0
//! after that and only then. So a change succeeded if its summary is there and no error is. Whatever ended without a
//! summary (a kill, a crash, a full disk) counts as failed, which at worst means one more plan that finds nothing to do.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use engine::process::{Found, ProcessTable, ServiceSpec, spawn_detached};
use jiff::Timestamp;
use protocol::{Blame, Code, Failure, Level};

use crate::command::{CANNOT_START, INSTALL, Terraform, exists, interrupt};
use crate::course::Course;
use crate::explain::Trouble;
use crate::files::unreadable;
use crate::lines::{Line, Lines};
use crate::listener::Listener;
use crate::message::Summary;
use crate::record::{self, Record};
use crate::state::State;

/// How often the output is looked at for more.
const POLL: Duration = Duration::from_millis(50);

/// How often the words of the progress are told anew, for they count seconds.
const TELL: Duration = Duration::from_secs(1);

/// How often one who waits for an interrupted Terraform is told what for.
const REMIND: Duration = Duration::from_secs(10);

/// How long a new process may take to appear in the process table, on a computer that is very busy.
const APPEAR: Duration = Duration::from_secs(30);

/// One change at work on a root, or one that ended and whose end was not told yet.
pub struct Invocation {
    terraform: Terraform,
    record: Record,
    process: Option<Found>,
}

impl Invocation {
    /// Starts a change. The note of it is on the disk before it begins.
    pub(crate) async fn start(terraform: &Terraform, root: &str, args: &[String]) -> Result<Self, Failure> {
        if ProcessTable::open()?.in_role(&terraform.mark()).iter().any(|found| found.root) {
            return Err(busy(root));
        }
        let runs = terraform.folder.join("runs");
        let verb = args.first().map_or("", String::as_str);
        let mut record = Record::begin(&runs, root, verb)?;
        let started = spawn_detached(&ServiceSpec {
            mark: terraform.mark(),
            program: terraform.program.clone(),
            args: args.iter().map(Into::into).collect(),
            env: terraform.environment(),
            folder: terraform.folder.clone(),
            log: record.output.clone(),
            user: None,
        });
        let pid = match started {
            Ok(started) => started.pid(),
            Err(failure) => {
                Record::end(&runs)?;
                return Err(Failure { summary: CANNOT_START.to_owned(), ..failure }.hint(INSTALL));
            }
        };
        let process = appear(terraform, pid).await?;
        record.pid = Some(pid);
        record.save(&runs)?;
        Ok(Self { terraform: terraform.clone(), record, process })
    }

    /// The change that was started and whose end nobody was told, if there is one: by an agent that was killed since.
    pub(crate) fn find(terraform: &Terraform) -> Result<Option<Self>, Failure> {
        let Some(mut record) = Record::load(&terraform.folder.join("runs"))? else { return Ok(None) };
        let found = ProcessTable::open()?.in_role(&terraform.mark());
        let process = match record.pid {
            Some(pid) => found.into_iter().find(|one| one.pid == pid),
            // The agent was killed between the start and the note of it. Terraform is older than its providers.
            None => found.into_iter().find(|one| one.root),
        };
        let wrote = std::fs::metadata(&record.output).is_ok_and(|output| output.len() > 0);
        if process.is_none() && record.pid.is_none() && !wrote {
            // It was never started.
            Record::end(&terraform.folder.join("runs"))?;
            return Ok(None);
        }
        record.pid = process.as_ref().map(|one| one.pid).or(record.pid);
        Ok(Some(Self { terraform: terraform.clone(), record, process }))
    }

    /// The command, for example `apply`.
    pub fn verb(&self) -> &str {
        &self.record.verb
    }

    /// When it was begun.
    pub fn began(&self) -> Timestamp {
        self.record.began
    }

    /// Its process id; `None` if it had ended before it was looked for.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|found| found.pid)
    }

    /// Follows it to its end, telling from where the last follower was cut off, and gives what it changed.
    ///
    /// When the listener wants to stop, Terraform is interrupted once and followed further: it finishes what it has
    /// begun and saves it. Whoever drops the future leaves Terraform at work, to be found again.
    pub async fn follow(mut self, listener: &dyn Listener) -> Result<Summary, Trouble> {
        let mut tail = Tail::open(&self.record)?;
        let mut watch = Watch::new();
        let mut table = ProcessTable::open()?;
        loop {
            // Looked at before the output is read: what was written until the end is then read too.
            let alive = self.lives(&mut table);
            let more = tail.read(listener).await?;
            if !alive {
                tail.finish(listener).await;
                break;
            }
            if more {
                self.note(&tail);
            }
            if listener.stopping().is_cancelled() && !watch.asked {
                watch.asked = true;
                self.ask_to_stop(&tail.course, &mut table, listener).await?;
            }
            watch.tell(&tail.course, listener).await;
            tokio::time::sleep(POLL).await;
        }
        // One that was asked before it could listen says nothing of it.
        tail.course.ended.interrupted |= watch.asked;
        self.finish(tail.course).await
    }

    /// Interrupts it again, which makes it drop what is in flight: that is then in the cloud and not in the state.
    /// Only for a user who insists.
    pub fn force(&self) -> Result<(), Failure> {
        self.interrupt(&mut ProcessTable::open()?)
    }

    /// Interrupts it, unless it says that it was: a second time would make it drop what is in flight. Its providers are
    /// not told, for they would drop their work.
    async fn ask_to_stop(
        &self,
        course: &Course,
        table: &mut ProcessTable,
        listener: &dyn Listener,
    ) -> Result<(), Failure> {
        if !course.progress.interrupted() {
            self.interrupt(table)?;
            listener.log(Level::Warn, "Terraform was asked to stop; it finishes what it has begun").await;
        }
        course.remind(listener, Timestamp::now()).await;
        Ok(())
    }

    fn interrupt(&self, table: &mut ProcessTable) -> Result<(), Failure> {
        match &self.process {
            Some(process) if table.lives(process) => interrupt(process.pid),
            _ => Ok(()),
        }
    }

    /// Whether it lives. A process is known again by its number and its start, and the latter shifts when the computer's
    /// clock is set; so before it is given up it is looked for by its mark.
    fn lives(&mut self, table: &mut ProcessTable) -> bool {
        let Some(process) = &self.process else { return false };
        if table.lives(process) {
            return true;
        }
        let pid = process.pid;
        self.process = table.in_role(&self.terraform.mark()).into_iter().find(|found| found.pid == pid);
        self.process.is_some()
    }

    /// Notes how far was told, and copies the state for the case that a kill damages it. Should the disk be full, a
    /// successor tells some lines twice: no reason to stop following.
    fn note(&mut self, tail: &Tail) {
        self.record.told = tail.place;
        let _ = self.record.save(&self.terraform.folder.join("runs"));
        State::new(&self.terraform.folder).keep_latest();
    }

    async fn finish(self, course: Course) -> Result<Summary, Trouble> {
        // A Terraform that was killed leaves its providers behind, still making what nobody will take note of.
        let mark = self.terraform.mark();
        tokio::task::spawn_blocking(move || ProcessTable::open()?.kill(&mark))
            .await
            .map_err(|error| Failure::bug("A background task did not end").source(&error))??;
        State::new(&self.terraform.folder).keep_latest();
        Record::end(&self.terraform.folder.join("runs"))?;
        match course.ended.summary.clone().filter(|_| course.ended.succeeded()) {
            Some(summary) => {
                record::settle(&self.terraform.folder.join("runs"))?;
                Ok(summary)
            }
            None => Err(self.terraform.scene(&self.record.verb).trouble(&course.ended)),
        }
    }
}

/// The process, once the process table shows it; `None` if it has ended by then.
async fn appear(terraform: &Terraform, pid: u32) -> Result<Option<Found>, Failure> {
    let began = Instant::now();
    let mut table = ProcessTable::open()?;
    loop {
        let found = table.in_role(&terraform.mark()).into_iter().find(|found| found.pid == pid);
        if found.is_some() || !exists(pid) {
            return Ok(found);
        }
        if began.elapsed() > APPEAR {
            return Err(Failure::environment("Terraform was started and does not appear among the processes")
                .cause(format!("it should be process {pid}"))
                .hint("Run the command again: it is looked for anew."));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn busy(root: &str) -> Failure {
    Failure::new(Blame::User, format!("Terraform is at work on {root} already"))
        .code(Code::Busy)
        .hint("Wait for it to end: running the command again follows it.")
}

/// When what was told last.
struct Watch {
    asked: bool,
    told: Instant,
    reminded: Instant,
}

impl Watch {
    fn new() -> Self {
        Self { asked: false, told: Instant::now(), reminded: Instant::now() }
    }

    async fn tell(&mut self, course: &Course, listener: &dyn Listener) {
        if self.told.elapsed() > TELL {
            self.told = Instant::now();
            course.tell(listener, Timestamp::now());
        }
        if self.asked && self.reminded.elapsed() > REMIND {
            self.reminded = Instant::now();
            course.remind(listener, Timestamp::now()).await;
        }
    }
}

/// Reads what Terraform writes, as it is written. What an earlier follower told is only remembered.
struct Tail {
    file: File,
    output: PathBuf,
    lines: Lines,
    chunk: Vec<u8>,
    place: u64,
    told: u64,
    course: Course,
}

impl Tail {
    fn open(record: &Record) -> Result<Self, Failure> {
        let output = record.output.clone();
        let file = File::open(&output).map_err(unreadable(&output))?;
        let (lines, chunk, course) = (Lines::default(), vec![0; 64 << 10], Course::default());
        Ok(Self { file, output, lines, chunk, place: 0, told: record.told, course })
    }

    /// Reads all there is; says whether there was a line to tell.
    async fn read(&mut self, listener: &dyn Listener) -> Result<bool, Failure> {
        let before = self.place.max(self.told);
        loop {
            let read = self.file.read(&mut self.chunk).map_err(unreadable(&self.output))?;
            if read == 0 {
                return Ok(self.place > before);
            }
            for line in self.lines.push(&self.chunk[..read]) {
                self.take(&line, listener).await;
            }
        }
    }

    async fn finish(&mut self, listener: &dyn Listener) {
        if let Some(rest) = self.lines.rest() {
            self.take(&rest, listener).await;
        }
    }

    async fn take(&mut self, line: &Line, listener: &dyn Listener) {
        self.place += line.bytes;
        if line.text.is_empty() {
            return;
        }
        if self.place <= self.told {
            self.course.recall(&line.text);
        } else {
            self.course.hear(&line.text, listener).await;
        }
    }
}
