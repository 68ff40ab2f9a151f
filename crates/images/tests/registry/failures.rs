//! What goes wrong on the way, one thing at a time: it passes, or one message says what to do and nothing is lost.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use images::{Image, Login, Logins, Pushed, Registry, Settings, Target, Transfer, build, pull, push};
use protocol::{Blame, Failure};

use crate::support::line::{Fault, Line};
use crate::support::samples::{Workshop, base, unpushed};
use crate::support::server::{PASSWORD, Server, USER};
use crate::support::{hasty, limits, source, target};

const QUIET: fn(Transfer) = |_| {};

/// A registry, a line to it, and an image to send over it: a config, two layers of a base, one of 3 MB and a small one.
struct Scene {
    server: Server,
    line: Line,
    image: Image,
    _workshop: Workshop,
}

impl Scene {
    async fn new() -> Self {
        let (server, workshop) = (Server::start(), Workshop::new());
        let (line, image) = (Line::to(server.address()).await, unpushed(&server, &workshop, 3_000_000).await);
        Self { server, line, image, _workshop: workshop }
    }

    fn target(&self) -> Target {
        target(self.line.address(), "shop/dagster", "1")
    }

    async fn push(&self) -> Result<Pushed, Failure> {
        push(&self.image, &self.target(), &QUIET).await
    }

    #[track_caller]
    fn assert_arrived(&self) {
        assert_eq!(self.server.inspect("shop/dagster:1")["Digest"], self.image.digest.as_ref());
    }
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let scene = Scene::new().await;
    let faults = [
        ("HEAD", "/manifests/", Fault::Answer(500, "")),
        ("HEAD", "/blobs/", Fault::Answer(503, "")),
        ("POST", "/uploads/", Fault::Answer(429, "slow down")),
        ("POST", "/uploads/", Fault::LoseAnswer),
        ("PUT", "/uploads/", Fault::Answer(500, "")),
        ("PUT", "/uploads/", Fault::CutBody(1000)),
        ("PUT", "/uploads/", Fault::StallBody(1_000_000)),
        ("PUT", "/manifests/", Fault::Answer(500, "")),
        ("PUT", "/manifests/", Fault::CutBody(10)),
        ("HEAD", "/manifests/", Fault::LoseAnswer),
    ];
    for (number, (method, path, fault)) in faults.into_iter().enumerate() {
        // To a registry, each repository is a world of its own.
        let repository = format!("shop/fault-{number}");
        scene.line.breaks(method, path, 2, fault);
        let to = if matches!(fault, Fault::StallBody(_)) { hasty } else { target };
        let pushed = push(&scene.image, &to(scene.line.address(), &repository, "1"), &QUIET).await;
        assert!(pushed.is_ok(), "{method} {path} {fault:?}: {pushed:?}");
        assert_eq!(scene.server.inspect(&format!("{repository}:1"))["Digest"], scene.image.digest.as_ref());
        scene.line.heals();
    }
}

#[tokio::test]
async fn a_blob_whose_answer_is_lost_is_not_sent_again() {
    let scene = Scene::new().await;
    scene.line.breaks("PUT", "/uploads/", 1, Fault::LoseAnswer);
    let pushed = scene.push().await.unwrap();
    // The line is an address of its own, so the base's layers are sent too.
    assert_eq!(pushed.blobs, 5);
    assert_eq!(scene.line.count("PUT", "/uploads/"), 5);
    scene.assert_arrived();
}

#[tokio::test]
async fn a_manifest_whose_answer_is_lost_counts() {
    let scene = Scene::new().await;
    scene.line.breaks("PUT", "/manifests/", 4, Fault::LoseAnswer);
    scene.push().await.unwrap();
    scene.assert_arrived();
}

#[tokio::test]
async fn a_push_that_failed_is_taken_up_where_it_ended() {
    let scene = Scene::new().await;
    scene.line.breaks("PUT", "/manifests/", usize::MAX, Fault::Answer(500, "out of order"));
    let failure = scene.push().await.unwrap_err();
    assert!(failure.summary.ends_with("kept failing while storing the image shop/dagster:1"), "{failure}");
    assert_eq!(failure.causes, ["it answered 500: out of order"]);
    assert!(failure.hint.unwrap().contains("only the rest is sent"));
    scene.line.heals();
    let pushed = scene.push().await.unwrap();
    assert_eq!((pushed.sent, pushed.blobs), (0, 0), "all blobs had arrived");
    scene.assert_arrived();
}

#[tokio::test]
async fn a_line_that_keeps_breaking_is_one_clear_failure() {
    let scene = Scene::new().await;
    for (fault, cause) in [(Fault::CutBody(500_000), ""), (Fault::StallBody(500_000), "nothing came for")] {
        scene.line.breaks("PUT", "/uploads/", usize::MAX, fault);
        let to = hasty(scene.line.address(), "shop/dagster", "1");
        let failure = push(&scene.image, &to, &QUIET).await.unwrap_err();
        assert!(failure.summary.contains("broke while sending sha256:"), "{failure}");
        assert!(failure.causes[0].contains(cause), "{failure}");
        assert_eq!(failure.blame, Blame::Environment);
        scene.line.heals();
    }
    scene.push().await.unwrap();
    scene.assert_arrived();
}

