//! Mirroring: from registry to registry, byte by byte the same.

use images::{Transfer, pull, push};
use oci_client::Reference;
use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;

use crate::support::line::Line;
use crate::support::samples::{Workshop, base, copy};
use crate::support::server::{PASSWORD, Server, USER};
use crate::support::{source, target};

const QUIET: fn(Transfer) = |_| {};

#[tokio::test]
async fn an_image_keeps_its_digest_and_its_bytes() {
    let (from, to, workshop) = (Server::start(), Server::start(), Workshop::new());
    base(&from, "postgres:16", 2_000_000);
    // As Docker wrote manifests before there was a standard, and public images still have them.
    copy(&from.at("postgres:16"), &from.at("postgres:docker"), &["--format", "v2s2"]);
    for tag in ["16", "docker"] {
        let digest = from.inspect(&format!("postgres:{tag}"))["Digest"].as_str().unwrap().to_owned();
        let image = pull(&source(from.address(), "postgres", &digest), &workshop.store).await.unwrap();
        push(&image, &target(to.address(), "shop/postgres", tag), &QUIET).await.unwrap();
        let mirrored = format!("shop/postgres:{tag}");
        assert_eq!(to.inspect(&mirrored)["Digest"], digest.as_str());
        assert_eq!(to.manifest(&mirrored), from.manifest(&format!("postgres:{tag}")));
    }
}

#[tokio::test]
async fn a_second_mirroring_asks_the_source_nothing_and_the_target_once() {
    let (from, to, workshop) = (Server::start(), Server::start(), Workshop::new());
    let (from_line, to_line) = (Line::to(from.address()).await, Line::to(to.address()).await);
    let digest = base(&from, "postgres:16", 100_000);
    for round in ["first", "second"] {
        let image = pull(&source(from_line.address(), "postgres", &digest), &workshop.store).await.unwrap();
        push(&image, &target(to_line.address(), "shop/postgres", "16"), &QUIET).await.unwrap();
        let (asked, told) = (from_line.requests(), to_line.requests());
        if round == "second" {
            assert_eq!(asked, []);
            assert_eq!(told, [("HEAD".to_owned(), "/v2/shop/postgres/manifests/16".to_owned())]);
        }
    }
}

#[tokio::test]
async fn of_an_index_the_image_for_linux_amd64_is_taken() {
    let (server, workshop) = (Server::start(), Workshop::new());
    // To a registry, the platform is what the index says.
    let (foreign, digest) = (base(&server, "postgres:arm", 1001), base(&server, "postgres:16", 1000));
    let entry = |architecture: &str, digest: &str| {
        let size = server.manifest(&format!("postgres@{digest}")).len();
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":{size},
                "platform":{{"architecture":"{architecture}","os":"linux"}}}}"#
        )
    };
    let (whole, lacking) = (
        store_index(&server, &[entry("arm64", &foreign), entry("amd64", &digest)]).await,
        store_index(&server, &[entry("arm64", &foreign)]).await,
    );
    let image = pull(&source(server.address(), "postgres", &whole), &workshop.store).await.unwrap();
    assert_eq!(image.digest.as_ref(), digest);
    let failure = pull(&source(server.address(), "postgres", &lacking), &workshop.store).await.unwrap_err();
    assert!(failure.summary.ends_with("is not made for linux/amd64"), "{failure}");
}

/// Stores an index as a digest of its own, as a registry of several platforms has it.
async fn store_index(server: &Server, entries: &[String]) -> String {
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[{}]}}"#,
        entries.join(",")
    );
    let protocol = ClientProtocol::Http;
    let client = Client::try_from(ClientConfig { protocol, ..ClientConfig::default() }).unwrap();
    client.store_auth_if_needed(server.address(), &RegistryAuth::Basic(USER.into(), PASSWORD.into())).await;
    let reference: Reference = format!("{}/postgres:index-{}", server.address(), entries.len()).parse().unwrap();
    let kind = "application/vnd.docker.distribution.manifest.list.v2+json".parse().unwrap();
    client.push_manifest_raw(&reference, index, kind).await.unwrap();
    let auth = RegistryAuth::Basic(USER.into(), PASSWORD.into());
    client.fetch_manifest_digest(&reference, &auth).await.unwrap()
}
