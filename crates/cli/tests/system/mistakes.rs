//! What the user or the computer gets wrong: one clear message with cause and remedy, an exit code, and nothing lost.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use engine::process::{Found, Mark};
use sha2::{Digest, Sha256};

use crate::command::{Ended, Running, signal, wait_until};
use crate::support::{SMALL, Sandbox};

/// Fails unless the command failed, and said each of `words`.
#[track_caller]
fn assert_refused(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:#?}");
    for word in words {
        assert!(ended.stderr.contains(word), "\u{201c}{word}\u{201d} is not said: {ended:#?}");
    }
    assert!(ended.stderr.contains('\u{2192}'), "no remedy: {ended:#?}");
}

#[test]
fn what_the_user_gets_wrong_is_said_and_coded() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["status"]).code, Some(3));
    assert_eq!(sandbox.run(&["refresh"]).code, Some(3));
    assert_eq!(sandbox.run(&["frobnicate"]).code, Some(2));
    assert_eq!(sandbox.run(&["status", "--stack", "../x"]).code, Some(2));
    let refused = sandbox.run(&["up", "--rate", "-5"]);
    assert_eq!(refused.code, Some(2), "a negative number looks like an option");
    let refused = sandbox.run(&["up", "--json", "--rate=-5"]).json().remove(0);
    assert_eq!(refused["failure"]["blame"], "user", "{refused}");
    assert!(!sandbox.folder().exists(), "what is refused leaves nothing");
    let completions = sandbox.run(&["completions", "bash"]).succeeded().stdout;
    assert!(completions.contains("_retailflow"), "{completions}");
}

#[test]
fn settings_that_cannot_be_read_stop_every_command_and_stay_as_they_are() {
    let sandbox = Sandbox::new();
    let file = sandbox.folder().join("stack.toml");
    std::fs::create_dir_all(sandbox.folder()).unwrap();
    let commands: [&[&str]; 5] = [&["up"], &["refresh"], &["status"], &["logs"], &["down", "--yes"]];
    for (text, words) in [
        ("format = 2\nname = \"demo", ["stack.toml could not be read", "line 2", "Mend the file"]),
        ("format = 3\nlayout = \"new\"\n", ["made by a newer version", "format 3", "Use that version"]),
    ] {
        std::fs::write(&file, text).unwrap();
        for command in commands {
            assert_refused(&sandbox.run(command), 1, &words);
        }
        let all = sandbox.run(&["status", "--all"]).succeeded().stdout;
        assert!(all.contains("demo") && all.contains("unreadable"), "{all}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        assert_eq!(std::fs::read_dir(sandbox.folder()).unwrap().count(), 1, "nothing may be made beside it");
        assert_eq!(sandbox.processes(), []);
    }
}

#[test]
fn a_stack_whose_identity_cannot_be_read_is_left_alone() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.folder()).unwrap();
    let files = [
        ("stack.toml", "format = 2\nname = \"demo\"\n[shop]\n[target]\nkind = \"sandbox\"\n"),
        ("identity", "id = \"01k0\"\nsockets = "),
    ];
    let path = |name: &str| sandbox.folder().join(name);
    for (name, text) in files {
        std::fs::write(path(name), text).unwrap();
    }
    let commands: [&[&str]; 4] = [&["up"], &["refresh"], &["status"], &["down", "--yes"]];
    for command in commands {
        assert_refused(&sandbox.run(command), 1, &["identity could not be read", "line 2", "Mend the file"]);
    }
    assert!(files.iter().all(|(name, text)| std::fs::read_to_string(path(name)).unwrap() == *text));
    assert_eq!(std::fs::read_dir(sandbox.folder()).unwrap().count(), 2, "nothing may be made beside them");
}

