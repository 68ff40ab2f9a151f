//! The data projects and the Terraform roots, carried inside the executable and laid out in a stack's own folder.

use std::io;
use std::path::Path;

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

static DBT: Dir<'_> = include_dir!("$OUT_DIR/resources/dbt");
static DAGSTER: Dir<'_> = include_dir!("$OUT_DIR/resources/dagster");
static TERRAFORM: Dir<'_> = include_dir!("$OUT_DIR/resources/terraform");

/// Writes both projects below `folder`.
pub fn extract(folder: &Path) -> io::Result<()> {
    for (name, dir) in [("dbt", &DBT), ("dagster", &DAGSTER)] {
        let target = folder.join(name);
        std::fs::create_dir_all(&target)?;
        dir.extract(&target)?;
    }
    Ok(())
}

/// Writes a Terraform root and its modules into `folder`.
pub fn extract_root(root: &str, folder: &Path) -> io::Result<()> {
    let dir = TERRAFORM.get_dir(root).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, root.to_owned()))?;
    write_below(dir, root, folder)
}

/// A fingerprint of all that [`extract_root`] writes.
pub fn fingerprint_of_root(root: &str) -> String {
    let mut hash = Sha256::new();
    TERRAFORM.get_dir(root).into_iter().for_each(|dir| add(&mut hash, dir));
    hex::encode(hash.finalize())
}

/// `Dir::extract` keeps the path from the top of what was included; this one begins at the root itself.
fn write_below(dir: &Dir<'_>, root: &str, folder: &Path) -> io::Result<()> {
    let place = |path: &Path| folder.join(path.strip_prefix(root).unwrap_or(path));
    std::fs::create_dir_all(place(dir.path()))?;
    for file in dir.files() {
        std::fs::write(place(file.path()), file.contents())?;
    }
    dir.dirs().try_for_each(|dir| write_below(dir, root, folder))
}

/// A fingerprint of all that [`extract`] writes.
pub fn fingerprint() -> String {
    let mut hash = Sha256::new();
    for dir in [&DBT, &DAGSTER] {
        add(&mut hash, dir);
    }
    hex::encode(hash.finalize())
}

/// The locked requirements of the Python environment.
pub fn requirements() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/resources/dagster/requirements.txt"))
}

/// A fingerprint of some bytes.
pub fn fingerprint_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn add(hash: &mut Sha256, dir: &Dir<'_>) {
    for file in dir.files() {
        hash.update(file.path().as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(Sha256::digest(file.contents()));
    }
    dir.dirs().for_each(|dir| add(hash, dir));
}
