//! Bad input and a world that does not play along: one clear message, nothing lost, and the next command goes on.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::command::{Ended, Running};
use crate::rig::{FIRST, Rig};
use crate::world::World;

/// The settings of a first command.
const SETTINGS: &[&str] = &["--target", "aws", "--region", "eu-central-1"];

#[test]
fn what_the_account_is_not_ready_for_is_said_before_anything_is_planned() {
    let rig = Rig::start();
    let refused = rig.run(&["plan", "--target", "aws", "--region", "eu-nowhere-9"]);
    assert_says(&refused, &["AWS has no region eu-nowhere-9", "such as eu-central-1"]);
    start_over(&rig);
    let refused = rig.run(&[&["plan"], SETTINGS, &["--account", "210987654321"]].concat());
    assert_says(&refused, &["another AWS account than the stack", "123456789012", "Nothing was touched"]);
    start_over(&rig);

    let plan = [&["plan"], SETTINGS].concat();
    rig.ask("PATCH", "/rig/settings", Some(&json!({"decisions": {"ec2:RunInstances": "explicitDeny"}}).to_string()));
    assert_says(&rig.run(&plan), &["ec2:RunInstances", "administers the account"]);
    rig.ask("PATCH", "/rig/settings", Some(&json!({"decisions": {}, "quotas": {"L-1216C47A": 5}}).to_string()));
    assert_says(&rig.run(&["plan"]), &["virtual CPUs: 8 needed, 0 of 5 in use", "Service Quotas"]);
    rig.ask("PATCH", "/rig/settings", Some(&json!({"quotas": {}}).to_string()));
    rig.run(&["plan"]).succeeded();
    assert_eq!(rig.remains(), [] as [String; 0]);
}

#[test]
fn a_name_that_is_in_use_is_left_alone() {
    let rig = Rig::start();
    rig.run(&FIRST).succeeded();
    let whole = rig.remains();
    let mut elsewhere = rig.command(&[&["plan"], SETTINGS].concat());
    let refused = Running::start(take(elsewhere.env("RETAILFLOW_HOME", rig.elsewhere()))).wait();
    assert_says(&refused, &["shop is taken in eu-central-1", "Choose another name"]);
    assert_eq!(rig.remains(), whole);
    rig.run(&["down", "--yes"]).succeeded();
    rig.assert_nothing_is_left();
}

#[test]
fn an_expired_sign_in_names_the_command_that_renews_it() {
    let rig = Rig::start();
    let home = rig.home();
    std::fs::create_dir_all(home.join(".aws")).unwrap();
    let config = "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Admin\n\
                  [sso-session corp]\nsso_region = eu-central-1\nsso_start_url = https://corp.example/start\n\
                  sso_registration_scopes = sso:account:access\n";
    std::fs::write(home.join(".aws/config"), config).unwrap();
    let mut command = rig.command(&[&["plan"], SETTINGS, &["--profile", "work"]].concat());
    command.env("HOME", &home).env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    assert_says(&Running::start(command).wait(), &["aws sso login --profile work"]);
}

#[test]
fn terraform_that_makes_no_sense_is_told_and_nothing_is_lost() {
    let rig = Rig::start();
    rig.run(&FIRST).succeeded();
    let whole = rig.remains();
    let folder = rig.home().with_file_name("bin");
    // One that lives would go on with the Terraform it knows.
    rig.wait_for_the_agent();
    for (verb, answer) in [("show", "{\"resource_changes\": 3}"), ("plan", "{\"@level\": \"inf"), ("plan", "")] {
        pretend(&folder, verb, answer);
        let mut command = rig.command(&["plan"]);
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        let ended = Running::start(take(command.env("PATH", path))).wait();
        rig.wait_for_the_agent();
        assert_eq!(ended.code, Some(1), "{ended:#?}");
        assert!(ended.stderr.contains("Terraform") || ended.stderr.contains("terraform"), "{ended:#?}");
        assert!(ended.stderr.contains('\u{2192}'), "no remedy: {ended:#?}");
    }
    assert_eq!(rig.remains(), whole);
    rig.run(&["up", "--yes"]).succeeded();
    rig.run(&["down", "--yes"]).succeeded();
    rig.assert_nothing_is_left();
}

#[test]
fn a_registry_that_fails_is_told_and_an_up_goes_on_from_there() {
    let rig = Rig::start();
    rig.order(&json!({"service": "registry", "action": "PUT manifest", "status": 500, "times": -1}));
    let failed = rig.run(&FIRST);
    assert_eq!(failed.code, Some(1), "{failed:#?}");
    let told = failed.json().pop().unwrap();
    assert!(!told["failure"]["hint"].is_null(), "{told:#}");
    rig.forget_faults();
    // One that stops in the middle of a blob is tried again by itself.
    rig.order(&json!({"service": "registry", "action": "PATCH upload", "cut": 1000}));
    rig.run(&["up", "--yes"]).succeeded();
    rig.run(&["down", "--yes"]).succeeded();
    rig.assert_nothing_is_left();
}

/// Forgets the stack, whose settings were wrong.
fn start_over(rig: &Rig) {
    rig.wait_for_the_agent();
    std::fs::remove_dir_all(rig.stack_folder()).unwrap();
}

/// A Terraform that answers one verb by itself and leaves all others to the real one.
fn pretend(folder: &Path, verb: &str, answer: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let real = Command::new("sh").args(["-c", "command -v terraform"]).output().unwrap();
    let real = String::from_utf8(real.stdout).unwrap();
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = {verb} ]; then printf '%s' '{answer}'; else exec {} \"$@\"; fi\n",
        real.trim()
    );
    let path = folder.join("terraform");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn take(command: &mut Command) -> Command {
    std::mem::replace(command, Command::new("true"))
}

/// It failed, and its only message has all of this.
fn assert_says(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    for part in parts {
        assert!(ended.stderr.contains(part), "no \u{201c}{part}\u{201d}: {ended:#?}");
    }
}