#[tokio::test]
async fn a_source_that_breaks_off_is_asked_for_the_rest() {
    let (from, to, workshop) = (Server::start(), Server::start(), Workshop::new());
    let (from_line, to_line) = (Line::to(from.address()).await, Line::to(to.address()).await);
    let digest = base(&from, "postgres:16", 3_000_000);
    let image = pull(&source(from_line.address(), "postgres", &digest), &workshop.store).await.unwrap();
    let largest = image.blobs.iter().max_by_key(|blob| blob.size).unwrap();
    from_line.breaks("GET", largest.digest.as_ref(), 2, Fault::CutAnswer(1_000_000));
    push(&image, &target(to_line.address(), "postgres", "16"), &QUIET).await.unwrap();
    assert_eq!(to.inspect("postgres:16")["Digest"], digest.as_str());
    assert_eq!(to_line.count("PUT", "/uploads/"), image.blobs.len(), "the target never noticed");
    assert_eq!(from_line.count("GET", largest.digest.as_ref()), 3);
}

#[tokio::test]
async fn a_source_that_stays_broken_is_named() {
    let (from, to, workshop) = (Server::start(), Server::start(), Workshop::new());
    let line = Line::to(from.address()).await;
    let digest = base(&from, "postgres:16", 3_000_000);
    let image = pull(&source(line.address(), "postgres", &digest), &workshop.store).await.unwrap();
    line.breaks("GET", "/blobs/", usize::MAX, Fault::CutAnswer(100_000));
    let failure = push(&image, &target(to.address(), "postgres", "16"), &QUIET).await.unwrap_err();
    let expected = format!("The connection to {} broke while reading sha256:", line.address());
    assert!(failure.summary.starts_with(&expected), "{failure}");
}

#[tokio::test]
async fn what_comes_damaged_goes_nowhere() {
    let (from, to, workshop) = (Server::start(), Server::start(), Workshop::new());
    let line = Line::to(from.address()).await;
    let digest = base(&from, "postgres:16", 100_000);
    let from = source(line.address(), "postgres", &digest);
    line.breaks("GET", "/blobs/", usize::MAX, Fault::Garble);
    let config = build(&from, &[], &Settings::default(), &workshop.store).await.unwrap_err();
    let image = pull(&from, &workshop.store).await.unwrap();
    let layer = push(&image, &target(to.address(), "postgres", "16"), &QUIET).await.unwrap_err();
    for failure in [config, layer] {
        assert!(failure.summary.starts_with("Bytes came out damaged while"), "{failure}");
    }
    line.breaks("GET", "/manifests/", usize::MAX, Fault::Garble);
    let failure = pull(&from, &Workshop::new().store).await.unwrap_err();
    assert!(failure.summary.starts_with("Bytes came out damaged while reading the image postgres@"), "{failure}");
}

/// Passwords that have run out, then good ones.
struct RunsOut {
    asked: AtomicUsize,
    good_from: usize,
}

#[async_trait]
impl Logins for RunsOut {
    async fn login(&self) -> Result<Option<Login>, Failure> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Login::new(USER, if asked < self.good_from { "run-out" } else { PASSWORD })))
    }
}

async fn push_with(scene: &Scene, logins: &Arc<RunsOut>) -> Result<Pushed, Failure> {
    let logins: Arc<dyn Logins> = Arc::clone(logins) as _;
    let registry = Registry::new(scene.line.address(), logins, limits()).unwrap();
    push(&scene.image, &Target { registry, ..scene.target() }, &QUIET).await
}

#[tokio::test]
async fn credentials_that_ran_out_are_renewed_once_for_all() {
    let scene = Scene::new().await;
    let logins = Arc::new(RunsOut { asked: AtomicUsize::new(0), good_from: 1 });
    push_with(&scene, &logins).await.unwrap();
    assert_eq!(logins.asked.load(Ordering::Relaxed), 2);
    scene.assert_arrived();
}

#[tokio::test]
async fn credentials_that_run_out_in_the_middle_are_renewed() {
    let scene = Scene::new().await;
    let logins = Arc::new(RunsOut { asked: AtomicUsize::new(0), good_from: 0 });
    let denied = r#"{"errors":[{"code":"DENIED","message":"Your authorization token has expired."}]}"#;
    scene.line.breaks("PUT", "/uploads/", 1, Fault::Answer(403, denied));
    push_with(&scene, &logins).await.unwrap();
    assert_eq!(logins.asked.load(Ordering::Relaxed), 2);
    scene.assert_arrived();
}

