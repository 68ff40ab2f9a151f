//! Terraforms that are none, and providers that do not come.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use protocol::{Code, Failure};
use retailflow_terraform::{Wish, mirror_config};

use crate::support::{Ear, Stack, eventually, pretender, root_of, terraform};

async fn planned(stack: &Stack) -> Failure {
    stack.root.plan(&Ear::default(), &Wish::make("up.tfplan")).await.unwrap_err().failure
}

async fn applied(stack: &Stack) -> Failure {
    stack.root.apply(&Ear::default(), "up.tfplan").await.unwrap_err().failure
}

#[tokio::test]
async fn rubbish_is_shown_and_is_no_success() {
    let stack = pretender(
        "echo '{\"@message\": \"half'; head -c 3000000 /dev/zero | tr '\\0' 'x'; printf '\\n\\377\\n'; echo over",
    );
    let ear = Ear::default();
    let failure = stack.root.apply(&ear, "up.tfplan").await.unwrap_err().failure;
    assert!(failure.summary.contains("without saying why"), "{}", failure.summary);
    assert_eq!(failure.causes.last().map(String::as_str), Some("over"));
    assert!(ear.log().contains("{\"@message\": \"half"));
    assert!(stack.root.at_work().unwrap().is_none());
}

#[tokio::test]
async fn a_plan_that_fails_in_silence_is_no_success() {
    let silent = pretender("exit 1");
    assert!(planned(&silent).await.summary.contains("`terraform plan` ended without saying why"));
    assert!(applied(&silent).await.summary.contains("`terraform apply` ended without saying why"));
    let content = pretender("exit 0");
    assert!(applied(&content).await.summary.contains("without saying why"), "nobody said that it was done");
}

#[tokio::test]
async fn an_unknown_language_is_refused() {
    let stack = pretender(
        r#"echo '{"@message":"Terraform 2","type":"version","terraform":"2.0.0","ui":"2.0"}'; echo '{"@message":"ok","type":"change_summary","changes":{"add":1,"change":0,"remove":0,"operation":"apply"}}'"#,
    );
    for failure in [planned(&stack).await, applied(&stack).await] {
        assert!(failure.summary.contains("does not know"), "{failure:?}");
        assert!(failure.causes[0].contains("2.0"), "{failure:?}");
    }
}

#[tokio::test]
async fn one_that_hangs_is_ended_at_its_deadline() {
    let mut stack = pretender("sleep 600 & sleep 600");
    stack.root = stack.root.clone().patient(Duration::from_millis(500));
    let began = Instant::now();
    let failure = planned(&stack).await;
    assert_eq!(failure.code, Some(Code::Deadline), "{failure:?}");
    assert_eq!(stack.root.outputs().await.unwrap_err().failure.code, Some(Code::Deadline));
    assert!(began.elapsed() < Duration::from_mins(1));
    assert!(stack.processes().is_empty(), "with all it started");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let stack = Stack::with("", PathBuf::from("/nonexistent/terraform"));
    for failure in [planned(&stack).await, applied(&stack).await] {
        assert!(failure.causes[0].contains("/nonexistent/terraform"), "{failure:?}");
        assert!(failure.hint.unwrap().contains("doctor"));
    }
    assert!(stack.root.at_work().unwrap().is_none(), "nothing was begun");
}

#[tokio::test]
async fn a_plan_or_outputs_that_cannot_be_read_are_told() {
    let stack = pretender("[ $1 = plan ] && exit 0; echo rubbish");
    assert!(planned(&stack).await.summary.contains("plan could not be read"));
    assert!(stack.root.outputs().await.unwrap_err().failure.summary.contains("outputs could not be read"));
}

const WITH_PROVIDER: &str =
    "terraform {\n  required_providers {\n    shop = {\n      source = \"example.com/test/shop\"\n    }\n  }\n}\n";

/// A provider that can be installed, if not run.
fn mirror(folder: &Path, content: &str) -> PathBuf {
    let platform = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let mirror = folder.join("mirror");
    let package = mirror
        .join(format!("example.com/test/shop/1.0.0/{}_{platform}", std::env::consts::OS.replace("macos", "darwin")));
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join("terraform-provider-shop_v1.0.0"), content).unwrap();
    fs::write(folder.join("terraform.rc"), mirror_config(&mirror)).unwrap();
    mirror
}

#[tokio::test]
async fn a_provider_is_installed_once_for_all_and_another_is_noticed() {
    let stack = Stack::with(WITH_PROVIDER, terraform());
    let cache = stack.folder.path().join("cache");
    let root = root_of(stack.folder.path(), terraform()).sharing(cache.clone());
    mirror(stack.folder.path(), "one");
    let ear = Ear::default();
    root.init(&ear, "1").await.unwrap();
    assert!(ear.log().contains("example.com/test/shop"), "{}", ear.log());
    let ear = Ear::default();
    root.init(&ear, "1").await.unwrap();
    assert_eq!(ear.log(), "", "done once, not done again");

    // Another root takes it from the cache, though the mirror is gone.
    fs::rename(stack.folder.path().join("mirror"), stack.folder.path().join("gone")).unwrap();
    let other = Stack::with(WITH_PROVIDER, terraform());
    fs::copy(stack.folder.path().join("terraform.rc"), other.folder.path().join("kept.rc")).unwrap();
    fs::rename(stack.folder.path().join("gone"), stack.folder.path().join("mirror")).unwrap();
    let second = root_of(other.folder.path(), terraform()).sharing(cache.clone());
    fs::rename(other.folder.path().join("kept.rc"), other.folder.path().join("terraform.rc")).unwrap();
    let ear = Ear::default();
    second.init(&ear, "1").await.unwrap();
    assert!(ear.log().contains("from the shared cache"), "{}", ear.log());

    // The mirror now has something else under the same version, and the cache is lost.
    mirror(stack.folder.path(), "another");
    fs::remove_dir_all(cache.join("providers")).unwrap();
    let failure = root.init(&Ear::default(), "1").await.unwrap_err().failure;
    assert_eq!(failure.summary, "A provider is not the one that was used before", "{failure:?}");
}

#[tokio::test]
async fn a_provider_that_cannot_be_had_is_told() {
    let stack = Stack::with(WITH_PROVIDER, terraform());
    fs::create_dir(stack.folder.path().join("mirror")).unwrap();
    let root = root_of(stack.folder.path(), terraform());
    fs::write(stack.folder.path().join("terraform.rc"), mirror_config(&stack.folder.path().join("mirror"))).unwrap();
    let failure = root.init(&Ear::default(), "1").await.unwrap_err().failure;
    assert_eq!(failure.summary, "Terraform's provider could not be downloaded", "{failure:?}");
}

#[tokio::test]
async fn two_roots_do_not_install_at_once() {
    let stack = Stack::with(WITH_PROVIDER, terraform());
    let cache = stack.folder.path().join("cache");
    fs::create_dir_all(&cache).unwrap();
    let lock = fs::File::create(cache.join("lock")).unwrap();
    lock.lock().unwrap();
    let root = root_of(stack.folder.path(), terraform()).sharing(cache);
    mirror(stack.folder.path(), "one");
    let ear = Ear::default();
    let told = || ear.progress().iter().any(|told| told.2.contains("Waiting for another root"));
    tokio::select! {
        _ = root.init(&ear, "1") => panic!("it should wait"),
        () = eventually("a word of what it waits for", told) => {}
    }
    drop(lock);
    root.init(&ear, "1").await.unwrap();
}
