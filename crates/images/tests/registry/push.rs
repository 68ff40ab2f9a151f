//! Pushing: what arrives, and what is not sent.

use std::fs;
use std::sync::Mutex;

use images::{Transfer, push};

use crate::support::line::Line;
use crate::support::samples::{Workshop, unpacked, unpushed};
use crate::support::server::Server;
use crate::support::target;

const QUIET: fn(Transfer) = |_| {};

#[tokio::test]
async fn an_image_arrives_as_it_was_built() {
    let (server, workshop) = (Server::start(), Workshop::new());
    let image = unpushed(&server, &workshop, 1_000_000).await;
    let pushed = push(&image, &target(server.address(), "shop/dagster", "1"), &QUIET).await.unwrap();
    assert_eq!(pushed.digest, image.digest);
    assert_eq!(server.inspect("shop/dagster:1")["Digest"], image.digest.as_ref());
    assert_eq!(server.manifest("shop/dagster:1").as_bytes(), image.manifest);
    let files = unpacked(&server, "shop/dagster:1", &workshop.folder.path().join("unpacked"));
    assert_eq!(fs::read(files.join("etc/second")).unwrap(), b"hello");
    assert_eq!(fs::read(files.join("opt/shop/project")).unwrap(), b"select 1");
    assert_eq!(fs::metadata(files.join("opt/shop/packages")).unwrap().len(), 1_000_000);
}

#[tokio::test]
async fn an_unchanged_push_is_one_question() {
    let (server, workshop) = (Server::start(), Workshop::new());
    let line = Line::to(server.address()).await;
    let image = unpushed(&server, &workshop, 1_000_000).await;
    push(&image, &target(line.address(), "shop/dagster", "1"), &QUIET).await.unwrap();
    line.requests();
    let again = push(&image, &target(line.address(), "shop/dagster", "1"), &QUIET).await.unwrap();
    assert_eq!((again.sent, again.blobs), (0, 0));
    let requests = line.requests();
    assert_eq!(requests, [("HEAD".to_owned(), "/v2/shop/dagster/manifests/1".to_owned())]);
}

#[tokio::test]
async fn a_new_image_sends_only_what_is_new() {
    let (server, workshop) = (Server::start(), Workshop::new());
    let line = Line::to(server.address()).await;
    let image = unpushed(&server, &workshop, 1_000_000).await;
    let first = push(&image, &target(line.address(), "base", "shop-1"), &QUIET).await.unwrap();
    assert_eq!(first.blobs, 3, "the config and two layers: those of the base are there");
    line.requests();
    let other = push(&image, &target(line.address(), "base", "shop-2"), &QUIET).await.unwrap();
    assert_eq!((other.sent, other.blobs), (0, 0));
    assert_eq!(line.count("POST", "/uploads/"), 0);
}

#[tokio::test]
async fn layers_of_a_base_in_the_same_registry_are_shared_not_sent() {
    let (server, workshop) = (Server::start(), Workshop::new());
    let image = unpushed(&server, &workshop, 1000).await;
    let pushed = push(&image, &target(server.address(), "shop/dagster", "1"), &QUIET).await.unwrap();
    assert_eq!(pushed.blobs, 3);
    let base = &image.blobs[1];
    assert!(server.has("shop/dagster", base.digest.as_ref()));
    assert!(pushed.sent < base.size, "{} bytes were sent", pushed.sent);
}

#[tokio::test]
async fn progress_ends_at_all_of_it() {
    let (server, workshop) = (Server::start(), Workshop::new());
    let image = unpushed(&server, &workshop, 3_000_000).await;
    for _ in ["sent", "there"] {
        let told = Mutex::new(Vec::new());
        let listen = |transfer: Transfer| told.lock().unwrap().push(transfer);
        push(&image, &target(server.address(), "shop/dagster", "1"), &listen).await.unwrap();
        let told = told.into_inner().unwrap();
        let (size, blobs) = (image.size(), image.blobs.len());
        assert_eq!(told.last(), Some(&Transfer { done: size, total: size, blobs_done: blobs, blobs }));
        assert!(told.is_sorted_by_key(|transfer| transfer.done));
        assert!(told.iter().all(|transfer| transfer.total == size && transfer.done <= size));
    }
}