/// Whoever removes a stack's folder by hand leaves its processes. They are not taken for gone, nor for another stack's.
#[test]
fn what_a_removed_stack_left_running_is_told_and_ended() {
    let sandbox = Sandbox::new();
    let (id, identities) = ("01k00000000000000000000000", sandbox.home().join("identities"));
    std::fs::create_dir_all(&identities).unwrap();
    let sockets = sandbox.home().join(format!("rf-{}", hex::encode(&Sha256::digest(id)[..6])));
    let (sockets, folder) = (sockets.display(), sandbox.folder());
    let identity = format!("id = \"{id}\"\nsockets = \"{sockets}\"\nfolder = \"{}\"\n", folder.display());
    std::fs::write(identities.join("demo"), identity).unwrap();
    let (name, value) = Mark::new(id, "postgres").variable();
    let mut orphan = Command::new("sleep").arg("600").env(name, value).spawn().unwrap();
    wait_until("the orphan", Duration::from_mins(1), || sandbox.processes().len() == 1);
    let refused = sandbox.run(&[&["up"], &SMALL[..]].concat());
    assert_refused(&refused, 1, &["Processes of an earlier stack", &orphan.id().to_string(), "retailflow down"]);
    assert!(!sandbox.folder().exists());
    assert_eq!(sandbox.run(&["status"]).code, Some(3));
    sandbox.assert_gone_after_down();
    assert!(!orphan.wait().unwrap().success());
}

#[test]
fn an_installation_that_cannot_be_done_is_explained_and_done_later() {
    let sandbox = Sandbox::new();
    let none = tempfile::tempdir().unwrap();
    let nowhere = none.path().to_str().unwrap();
    let offline =
        [("UV_CACHE_DIR", nowhere), ("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple"), ("UV_HTTP_RETRIES", "0")];
    let refused = sandbox.spawn_with(&offline, &[&["up"], &SMALL[..]].concat()).wait();
    assert_refused(&refused, 1, &["uv failed", "127.0.0.1:9", "Check the network"]);
    // The agent keeps the environment of whoever started it; with nothing to look after it leaves.
    wait_until("the agent\'s end", Duration::from_mins(1), || sandbox.processes().is_empty());

    // A uv that is killed early leaves what it does not take for its own any more.
    std::fs::remove_file(sandbox.folder().join("python/pyvenv.cfg")).unwrap();
    let refused = sandbox.spawn_with(&offline, &["up"]).wait();
    assert_refused(&refused, 1, &["uv failed", "127.0.0.1:9"]);
    wait_until("the agent\'s end", Duration::from_mins(1), || sandbox.processes().is_empty());

    let pythonless = [
        ("UV_PYTHON_INSTALL_DIR", nowhere),
        ("UV_PYTHON_PREFERENCE", "only-managed"),
        ("UV_PYTHON_DOWNLOADS", "never"),
    ];
    let refused = sandbox.spawn_with(&pythonless, &["up"]).wait();
    assert_refused(&refused, 1, &["uv failed", "No interpreter found", "Install a Python from 3.11"]);
    sandbox.assert_gone_after_down();
}

#[test]
fn an_agent_that_cannot_start_says_why_at_once() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.folder().join("lock")).unwrap();
    // A word of its own, and not that of one that does not come.
    assert_refused(&sandbox.run(&["up"]), 1, &["agent could not start", "The lock", "Is a directory", "agent.log"]);
    std::fs::remove_dir(sandbox.folder().join("lock")).unwrap();
    sandbox.assert_gone_after_down();
}

#[test]
fn a_removal_that_was_cut_off_is_finished_by_the_next_down() {
    let sandbox = Sandbox::new();
    let aside = sandbox.folder().with_file_name(".removing.demo.01ARZ3NDEKTSV4RRFFQ69G5FAV");
    std::fs::create_dir_all(aside.join("warehouse")).unwrap();
    std::fs::create_dir_all(sandbox.stack().runtime().join("pg")).unwrap();
    assert_eq!(sandbox.run(&["status"]).code, Some(3), "it is no stack any more");
    assert!(aside.exists(), "to ask is to change nothing");
    sandbox.assert_gone_after_down();
    assert!(!aside.exists());
}

