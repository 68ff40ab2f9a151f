//! What the shop writes, followed through a tunnel to PostgreSQL's host.

use std::time::Duration;

use crate::command::wait_until;
use crate::postgres::Postgres;
use crate::rig::{FIRST, Rig, value};
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
    wait_until("three ticks", SOON, || ticks(&rig) == [1, 2, 3]);
    let tunnels = rig.ask("GET", "/rig/tunnels", None);
    assert_eq!(tunnels.as_array().unwrap().len(), 1, "{tunnels:#}");

    rig.ask("DELETE", "/rig/tunnels", None);
    runtime.block_on(postgres.write_ticks(1));
    wait_until("a tick after the tunnel broke", SOON, || ticks(&rig) == [1, 2, 3, 4]);

    rig.run(&["down", "--yes"]).succeeded();
    rig.assert_nothing_is_left();
}

fn ticks(rig: &Rig) -> Vec<i64> {
    let shown = value(&rig.run(&["generate", "show", "--json"]).succeeded(), "throughput");
    shown.as_array().unwrap().iter().map(|tick| tick["tick"].as_i64().unwrap()).collect()
}
