//! A sandbox's life, from nothing to nothing.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::command::{signal, wait_until};
use crate::support::{SMALL, Sandbox};

#[test]
fn up_refresh_down() {
    let sandbox = Sandbox::new();
    sandbox.run(&["doctor"]).succeeded();

    let recorder = sandbox.recorder();
    let events = recorder.follow("up", || sandbox.spawn(&[&["up", "--json"], &SMALL[..]].concat())).json();
    let finished = |event: &&Value| event["kind"]["type"] == "step_finished";
    assert_eq!(events.iter().filter(finished).count(), 8, "{events:#?}");
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "sequence numbers must rise");
    sandbox.assert_healthy();

    assert_changes_arrive(&sandbox);
    assert_a_second_up_does_nothing(&sandbox);
    assert_logs_can_be_read(&sandbox);
    assert_a_dead_service_comes_back(&sandbox);
    recorder.follow("refresh", || sandbox.spawn(&["refresh", "--json"]));
    recorder.follow("down", || sandbox.spawn(&["down", "--yes", "--json"]));
    sandbox.assert_gone();
    assert_eq!(sandbox.run(&["status"]).code, Some(3), "there is no such stack any more");
    sandbox.run(&["down", "--yes"]).succeeded();
}

/// Inserts, updates and deletes by someone else than the shop reach marts and charts.
fn assert_changes_arrive(sandbox: &Sandbox) {
    let before = sandbox.status()["charts"]["totals"]["net_cents"].clone();
    sandbox.sql(
        "begin;
         delete from production.order_items where order_id in (select order_id from production.orders order by 1 limit 5);
         delete from production.orders where order_id in (select order_id from production.orders order by 1 limit 5);
         update production.order_items set quantity = quantity + 1
             where order_item_id in (select max(order_item_id) from production.order_items);
         update production.customers set city = 'Elsewhere' where customer_id = 1;
         commit",
    );
    sandbox.with_still_shop(|| {
        sandbox.run(&["refresh"]).succeeded();
        // Whoever deletes by hand leaves holes in the keys, so only the data is compared from here on.
        sandbox.assert_reconciled();
    });
    assert_ne!(sandbox.status()["charts"]["totals"]["net_cents"], before);
}

fn assert_a_second_up_does_nothing(sandbox: &Sandbox) {
    // Descendants come and go: a connection of PostgreSQL's is a process of its own.
    let roots = || sandbox.processes().into_iter().filter(|found| found.root).collect::<Vec<_>>();
    let before = roots();
    let events = sandbox.run(&["up", "--json"]).succeeded().json();
    let results: Vec<&str> = events.iter().filter_map(|event| event["kind"]["outcome"]["result"].as_str()).collect();
    let idle = results.iter().filter(|result| **result == "already_done").count();
    assert_eq!(idle, 8, "{results:?}");
    assert_eq!(roots(), before, "nothing may be started twice");
    let refused = sandbox.run(&["up", "--days", "9"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("keeps its settings"), "{}", refused.stderr);
}

fn assert_logs_can_be_read(sandbox: &Sandbox) {
    let all = sandbox.run(&["logs", "--list"]).succeeded().stdout;
    assert!(all.contains("service/postgres") && all.contains("run/"), "{all}");
    let ready = sandbox.run(&["logs", "--service", "postgres", "--grep", "READY TO ACCEPT"]).succeeded().stdout;
    assert_eq!(ready.lines().count(), 1, "{ready}");
    let mut follow = sandbox.command(&["logs", "--follow", "--json", "--step", "postgres"]);
    let mut follower = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap();
    signal(&[follower.id()], "INT");
    let lines: Vec<Value> =
        std::iter::once(first).chain(lines).map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert!(follower.wait().unwrap().success());
    assert!(lines.iter().all(|line| line["origin"] == "postgres"), "{lines:?}");
}

/// The agent starts again what ends without being asked to, and counts it.
fn assert_a_dead_service_comes_back(sandbox: &Sandbox) {
    let killed = sandbox.roots("generator");
    signal(&killed, "KILL");
    wait_until("a new generator", Duration::from_mins(1), || {
        let now = sandbox.roots("generator");
        now.len() == 1 && now != killed
    });
    wait_until("the count of its restart", Duration::from_mins(1), || {
        let services = sandbox.status()["snapshot"]["services"].clone();
        services.as_array().unwrap().iter().any(|service| service["name"] == "generator" && service["restarts"] == 1)
    });
}

#[test]
fn cancel_stops_cleanly_and_up_resumes() {
    let sandbox = Sandbox::new();
    let up = sandbox.spawn(&[&["up"], &SMALL[..]].concat());
    wait_until("PostgreSQL", Duration::from_mins(2), || !sandbox.roots("postgres").is_empty());
    signal(&[up.pid()], "INT");
    let ended = up.wait();
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    let stack = sandbox.status()["snapshot"]["run"].clone();
    assert_eq!(stack["outcome"]["result"], "cancelled", "{stack:#}");
    sandbox.run(&["up"]).succeeded();
    sandbox.assert_healthy();
    a_cancelled_refresh_is_over_in_dagster_too(&sandbox);
    sandbox.assert_gone_after_down();
}

fn a_cancelled_refresh_is_over_in_dagster_too(sandbox: &Sandbox) {
    let at_work = || {
        let run = &sandbox.status()["snapshot"]["run"];
        // One that waits in the queue is simply taken out of it.
        let progress = &run["steps"][0]["progress"];
        run["operation"] == "refresh"
            && (progress["message"] == "reading the shop" || progress["done"].as_u64() > Some(0))
    };
    let refresh = sandbox.spawn(&["refresh"]);
    wait_until("the run in Dagster", Duration::from_mins(1), at_work);
    signal(&[refresh.pid()], "INT");
    let ended = refresh.wait();
    assert_eq!(ended.code, Some(130), "{ended:#?}");
    // At once, and so past Dagster's own programs, which take seconds to start: by then it would be over in any case.
    let look = "import sqlite3, sys; runs = sqlite3.connect(sys.argv[1]); \
                print(runs.execute('select status from runs order by id desc limit 1').fetchone()[0])";
    let output = Command::new(sandbox.folder().join("python/bin/python"))
        .args(["-c", look])
        .arg(sandbox.folder().join("dagster/history/runs.db"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "CANCELED", "{output:?}");
}
