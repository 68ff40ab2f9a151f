//! Building: the same from the same, and right where it differs.

use std::fs;
use std::slice;

use images::{Settings, Source, Store, build};
use serde_json::Value;

use crate::support::line::Line;
use crate::support::samples::{Workshop, base};
use crate::support::server::Server;
use crate::support::{source, tool};

#[tokio::test]
async fn the_same_input_gives_the_same_image_anywhere() {
    let server = Server::start();
    let digest = base(&server, "base:1", 1000);
    let (here, there) = (Workshop::new(), Workshop::new());
    let from = source(server.address(), "base", &digest);
    let one = here.image(&from, 2_500_000).await;
    let other = there.image(&from, 2_500_000).await;
    assert_eq!(one.digest, other.digest);
    assert_ne!(one.digest, there.image(&from, 2_500_001).await.digest);
    assert!(one.tag().starts_with("sha256-") && one.digest.as_ref().contains(&one.tag()[7..]));
}

#[tokio::test]
async fn what_the_store_knows_is_neither_packed_nor_asked_for() {
    let (server, workshop) = (Server::start(), Workshop::new());
    let line = Line::to(server.address()).await;
    let from = source(line.address(), "base", &base(&server, "base:1", 1000));
    let image = workshop.image(&from, 1000).await;
    assert!(!line.requests().is_empty());
    let again = workshop.image(&from, 1000).await;
    assert_eq!(again.digest, image.digest);
    assert_eq!(line.requests(), []);
}

#[tokio::test]
async fn settings_go_on_top_of_the_base() {
    let (server, workshop) = (Server::start(), Workshop::new());
    let from = source(server.address(), "base", &base(&server, "base:1", 1000));
    let layer = workshop.layer("project", b"select 1").await;
    let settings = Settings {
        env: [("LANG".to_owned(), "C.UTF-8".to_owned()), ("PYTHONPATH".to_owned(), "/opt".to_owned())].into(),
        path: vec!["/opt/bin".to_owned()],
        entrypoint: Some(vec!["python".to_owned()]),
        folder: Some("/opt/shop".to_owned()),
        user: Some("1000".to_owned()),
        ..Settings::default()
    };
    let config = config_of(&from, slice::from_ref(&layer), &settings, &workshop.store).await;
    assert_eq!(config["config"]["Env"].as_array().unwrap().len(), 3, "{}", config["config"]["Env"]);
    for pair in ["LANG=C.UTF-8", "PATH=/opt/bin:/usr/bin", "PYTHONPATH=/opt"] {
        assert!(config["config"]["Env"].as_array().unwrap().contains(&pair.into()), "{}", config["config"]["Env"]);
    }
    assert_eq!(config["config"]["Entrypoint"], serde_json::json!(["python"]));
    assert_eq!(config["config"].get("Cmd"), None, "the base's arguments are not for another program");
    assert_eq!((&config["config"]["WorkingDir"], &config["config"]["User"]), (&"/opt/shop".into(), &"1000".into()));
    let diff_ids = config["rootfs"]["diff_ids"].as_array().unwrap();
    assert_eq!((diff_ids.len(), diff_ids.last().unwrap()), (3, &layer.diff_id.as_ref().into()));
    let history = config["history"].as_array().unwrap();
    let layers = history.iter().filter(|entry| entry["empty_layer"] != true).count();
    assert_eq!((layers, &history.last().unwrap()["created_by"]), (3, &"layer project".into()));
}

#[tokio::test]
async fn without_settings_all_is_as_in_the_base() {
    let (server, workshop) = (Server::start(), Workshop::new());
    let from = source(server.address(), "base", &base(&server, "base:1", 1000));
    let config = config_of(&from, &[], &Settings::default(), &workshop.store).await;
    assert_eq!(config["config"]["Cmd"], serde_json::json!(["base"]));
    assert_eq!(config["architecture"], "amd64");
}

#[tokio::test]
async fn a_damaged_layer_in_the_store_is_packed_again() {
    let workshop = Workshop::new();
    let layer = workshop.layer("project", b"select 1").await;
    let path = workshop.folder.path().join("store/blobs/sha256").join(layer.digest.digest());
    fs::write(&path, "half").unwrap();
    assert_eq!(workshop.layer("project", b"select 1").await, layer);
    assert_eq!(fs::metadata(&path).unwrap().len(), layer.size);
}

#[tokio::test]
async fn the_store_keeps_what_is_needed() {
    let (server, workshop) = (Server::start(), Workshop::new());
    let from = source(server.address(), "base", &base(&server, "base:1", 1000));
    let image = workshop.image(&from, 1000).await;
    let old = workshop.layer("old", b"old").await;
    let blobs = workshop.folder.path().join("store/blobs/sha256");
    assert!(blobs.join(old.digest.digest()).exists());
    workshop.store.keep_only(&[&image]).unwrap();
    assert!(!blobs.join(old.digest.digest()).exists());
    let kept = image.blobs.iter().filter(|blob| blobs.join(blob.digest.digest()).exists()).count();
    assert_eq!(kept, 2, "both layers that were packed here");
    assert_eq!(workshop.image(&from, 1000).await.digest, image.digest);
}

/// The config of a built image, by way of the image it gives when pushed.
async fn config_of(base: &Source, layers: &[images::Layer], settings: &Settings, store: &Store) -> Value {
    let image = build(base, layers, settings, store).await.unwrap();
    let images::Origin::Memory(config) = &image.blobs[0].origin else { panic!("the config is made in memory") };
    serde_json::from_slice(config).unwrap()
}

#[test]
fn the_tools_are_there() {
    for program in ["docker-registry", "skopeo", "umoci"] {
        tool(program, &["--version"]);
    }
}
