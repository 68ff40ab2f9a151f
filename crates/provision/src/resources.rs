//! The data projects, carried inside the executable and laid out in a stack's own folder.

use std::io;
use std::path::Path;

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

static DBT: Dir<'_> = include_dir!("$OUT_DIR/resources/dbt");
static DAGSTER: Dir<'_> = include_dir!("$OUT_DIR/resources/dagster");

/// Writes both projects below `folder`.
pub(crate) fn extract(folder: &Path) -> io::Result<()> {
    for (name, dir) in [("dbt", &DBT), ("dagster", &DAGSTER)] {
        let target = folder.join(name);
        std::fs::create_dir_all(&target)?;
        dir.extract(&target)?;
    }
    Ok(())
}

/// A fingerprint of all that [`extract`] writes.
pub(crate) fn fingerprint() -> String {
    let mut hash = Sha256::new();
    for dir in [&DBT, &DAGSTER] {
        add(&mut hash, dir);
    }
    hex::encode(hash.finalize())
}

/// The locked requirements of the Python environment.
pub(crate) fn requirements() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/resources/dagster/requirements.txt"))
}

/// A fingerprint of some bytes.
pub(crate) fn fingerprint_of(bytes: &[u8]) -> String {
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
