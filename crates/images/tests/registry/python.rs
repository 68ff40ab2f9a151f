//! The layer of Python packages, installed by the real uv from this repository's own lock.

use std::fs;
use std::path::Path;
use std::process::Command;

use images::python::Packages;
use images::{Layer, Store};
use tempfile::TempDir;

use crate::support::tool;

/// Packages of the lock that show what matters: one with native code, one with a program.
const WANTED: [&str; 2] = ["markupsafe", "sqlparse"];

/// The lock's entries of the wanted packages, hashes and all.
fn requirements() -> String {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dagster/requirements.txt");
    let lock = fs::read_to_string(lock).unwrap();
    let mut inside = false;
    let lines = lock.lines().filter(|line| {
        if !line.starts_with([' ', '#']) {
            inside = WANTED.iter().any(|name| line.starts_with(&format!("{name}==")));
        }
        inside
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// Installs with a Python of its own, at a path of this length, and packs the layer.
async fn made(python_in: &str) -> (TempDir, Layer) {
    let folder = tempfile::tempdir().unwrap();
    let (requirements_file, site) = (folder.path().join("requirements.txt"), folder.path().join("site"));
    fs::write(&requirements_file, requirements()).unwrap();
    let environment = folder.path().join(python_in).display().to_string();
    tool("uv", &["venv", "--quiet", "--no-project", &environment]);
    let packages = Packages::new(requirements_file, site);
    packages.prepare().unwrap();
    let mut uv = Command::new("uv");
    let status = uv.args(packages.arguments()).args(["--quiet", "--python", &environment]).status().unwrap();
    assert!(status.success(), "uv: {status}");
    let program = folder.path().join("site/bin/sqlformat");
    assert!(fs::read_to_string(&program).unwrap().contains(python_in), "else there is nothing to settle");
    packages.settle().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    let layer = store.pack(&packages.fingerprint().unwrap(), vec![packages.tree()], "Python packages").await.unwrap();
    (folder, layer)
}

#[tokio::test]
async fn the_layer_is_the_same_whatever_python_installed_it() {
    let (one, one_layer) = made("venv").await;
    let (_other, other_layer) = made(&"a-long-way/".repeat(12)).await;
    assert_eq!(one_layer.digest, other_layer.digest);
    let site = one.path().join("site");
    let program = fs::read_to_string(site.join("bin/sqlformat")).unwrap();
    assert!(program.starts_with("#!/usr/bin/env python3\n"), "{program}");
    let run =
        Command::new("python3").arg(site.join("bin/sqlformat")).arg("--version").env("PYTHONPATH", &site).output();
    assert!(String::from_utf8_lossy(&run.unwrap().stdout).contains("0."), "the program still runs");
    let native = walk(&site).into_iter().find(|path| path.ends_with("x86_64-linux-gnu.so"));
    assert!(native.is_some_and(|path| path.contains("cpython-311")), "{:?}", walk(&site));
}

fn walk(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path.display().to_string()] }).collect()
}