/// A file system of a test's own, as large as it is told to be.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// `None` where it cannot be mounted: only root may, and only Linux has tmpfs.
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("mode=711,size={size}"), "rf-small-disk"]).arg(at);
        mount.status().is_ok_and(|status| status.success()).then_some(Self(at))
    }

    fn resize(&self, size: &str) {
        assert!(self.remount(size), "the small disk could not be made {size} large");
    }

    fn remount(&self, size: &str) -> bool {
        let option = format!("remount,size={size}");
        Command::new("mount").args(["-o", &option]).arg(self.0).status().unwrap().success()
    }

    /// Takes away all the room that is left, at once: filling it takes longer than what is to fail of it.
    fn tighten(&self) {
        // What is written in between makes the new size too small, which is refused.
        wait_until("a full disk", Duration::from_mins(1), || self.remount(&format!("{}k", self.used())));
    }

    /// What is used, in KiB.
    fn used(&self) -> u64 {
        let shown = Command::new("df").args(["-k", "--output=used"]).arg(self.0).output().unwrap();
        String::from_utf8(shown.stdout).unwrap().lines().last().unwrap().trim().parse().unwrap()
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_and_up_goes_on_once_there_is_room() {
    let sandbox = Sandbox::new();
    let Some(disk) = SmallDisk::mount(sandbox.home(), "150m") else {
        // Not `println`, which the test's runner keeps to itself.
        let _ = writeln!(std::io::stderr(), "not run: a small file system can be mounted by root on Linux alone");
        return;
    };
    let words = ["o space left on device", "Make room"];
    assert_refused(&sandbox.run(&[&["up"], &SMALL[..]].concat()), 1, &words);

    disk.resize("6g");
    let up = sandbox.spawn(&["up"]);
    wait_until("PostgreSQL", Duration::from_mins(2), || !sandbox.roots("postgres").is_empty());
    disk.tighten();
    assert_refused(&up.wait(), 1, &["Make room"]);

    disk.resize("6g");
    sandbox.run(&["up"]).succeeded();
    sandbox.assert_healthy();
    sandbox.assert_gone_after_down();
}

#[test]
fn trouble_with_a_running_stack_is_told_and_mended() {
    let sandbox = Sandbox::new();
    from_a_shell_full_of_other_work(&sandbox, &[&["up"], &SMALL[..]].concat()).succeeded();
    sandbox.assert_healthy();
    assert_asking_starts_nothing(&sandbox);
    assert_a_taken_port_is_left_to_who_has_it(&sandbox);
    assert_a_database_that_does_not_answer_is_told(&sandbox);
    sandbox.run(&["up"]).succeeded();
    sandbox.assert_healthy();
    assert_removed_sockets_come_back(&sandbox);
    assert_a_link_leads_to_the_same_stack_and_its_proof(&sandbox);
}

/// What the shell of somebody who works with databases, Dagster, dbt and Python may hold. Each of these once stopped `up` or a
/// refresh, or changed what the charts show.
const OTHER_WORK: [(&str, &str); 22] = [
    ("PGHOSTADDR", "127.0.0.1"),
    ("PGSERVICE", "production"),
    ("PGOPTIONS", "-c statement_timeout=1"),
    ("PGREQUIREAUTH", "scram-sha-256"),
    ("PGDATESTYLE", "German"),
    ("DAGSTER_GRPC_PORT", "4000"),
    ("DAGSTER_INSTANCE_REF", "x"),
    ("DAGSTER_WEBSERVER_PATH_PREFIX", "/dagster"),
    ("DAGSTER_WEBSERVER_READ_ONLY", "true"),
    ("DBT_EMPTY", "true"),
    ("DBT_PROFILES_DIR", "/nowhere"),
    ("RETAILFLOW_DBT_TARGET", "snowflake"),
    ("DATA_WRITER__DISABLE_COMPRESSION", "x"),
    ("NORMALIZE__LOADER_FILE_FORMAT", "csv"),
    ("RUNTIME__LOG_FORMAT", "x"),
    ("PYTHONOPTIMIZE", "2"),
    ("PYTHONPATH", "/nowhere"),
    ("PYTHONWARNINGS", "error"),
    ("UV_NO_BINARY", "true"),
    ("LC_ALL", "tr_TR.UTF-8"),
    ("LD_LIBRARY_PATH", "/nowhere"),
    ("TZ", "Pacific/Kiritimati"),
];

/// Runs a command from a shell with those variables, and with a umask that closes everything.
fn from_a_shell_full_of_other_work(sandbox: &Sandbox, args: &[&str]) -> Ended {
    let command = sandbox.command(args);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 077; exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
    shell
        .stdin(Stdio::null())
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .envs(OTHER_WORK);
    Running::start(shell).wait()
}

/// A stack whose agent was killed is shown as it is, and everybody leaves it so.
fn assert_asking_starts_nothing(sandbox: &Sandbox) {
    signal(&sandbox.roots("agent"), "KILL");
    wait_until("the agent's end", Duration::from_mins(1), || sandbox.roots("agent").is_empty());
    let before = sandbox.processes();
    assert_eq!(sandbox.status()["snapshot"]["state"], "up");
    let commands: [&[&str]; 4] =
        [&["logs", "--lines", "1"], &["open", "dagster", "--print"], &["generate", "rate", "6"], &["status", "--all"]];
    for command in commands {
        sandbox.run(command).succeeded();
    }
    let ticks = sandbox.run(&["generate", "show", "--json"]).succeeded().json().remove(0);
    assert!(!ticks["throughput"].as_array().unwrap().is_empty(), "{ticks}");
    let status = sandbox.status();
    assert_eq!(status["snapshot"]["orders_per_minute"], 6.0, "{status:#}");
    let roots = |found: Vec<Found>| found.into_iter().filter(|found| found.root).collect::<Vec<_>>();
    assert_eq!(roots(sandbox.processes()), roots(before));
}

fn assert_a_taken_port_is_left_to_who_has_it(sandbox: &Sandbox) {
    let url = || sandbox.run(&["open", "dagster", "--print"]).succeeded().stdout.trim().to_owned();
    let before = url();
    let port: u16 = before.rsplit(':').next().unwrap().parse().unwrap();
    signal(&sandbox.roots("dagster-webserver"), "KILL");
    wait_until("the port", Duration::from_mins(1), || TcpListener::bind(("127.0.0.1", port)).is_ok());
    let _ours = TcpListener::bind(("127.0.0.1", port)).unwrap();
    sandbox.run(&["up"]).succeeded();
    assert_ne!(url(), before);
}

/// The system may clean the sockets' folder up: the agent answers again, and what was bound there is started anew.
fn assert_removed_sockets_come_back(sandbox: &Sandbox) {
    let before = sandbox.roots("postgres");
    std::fs::remove_dir_all(sandbox.stack().runtime()).unwrap();
    sandbox.run(&["status"]).succeeded();
    sandbox.run(&["up"]).succeeded();
    sandbox.assert_healthy();
    assert_ne!(sandbox.roots("postgres"), before);
}

/// Another spelling of the data folder is the same stack: nothing is started twice, and `down` finds what runs.
fn assert_a_link_leads_to_the_same_stack_and_its_proof(sandbox: &Sandbox) {
    let link = tempfile::tempdir().unwrap();
    let home = link.path().join("home");
    std::os::unix::fs::symlink(sandbox.home(), &home).unwrap();
    let variables = [("RETAILFLOW_HOME", home.to_str().unwrap())];
    let run = |args: &[&str]| sandbox.spawn_with(&variables, args).wait();
    let before = sandbox.processes().into_iter().filter(|found| found.root).collect::<Vec<_>>();
    run(&["up"]).succeeded();
    assert_eq!(sandbox.processes().into_iter().filter(|found| found.root).collect::<Vec<_>>(), before);
    // Nobody is there who knows it by the path that it was made by.
    signal(&sandbox.roots("agent"), "KILL");
    run(&["down", "--yes"]).succeeded();
    sandbox.assert_gone();
}

/// A second `up` meanwhile follows the first, and another operation is refused.
fn assert_a_database_that_does_not_answer_is_told(sandbox: &Sandbox) {
    let server: Vec<u32> =
        sandbox.processes().iter().filter(|found| found.mark.role() == "postgres").map(|found| found.pid).collect();
    signal(&server, "STOP");
    let health = || {
        let services = sandbox.status()["snapshot"]["services"].clone();
        services.as_array().unwrap().iter().find(|one| one["name"] == "postgres").unwrap()["health"].clone()
    };
    wait_until("its bad health", Duration::from_mins(1), || health() == "unhealthy");
    let runs = || std::fs::read_dir(sandbox.folder().join("runs")).unwrap().count();
    let before = runs();
    let first = sandbox.spawn(&["up"]);
    wait_until("the run", Duration::from_mins(1), || sandbox.status()["snapshot"]["state"] == "busy");
    let second = sandbox.spawn(&["up"]);
    assert_refused(&sandbox.run(&["refresh"]), 4, &["Another run of this stack is under way"]);
    for up in [first, second] {
        assert_refused(&up.wait(), 1, &["PostgreSQL was not ready within 60 s", "does not answer", "resumes"]);
    }
    assert_eq!(runs(), before + 1, "the second `up` must not be a run of its own");
    signal(&server, "CONT");
}
