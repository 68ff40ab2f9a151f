//! Signing in.

use protocol::{AwsAccess, AwsPlace};
use serde_json::json;

use crate::rig::Rig;

#[tokio::test]
async fn whose_the_credentials_are_and_the_registry_they_open() {
    let rig = Rig::start();
    let session = rig.session().await;
    assert_eq!(session.identity().await.unwrap().account_id, "123456789012");
    let failure = session.expect_account("210987654321").await.unwrap_err();
    assert!(failure.causes[0].contains("210987654321"), "{failure:?}");
    let login = session.registry_login().await.unwrap();
    assert_eq!((login.user.as_str(), login.password.as_str()), ("AWS", "123456789012-auth-token"));
    assert!(login.endpoint.contains("127.0.0.1"), "{}", login.endpoint);
    assert!(login.expires_at.is_some());

    rig.order(&json!({ "service": "sts", "kind": "expired" })).await;
    let failure = session.identity().await.unwrap_err();
    assert!(failure.hint.as_ref().unwrap().contains("sign in again"), "{failure:?}");
    rig.order(&json!({ "service": "sts", "kind": "throttle", "times": 2 })).await;
    session.identity().await.expect("two refusals are tried again");
}

#[tokio::test]
async fn an_account_that_is_not_reached_is_one_clear_failure() {
    let place = AwsPlace { access: AwsAccess::Key { id: "AKIA1".into() }, region: "eu-central-1".into() };
    let session = cloud::Session::open_at(&place, Some("hush".into()), Some("http://127.0.0.1:9")).await.unwrap();
    let failure = session.identity().await.unwrap_err();
    assert!(failure.hint.as_ref().unwrap().contains("network"), "{failure:?}");
    assert!(!format!("{failure:?}").contains("hush"));
}

/// Signs in with a profile of its own, in the world that `the_profile_wins_over_keys_in_the_environment` makes.
#[tokio::test]
#[ignore = "run by another test, in an environment of its own"]
async fn signs_in_with_a_profile() {
    let place = AwsPlace { access: AwsAccess::Profile { name: "work".into() }, region: "eu-central-1".into() };
    let session = cloud::Session::open(&place, None).await.unwrap();
    match session.identity().await {
        Ok(identity) => println!("signed in as {}", identity.arn),
        Err(failure) => println!("failed: {} / {}", failure, failure.hint.as_deref().unwrap_or_default()),
    }
    let names: Vec<String> = cloud::profiles().into_iter().map(|profile| profile.name).collect();
    println!("profiles: {}", names.join(", "));
}

fn with_profile(rig: &Rig, config: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    std::fs::write(&file, config).unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "session::signs_in_with_a_profile", "--ignored", "--nocapture"])
        .env("AWS_CONFIG_FILE", &file)
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.path().join("none"))
        .env("AWS_ENDPOINT_URL", rig.endpoint())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "AKIAFROMENVIRONMENT")
        .env("AWS_SECRET_ACCESS_KEY", "hush")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_profile_wins_over_keys_in_the_environment() {
    let rig = Rig::start();
    let key =
        "[profile work]\naws_access_key_id = AKIA1\naws_secret_access_key = x\n[profile other]\nregion = eu-west-1\n";
    let told = with_profile(&rig, key);
    assert!(told.contains("signed in as arn:aws:"), "{told}");
    assert!(told.contains("profiles: other, work"), "{told}");

    let told = with_profile(&rig, "[profile other]\nregion = eu-west-1\n");
    assert!(told.contains("Profile work gives no credentials"), "{told}");

    // A profile of an organisation whose sign-in was never done, or is over.
    let sso = "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Admin\n\
               [sso-session corp]\nsso_start_url = https://corp.example/start\nsso_region = eu-central-1\n";
    let told = with_profile(&rig, sso);
    assert!(told.contains("aws sso login --profile work"), "{told}");
}
