//! What `benchmarks/images` measures: one push or one mirroring by a process of its own, as skopeo's is.
//!
//! ```text
//! image_push prepare LAYOUT MEGABYTES     an image of layers that do not shrink, as an OCI layout
//! image_push push LAYOUT HOST/NAME:TAG    pushes it
//! image_push mirror HOST/NAME@DIGEST HOST/NAME:TAG
//! image_push pack FOLDER                  packs a folder into a layer and throws it away
//! ```
//!
//! The login is the one in `RETAILFLOW_BENCH_LOGIN`, `user:password`. Prints what was done as JSON.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use images::{
    Blob, Fingerprint, Image, Layer, Limits, Login, Origin, Registry, Source, Store, Target, Transfer, Tree, pull, push,
};
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest, MediaType};
use protocol::Failure;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Shares of the layers' sizes, in percent: a base, packages, small ones.
const SHARES: [usize; 6] = [40, 27, 17, 10, 5, 1];

const QUIET: fn(Transfer) = |_| {};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["prepare", layout, megabytes] => prepare(Path::new(layout), megabytes.parse()?).await?,
        ["push", layout, to] => pushed(&read_layout(Path::new(layout))?, to).await?,
        ["mirror", from, to] => {
            let store = tempfile::tempdir()?;
            let image = pull(&source(from)?, &Store::open(store.path())?).await?;
            pushed(&image, to).await?
        }
        ["pack", folder] => pack(Path::new(folder)).await?,
        _ => return Err("see the head of the source for how to use this".into()),
    };
    println!("{done}");
    Ok(())
}

async fn pushed(image: &Image, to: &str) -> Result<Value> {
    let pushed = push(image, &target(to)?, &QUIET).await?;
    Ok(json!({"digest": pushed.digest, "sent": pushed.sent, "peak_memory_kilobytes": peak_memory()}))
}

fn login() -> Result<Login> {
    let login = std::env::var("RETAILFLOW_BENCH_LOGIN")?;
    let (user, password) = login.split_once(':').ok_or("the login is user:password")?;
    Ok(Login::new(user, password))
}

fn source(text: &str) -> Result<Source> {
    Ok(Source::parse(text, Arc::new(login()?), Limits::default())?)
}

fn target(text: &str) -> Result<Target> {
    let (registry, name) = text.split_once('/').ok_or("a target is HOST/NAME:TAG")?;
    let (repository, tag) = name.rsplit_once(':').ok_or("a target is HOST/NAME:TAG")?;
    let registry = Registry::new(registry, Arc::new(login()?), Limits::default())?;
    Ok(Target { registry, repository: repository.to_owned(), tag: tag.to_owned() })
}

/// Layers of noise, and around them what makes an image of them. Done once: an existing layout is left as it is.
async fn prepare(layout: &Path, megabytes: usize) -> Result<Value> {
    if layout.join("index.json").exists() {
        return Ok(json!({"layout": "there"}));
    }
    let store = Store::open(layout)?;
    let mut layers = Vec::new();
    for (number, share) in SHARES.into_iter().enumerate() {
        let folder = tempfile::tempdir()?;
        // As files of a megabyte, less what is too little for one.
        for part in 0..(megabytes * share / 100).max(1) {
            fs::write(folder.path().join(part.to_string()), noise(number * 10_000 + part, 1_000_000))?;
        }
        let fingerprint = Fingerprint::of([number.to_le_bytes().as_slice()]);
        layers.push(store.pack(&fingerprint, vec![Tree::new(folder.path(), "data")], "noise").await?);
    }
    write_layout(layout, &layers)?;
    Ok(json!({"layout": "made"}))
}

fn write_layout(layout: &Path, layers: &[Layer]) -> Result<()> {
    let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id.as_ref()).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = store_blob(layout, MediaType::ImageConfig, &config)?;
    let layers = layers
        .iter()
        .map(|layer| json!({"mediaType": MediaType::ImageLayerGzip, "digest": layer.digest, "size": layer.size}));
    let kind = MediaType::ImageManifest;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers.collect::<Vec<_>>(),
    });
    let mut entry = serde_json::to_value(store_blob(layout, kind, &manifest)?)?;
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "it"});
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    fs::write(layout.join("index.json"), json!({"schemaVersion": 2, "manifests": [entry]}).to_string())?;
    Ok(())
}

fn store_blob(layout: &Path, kind: MediaType, content: &Value) -> Result<Descriptor> {
    let bytes = content.to_string();
    let name = hex::encode(Sha256::digest(&bytes));
    fs::write(blob_path(layout, &name), &bytes)?;
    Ok(Descriptor::new(kind, bytes.len() as u64, name.parse::<oci_spec::image::Sha256Digest>()?))
}

fn read_layout(layout: &Path) -> Result<Image> {
    let index: ImageIndex = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let entry = index.manifests().first().ok_or("the layout is empty")?;
    let bytes = fs::read(blob_path(layout, entry.digest().digest()))?;
    let manifest: ImageManifest = serde_json::from_slice(&bytes)?;
    let blobs = [manifest.config()].into_iter().chain(manifest.layers()).map(|descriptor| Blob {
        digest: descriptor.digest().clone(),
        size: descriptor.size(),
        origin: Origin::File(blob_path(layout, descriptor.digest().digest())),
    });
    Ok(Image {
        digest: entry.digest().clone(),
        media_type: entry.media_type().clone(),
        blobs: blobs.collect(),
        manifest: bytes.into(),
    })
}

fn blob_path(layout: &Path, name: &str) -> PathBuf {
    layout.join("blobs").join("sha256").join(name)
}

async fn pack(folder: &Path) -> std::result::Result<Value, Failure> {
    let unpacked = Fingerprint::of([]);
    let store = tempfile::tempdir().map_err(|error| Failure::environment("No temporary folder").source(&error))?;
    let trees = vec![Tree::new(folder, "data")];
    let layer = Store::open(store.path())?.pack(&unpacked, trees, "a folder").await?;
    Ok(json!({"digest": layer.digest, "size": layer.size, "peak_memory_kilobytes": peak_memory()}))
}

/// Bytes that do not shrink.
fn noise(seed: usize, length: usize) -> Vec<u8> {
    let mut state = seed as u64 * 2 + 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}

/// The most memory this process has had, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
