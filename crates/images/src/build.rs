//! New images from a base and layers.

use std::collections::BTreeMap;

use bytes::Bytes;
use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifestBuilder, MediaType};
use protocol::{Blame, Failure};
use serde_json::{Map, Value, json};

use crate::fingerprint::digest_of;
use crate::image::{Blob, Image, Origin};
use crate::layer::Layer;
use crate::pull::{self, Source};
use crate::store::Store;

/// The time everything is said to be made at: a real one would give another digest every time.
const THEN: &str = "1970-01-01T00:00:00Z";

/// Where programs are looked for if the base does not say.
const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a container of the image starts. What is not set is as in the base.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Environment variables, added to those of the base.
    pub env: BTreeMap<String, String>,
    /// Folders to look for programs in before those of the base.
    pub path: Vec<String>,
    /// The program; setting it drops the base's command.
    pub entrypoint: Option<Vec<String>>,
    /// The program's arguments, or the program if there is no entrypoint.
    pub command: Option<Vec<String>>,
    /// Where it starts.
    pub folder: Option<String>,
    /// Who it runs as: a name or a number of the image.
    pub user: Option<String>,
}

/// Puts layers on top of a base. The same base, layers and settings give the same digest everywhere, and the base is
/// asked for only if the store does not know it.
pub async fn build(base: &Source, layers: &[Layer], settings: &Settings, store: &Store) -> Result<Image, Failure> {
    let found = pull::read(base, store).await?;
    let old = found.manifest.config().digest();
    let config = configured(base, &pull::config(base, old, store).await?, layers, settings)?;
    let digest = digest_of(&config);
    let descriptor = Descriptor::new(MediaType::ImageConfig, config.len() as u64, digest.clone());
    let below = found.manifest.layers().iter().map(plain);
    let above = layers.iter().map(|layer| Descriptor::new(MediaType::ImageLayerGzip, layer.size, layer.digest.clone()));
    let manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageManifest)
        .config(descriptor)
        .layers(below.chain(above).collect::<Vec<_>>())
        .build()
        .and_then(|manifest| manifest.to_string())
        .map_err(|error| Failure::bug("An image's manifest could not be written").source(&error))?;
    let config = Blob { digest, size: config.len() as u64, origin: Origin::Memory(config) };
    let from_base = found.image.blobs.into_iter().filter(|blob| blob.digest != *old);
    let packed = layers.iter().map(|layer| store.packed(layer));
    Ok(Image {
        digest: digest_of(manifest.as_bytes()),
        manifest: manifest.into(),
        media_type: MediaType::ImageManifest,
        blobs: Image::each_once([config].into_iter().chain(from_base).chain(packed)),
    })
}

/// A layer of the base as an OCI manifest names it: same bytes, and nothing that is not needed.
fn plain(descriptor: &Descriptor) -> Descriptor {
    let media_type = match descriptor.media_type().as_ref() {
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => MediaType::ImageLayerGzip,
        "application/vnd.docker.image.rootfs.diff.tar" => MediaType::ImageLayer,
        _ => descriptor.media_type().clone(),
    };
    Descriptor::new(media_type, descriptor.size(), descriptor.digest().clone())
}

/// The base's config with layers and settings added. Worked on as JSON, so that nothing is lost that is not known here,
/// a health check for example.
fn configured(base: &Source, config: &[u8], layers: &[Layer], settings: &Settings) -> Result<Bytes, Failure> {
    let wrong = |why: String| {
        Failure::new(Blame::User, format!("{}@{} cannot be built upon", base.repository, base.digest))
            .cause(why)
            .hint("Pin an image for linux/amd64 as the base.")
    };
    let known: ImageConfiguration = serde_json::from_slice(config).map_err(|error| wrong(error.to_string()))?;
    let (os, architecture) = (known.os().to_string(), known.architecture().to_string());
    if (os.as_str(), architecture.as_str()) != ("linux", "amd64") {
        return Err(wrong(format!("it is for {os}/{architecture}")));
    }
    let mut config: Value = serde_json::from_slice(config).map_err(|error| wrong(error.to_string()))?;
    config["created"] = THEN.into();
    extend(&mut config["rootfs"]["diff_ids"], layers.iter().map(|layer| json!(layer.diff_id)));
    let history = layers.iter().map(|layer| json!({"created": THEN, "created_by": layer.note}));
    extend(&mut config["history"], history);
    apply(settings, object(&mut config["config"]));
    config.sort_all_objects();
    Ok(config.to_string().into())
}

fn apply(settings: &Settings, config: &mut Map<String, Value>) {
    if let Some(entrypoint) = &settings.entrypoint {
        config.insert("Entrypoint".to_owned(), json!(entrypoint));
        config.remove("Cmd");
    }
    let set = [
        ("Cmd", settings.command.as_ref().map(|command| json!(command))),
        ("WorkingDir", settings.folder.as_ref().map(|folder| json!(folder))),
        ("User", settings.user.as_ref().map(|user| json!(user))),
    ];
    for (name, value) in set {
        if let Some(value) = value {
            config.insert(name.to_owned(), value);
        }
    }
    let mut env = environment(config.get("Env"));
    if !settings.path.is_empty() {
        let after = env.get("PATH").map_or(USUAL_PATH, String::as_str);
        env.insert("PATH".to_owned(), format!("{}:{after}", settings.path.join(":")));
    }
    env.extend(settings.env.clone());
    config.insert("Env".to_owned(), env.into_iter().map(|(name, value)| json!(format!("{name}={value}"))).collect());
}

/// The environment a config sets, by name.
fn environment(env: Option<&Value>) -> BTreeMap<String, String> {
    let pairs = env.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let split = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    split.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Adds to a list, which may be missing or null.
fn extend(list: &mut Value, more: impl Iterator<Item = Value>) {
    match list {
        Value::Array(list) => list.extend(more),
        _ => *list = more.collect(),
    }
}

/// An object, which may be missing or null.
fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was just made one")
}
