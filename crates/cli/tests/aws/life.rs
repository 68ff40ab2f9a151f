//! A stack's life, from nothing to nothing: on the rig, and in a real account when that is asked for.

use serde_json::Value;

use crate::real::Account;
use crate::rig::{Rig, STACK, value};
use crate::world::World;

#[test]
fn plan_up_again_drift_mended_and_down_to_nothing() {
    live(&Rig::start());
}

#[test]
#[ignore = "makes a stack in the AWS account that is signed in to, which costs money; see docs/testing.md"]
fn the_same_in_a_real_account() {
    live(&Account::signed_in());
}

fn live(world: &impl World) {
    assert_eq!(world.remains(), [] as [String; 0], "a fresh account");

    assert_a_plan_makes_nothing(world);
    assert_nothing_is_made_unasked(world);
    world.follow("up", &["up", "--yes", "--json"]);
    assert!(world.remains().len() > 40, "{:#?}", world.remains());

    let again = value(&world.run(&["plan", "--json"]).succeeded(), "review");
    assert_eq!(again["changes"], Value::Array(Vec::new()), "a second plan");
    world.run(&["up"]).succeeded();

    assert_drift_is_found_and_mended(world);
    assert_down_leaves_nothing(world);
    // Once more, with nothing there.
    world.run(&["down", "--yes"]).succeeded();
}

fn assert_a_plan_makes_nothing(world: &impl World) {
    let planned = world.follow("plan", &["plan", "--target", "aws", "--region", world.region(), "--json"]);
    let review = value(&planned, "review");
    let changes = review["changes"].as_array().unwrap();
    assert!(changes.len() > 60 && changes.iter().all(|change| change["action"] == "create"), "{review:#}");
    assert_eq!(review["forecast"], serde_json::json!(["services"]));
    assert_eq!(world.remains(), [] as [String; 0]);
}

/// Without a word of the user, and nobody there to be asked.
fn assert_nothing_is_made_unasked(world: &impl World) {
    let refused = world.run(&["up"]);
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("up --yes"), "{refused:#?}");
    assert_eq!(world.remains(), [] as [String; 0]);
}

fn assert_drift_is_found_and_mended(world: &impl World) {
    world.run(&["drift"]).succeeded();
    world.disable_rule(&format!("{STACK}-tick"));
    let drift = world.run(&["drift", "--json"]);
    assert_eq!(drift.code, Some(5), "{drift:#?}");
    assert!(drift.stdout.contains("aws_cloudwatch_event_rule"), "{drift:#?}");
    world.run(&["up", "--yes"]).succeeded();
    world.run(&["drift"]).succeeded();
}

fn assert_down_leaves_nothing(world: &impl World) {
    let proof = value(&world.follow("down", &["down", "--yes", "--json"]), "proof");
    let items = proof["items"].as_array().unwrap();
    assert!(items.len() > 20 && items.iter().all(|item| item["gone"] == true), "{proof:#}");
    world.assert_nothing_is_left();
}