#[tokio::test]
async fn refused_credentials_are_one_clear_failure_without_them() {
    let scene = Scene::new().await;
    let logins = Arc::new(RunsOut { asked: AtomicUsize::new(0), good_from: usize::MAX });
    let failure = push_with(&scene, &logins).await.unwrap_err();
    assert!(failure.summary.contains("refused the credentials while asking for shop/dagster:1"), "{failure}");
    assert_eq!(failure.blame, Blame::User);
    assert!(!format!("{failure:?}").contains("run-out"));
    assert_eq!(logins.asked.load(Ordering::Relaxed), 2, "it was asked for fresh ones, and not again and again");
}

#[tokio::test]
async fn a_digest_nobody_knows_is_said_to_be_so() {
    let (server, workshop) = (Server::start(), Workshop::new());
    base(&server, "base:1", 1000);
    let unknown = format!("sha256:{}", "1".repeat(64));
    let failure = pull(&source(server.address(), "base", &unknown), &workshop.store).await.unwrap_err();
    assert_eq!(failure.summary, format!("{} has no image base@{unknown}", server.address()));
    assert!(failure.hint.unwrap().contains("mistyped"));
}

#[tokio::test]
async fn a_taken_tag_is_left_as_it_is() {
    let scene = Scene::new().await;
    let theirs = base(&scene.server, "shop/dagster:1", 50_000);
    scene.line.requests();
    let failure = scene.push().await.unwrap_err();
    assert_eq!(failure.summary, "The tag shop/dagster:1 is taken by another image");
    assert!(failure.causes[0].contains(&theirs) && failure.causes[0].contains(scene.image.digest.as_ref()));
    assert_eq!(scene.server.inspect("shop/dagster:1")["Digest"], theirs.as_str());
    assert_eq!(scene.line.count("POST", ""), 0, "nothing was sent");
}

#[tokio::test]
async fn a_tag_somebody_else_took_first_is_said_to_be_taken() {
    let scene = Scene::new().await;
    let immutable = r#"{"errors":[{"code":"TAG_INVALID","message":"The image tag '1' already exists"}]}"#;
    scene.line.breaks("PUT", "/manifests/", 1, Fault::Answer(400, immutable));
    let absent = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
    // The first look, a HEAD and a GET, is before theirs is there.
    scene.line.breaks("HEAD", "/manifests/", 1, Fault::Answer(404, ""));
    scene.line.breaks("GET", "/manifests/", 1, Fault::Answer(404, absent));
    base(&scene.server, "shop/dagster:1", 50_000);
    let failure = scene.push().await.unwrap_err();
    assert_eq!(failure.summary, "The tag shop/dagster:1 is taken by another image");
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_named() {
    let scene = Scene::new().await;
    let unknown = r#"{"errors":[{"code":"NAME_UNKNOWN","message":"The repository does not exist"}]}"#;
    scene.line.breaks("POST", "/uploads/", usize::MAX, Fault::Answer(404, unknown));
    let failure = scene.push().await.unwrap_err();
    assert_eq!(failure.summary, format!("{} has no repository shop/dagster", scene.line.address()));
    assert!(failure.causes[0].contains("The repository does not exist"), "{failure}");
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_one_clear_failure() {
    let scene = Scene::new().await;
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let failure = push(&scene.image, &target(&address, "shop/dagster", "1"), &QUIET).await.unwrap_err();
    assert_eq!(failure.summary, format!("{address} could not be reached while asking for shop/dagster:1"));
    assert!(failure.hint.unwrap().contains("Check the network"));
}

#[tokio::test]
async fn a_layer_that_is_gone_from_the_disk_is_named() {
    let scene = Scene::new().await;
    let images::Origin::File(path) = &scene.image.blobs[3].origin else { panic!("the third layer was packed here") };
    std::fs::remove_file(path).unwrap();
    let failure = scene.push().await.unwrap_err();
    assert_eq!(failure.summary, format!("{} could not be read", path.display()));
}

#[tokio::test]
async fn a_push_that_is_dropped_ends_and_can_be_done_again() {
    let scene = Scene::new().await;
    scene.line.breaks("PUT", "/uploads/", 1, Fault::StallBody(1_000_000));
    let given_up = tokio::time::timeout(Duration::from_millis(400), scene.push()).await;
    assert!(given_up.is_err(), "it waits for the blob that stalls");
    scene.line.requests();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(scene.line.requests(), [], "nobody goes on with it");
    scene.push().await.unwrap();
    scene.assert_arrived();
}

#[test]
fn what_is_not_pinned_is_refused() {
    for (reference, cause) in [
        ("docker.io/library/postgres:16", "it has no digest, and a tag may move"),
        ("Docker.io/UPPER", "invalid reference format"),
        ("docker.io/library/postgres@sha256:12", ""),
    ] {
        let failure = images::Source::parse(reference, Arc::new(images::Anonymous), limits()).unwrap_err();
        assert_eq!(failure.summary, format!("“{reference}” does not name one image for good"));
        assert!(failure.causes[0].contains(cause), "{failure}");
    }
}
