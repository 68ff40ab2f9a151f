//! What the shop writes, followed through a tunnel to PostgreSQL's host.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::command::{signal, wait_until};
use crate::postgres::Postgres;
use crate::rig::{FIRST, Rig};
use crate::world::World;

/// How soon a tick is to be seen.
const SOON: Duration = Duration::from_mins(1);

#[test]
fn ticks_are_seen_as_they_are_written_and_after_a_tunnel_broke() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rig = Rig::start();
    rig.run(&FIRST).succeeded();
    // The next agent finds PostgreSQL there.
    rig.wait_for_the_agent();
    let postgres = runtime.block_on(Postgres::on_its_host(&rig));

    assert_eq!(runtime.block_on(postgres.write_ticks(3)), 3);
    let mut follower = Follower::start(&rig);
    wait_until("three ticks", SOON, || follower.seen() == [1, 2, 3]);
    let tunnels = rig.ask("GET", "/rig/tunnels", None);
    assert_eq!(tunnels.as_array().unwrap().len(), 1, "{tunnels:#}");
    assert!(rig.processes().is_empty(), "to look starts nothing");

    rig.ask("DELETE", "/rig/tunnels", None);
    runtime.block_on(postgres.write_ticks(1));
    wait_until("a tick after the tunnel broke", SOON, || follower.seen() == [1, 2, 3, 4]);
    signal(&[follower.program.id()], "INT");
    assert!(follower.program.wait().unwrap().success());

    rig.run(&["down", "--yes"]).succeeded();
    rig.assert_nothing_is_left();
}

/// `generate show --follow`, and the numbers of the ticks that it showed.
struct Follower {
    program: Child,
    seen: Arc<Mutex<Vec<i64>>>,
}

impl Follower {
    fn start(rig: &Rig) -> Self {
        let mut command = rig.command(&["generate", "show", "--follow", "--json"]);
        let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
        let (lines, seen) = (BufReader::new(program.stdout.take().unwrap()).lines(), Arc::<Mutex<Vec<i64>>>::default());
        let shown = seen.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let line: Value = serde_json::from_str(&line).unwrap();
                let ticks = line["throughput"].as_array().unwrap().iter().map(|tick| tick["tick"].as_i64().unwrap());
                shown.lock().unwrap().extend(ticks);
            }
        });
        Self { program, seen }
    }

    fn seen(&self) -> Vec<i64> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
