//! Images to push, made with umoci, and folders to make layers from.

use std::fs;
use std::path::Path;

use images::{Fingerprint, Image, Layer, Settings, Source, Store, Tree, build};
use tempfile::TempDir;

use super::server::{PASSWORD, Server, USER};
use super::{source, tool};

/// Bytes that do not shrink.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}

/// Puts a base image into a registry: two layers, one of them of `length` bytes that do not shrink. Gives its digest.
pub(crate) fn base(server: &Server, image: &str, length: usize) -> String {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (layout, bundle) = (format!("{}:base", at("layout")), at("bundle"));
    tool("umoci", &["init", "--layout", &at("layout")]);
    tool("umoci", &["new", "--image", &layout]);
    for (name, content) in [("first", noise(1, length)), ("second", b"hello".to_vec())] {
        tool("umoci", &["unpack", "--rootless", "--image", &layout, &bundle]);
        fs::create_dir_all(format!("{bundle}/rootfs/etc")).unwrap();
        fs::write(format!("{bundle}/rootfs/etc/{name}"), content).unwrap();
        tool("umoci", &["repack", "--image", &layout, &bundle]);
        fs::remove_dir_all(&bundle).unwrap();
    }
    let env = ["--config.env", "PATH=/usr/bin", "--config.env", "LANG=C", "--config.cmd", "base"];
    let platform = ["--architecture", "amd64", "--os", "linux"];
    tool("umoci", &[["config", "--image", &layout].as_slice(), &platform, &env].concat());
    copy(&format!("oci:{layout}"), &server.at(image), &[]);
    server.inspect(image)["Digest"].as_str().unwrap().to_owned()
}

/// Copies an image with skopeo.
pub(crate) fn copy(from: &str, to: &str, more: &[&str]) {
    let login = format!("{USER}:{PASSWORD}");
    let mut arguments = vec!["--insecure-policy", "copy", "--dest-tls-verify=false", "--dest-creds", &login];
    if from.starts_with("docker:") {
        arguments.extend(["--src-tls-verify=false", "--src-creds", &login]);
    }
    arguments.extend(more);
    arguments.extend([from, to]);
    tool("skopeo", &arguments);
}

/// A store, and folders that become layers.
pub(crate) struct Workshop {
    pub(crate) store: Store,
    pub(crate) folder: TempDir,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { store: Store::open(folder.path().join("store")).unwrap(), folder }
    }

    /// A layer with one file.
    pub(crate) async fn layer(&self, name: &str, content: &[u8]) -> Layer {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), content).unwrap();
        let trees = vec![Tree::new(folder, "/opt/shop")];
        let fingerprint = Fingerprint::of_trees(&trees).unwrap();
        self.store.pack(&fingerprint, trees, &format!("layer {name}")).await.unwrap()
    }

    /// A base with two layers on top, the first of `length` bytes that do not shrink.
    pub(crate) async fn image(&self, base: &Source, length: usize) -> Image {
        let layers = [self.layer("packages", &noise(2, length)).await, self.layer("project", b"select 1").await];
        build(base, &layers, &Settings::default(), &self.store).await.unwrap()
    }
}

/// A registry with a base image in `base:1`, and an image on top of it that has not been pushed.
pub(crate) async fn unpushed(server: &Server, workshop: &Workshop, length: usize) -> Image {
    let digest = base(server, "base:1", 100_000);
    workshop.image(&source(server.address(), "base", &digest), length).await
}

/// Unpacks an image of a registry with umoci and gives where its files are.
pub(crate) fn unpacked(server: &Server, image: &str, into: &Path) -> std::path::PathBuf {
    let at = |name: &str| into.join(name).display().to_string();
    fs::create_dir(into).unwrap();
    copy(&server.at(image), &format!("oci:{}:it", at("copy")), &[]);
    tool("umoci", &["unpack", "--rootless", "--image", &format!("{}:it", at("copy")), &at("bundle")]);
    into.join("bundle/rootfs")
}
