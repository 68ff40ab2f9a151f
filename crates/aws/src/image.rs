//! The stack's images as steps: two that are copied from where their makers publish them, and ours, which is built.
//! There is no Docker in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::process::{Mark, Stop, ToolSpec, run_tool};
use engine::{Outputs, Presence, Step, StepContext};
use images::python::Packages;
use images::{
    Anonymous, Fingerprint, Image, Limits, Login, Logins, Registry, Settings, Source, Store, Target, Transfer, Tree,
};
use kit::{resources, tools};
use protocol::{Failure, ResourceAction, StepId};
use serde::Deserialize;
use serde_json::{Value, json};
use stack::{Home, files};

use crate::names::{ImageName, RootName};
use crate::site::Site;

/// Names a file with other sources, for networks that are closed: a line `name = "registry/repository@sha256:…"` for
/// each image.
const VARIABLE: &str = "RETAILFLOW_IMAGES";

/// Where our code lies in its image.
const PROJECT: &str = "/opt/retailflow/project";

/// Where images come from.
impl ImageName {
    /// The image it is copied from or built on, pinned: PostgreSQL 16 and Python 3.11 on Debian 12, Metabase 0.63.18.
    fn pinned(self) -> &'static str {
        match self {
            Self::Postgres => {
                "public.ecr.aws/docker/library/postgres@sha256:efedf3595f1d6f415c08568ba171029bf54052e754cc9f030e3f2412b21f3d67"
            }
            Self::Metabase => {
                "docker.io/metabase/metabase@sha256:1160b570cb11c107bce00e71293552df8a8363e01a32c2c7a048cee002dc8a73"
            }
            Self::Dagster => {
                "public.ecr.aws/docker/library/python@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b"
            }
        }
    }

    /// The source to use: the pinned one, or what the file of other sources says.
    fn source(self) -> Result<String, Failure> {
        let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return Ok(self.pinned().to_owned()) };
        let wrong = |why: String| {
            Failure::new(
                protocol::Blame::User,
                format!("{} names no source for the image {}", path.display(), self.name()),
            )
            .cause(why)
            .hint(format!("Mend the file, or unset {VARIABLE}."))
        };
        let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
        let sources: BTreeMap<String, String> = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        sources.get(self.name()).cloned().ok_or_else(|| wrong("it has no line for it".to_owned()))
    }
}

/// What is known of an image that was pushed.
#[derive(serde::Serialize, Deserialize)]
struct Record {
    reference: String,
}

fn record_of(site: &Site, image: ImageName) -> PathBuf {
    site.folder.images().join(format!("{}.json", image.name()))
}

/// The pushed images, by name, as the services name them: by digest. `None` until all are pushed.
pub(crate) fn references(site: &Site) -> Option<Value> {
    let read = |image: ImageName| -> Option<(String, Value)> {
        let record: Record = serde_json::from_slice(&fs::read(record_of(site, image)).ok()?).ok()?;
        Some((image.name().to_owned(), Value::String(record.reference)))
    };
    ImageName::ALL.into_iter().map(read).collect()
}

/// What stands for the images in a forecast.
pub(crate) fn placeholders(site: &Site) -> Value {
    ImageName::ALL
        .into_iter()
        .map(|image| (image.name().to_owned(), json!(format!("{}/{}:to-be-pushed", site.name, image.name()))))
        .collect()
}

/// The step that brings an image into the stack's registry.
pub(crate) struct Pushed {
    site: Site,
    image: ImageName,
}

impl Pushed {
    pub(crate) fn new(site: &Site, image: ImageName) -> Self {
        Self { site: site.clone(), image }
    }

    async fn image(&self, context: &StepContext, store: &Store) -> Result<Image, Failure> {
        let source = Source::parse(&self.image.source()?, Arc::new(Anonymous), Limits::default())?;
        context.progress(0, None, "", format!("Reading {}", source.repository));
        match self.image {
            ImageName::Postgres | ImageName::Metabase => images::pull(&source, store).await,
            ImageName::Dagster => self.build(context, &source, store).await,
        }
    }

    /// Python, a layer of packages, a layer of ours.
    async fn build(&self, context: &StepContext, base: &Source, store: &Store) -> Result<Image, Failure> {
        let packages = self.packages(context, store).await?;
        let project = self.site.folder.images().join("project");
        let write = || {
            files::remove_folder(&project)?;
            fs::create_dir_all(&project)?;
            resources::extract(&project)
        };
        write().map_err(|error| unwritable(&project, &error))?;
        let trees = vec![Tree::new(&project, PROJECT)];
        let fingerprint = Fingerprint::of_trees(&trees)?;
        let ours = match store.layer(&fingerprint) {
            Some(layer) => layer,
            None => store.pack(&fingerprint, trees, "RetailFlow's dbt and Dagster projects").await?,
        };
        let settings = Settings {
            env: [
                ("PYTHONPATH".to_owned(), format!("{}:{PROJECT}/dagster", images::python::PLACE)),
                ("RETAILFLOW_DBT_PROJECT".to_owned(), format!("{PROJECT}/dbt")),
                ("PYTHONUNBUFFERED".to_owned(), "1".to_owned()),
            ]
            .into(),
            path: vec![format!("{}/bin", images::python::PLACE)],
            folder: Some(PROJECT.to_owned()),
            ..Settings::default()
        };
        images::build(base, &[packages, ours], &settings, store).await
    }

    async fn packages(&self, context: &StepContext, store: &Store) -> Result<images::Layer, Failure> {
        let folder = self.site.folder.images();
        let requirements = folder.join("requirements.txt");
        files::write_atomically(&requirements, resources::requirements())
            .map_err(|error| unwritable(&requirements, &error))?;
        let packages = Packages::new(&requirements, folder.join("packages"));
        let fingerprint = packages.fingerprint()?;
        if let Some(layer) = store.layer(&fingerprint) {
            context.info("The layer of Python packages is unchanged").await;
            return Ok(layer);
        }
        context.progress(0, None, "", "Installing Python packages for the image");
        packages.prepare()?;
        let spec = ToolSpec {
            mark: Mark::tool(self.site.folder.id(), "image-packages"),
            program: tools::UV.find().await?.path,
            args: packages.arguments(),
            env: tools::UV.environment(),
            folder: folder.clone(),
            user: None,
            stop: Stop::TOOL,
        };
        run_tool(context, &spec).await?;
        packages.settle()?;
        context.progress(0, None, "", "Packing the layer of Python packages");
        let layer = store.pack(&fingerprint, vec![packages.tree()], "Python packages").await?;
        files::remove_folder(&folder.join("packages")).map_err(|error| unwritable(&folder, &error))?;
        Ok(layer)
    }

    /// The image's repository: its registry and its name in it.
    async fn repository(&self) -> Result<String, Failure> {
        let outputs = self.site.root(RootName::Registry).await?.outputs().await?;
        let url = outputs.get("repository_urls").and_then(|urls| urls[self.image.name()].as_str()).map(str::to_owned);
        url.ok_or_else(|| Failure::bug(format!("The registry has no repository for {}", self.image.name())))
    }
}

#[async_trait]
impl Step for Pushed {
    fn id(&self) -> StepId {
        self.image.step()
    }

    fn title(&self) -> &'static str {
        match self.image {
            ImageName::Postgres => "Image of PostgreSQL",
            ImageName::Metabase => "Image of Metabase",
            ImageName::Dagster => "Image of Dagster and dbt",
        }
    }

    fn describe_apply(&self) -> String {
        match self.image {
            ImageName::Dagster => {
                "Build the image of the data projects, without Docker, and push what the registry does not have.".into()
            }
            _ => "Copy the image into the stack's own registry, as far as it is not there.".into(),
        }
    }

    fn describe_destroy(&self) -> String {
        "Forget the image; it goes with its repository.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        vec!["registry".into()]
    }

    fn deadline(&self) -> Duration {
        Duration::from_mins(40)
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        // The push itself asks the registry, and costs one question if the image is there.
        Ok(Presence::Absent)
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        let folder = self.site.folder.images();
        fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        let store = Store::open(Home::locate()?.cache().join("images"))?;
        let image = self.image(context, &store).await?;
        let repository = self.repository().await?;
        let (address, name) = repository.split_once('/').unwrap_or((&repository, ""));
        let session = self.site.session().await?;
        let registry = Registry::new(address, Arc::new(RegistryLogins(session)), Limits::default())?;
        let target = Target { registry, repository: name.to_owned(), tag: image.tag() };
        let progress = |at: Transfer| {
            let words = format!("{} of {} parts are there", at.blobs_done, at.blobs);
            context.progress(at.done, Some(at.total), "bytes", words);
        };
        let pushed = images::push(&image, &target, &progress).await?;
        let reference = format!("{repository}@{}", pushed.digest);
        let record = serde_json::to_vec(&Record { reference: reference.clone() })
            .map_err(|error| Failure::bug("An image's record could not be encoded").source(&error))?;
        let path = record_of(&self.site, self.image);
        files::write_atomically(&path, &record).map_err(|error| unwritable(&path, &error))?;
        let action = if pushed.blobs > 0 { ResourceAction::Created } else { ResourceAction::Found };
        context.resource(action, "image", reference.clone()).await;
        context.info(format!("{} bytes were sent", pushed.sent)).await;
        Ok([("image".to_owned(), reference)].into())
    }

    async fn destroy(&self, _: &StepContext) -> Result<(), Failure> {
        let folder = self.site.folder.images();
        match fs::remove_file(record_of(&self.site, self.image)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unwritable(&folder, &error)),
            _ => Ok(()),
        }
    }
}

/// Logins of the account's registry, fresh each time one is asked for.
struct RegistryLogins(cloud::Session);

#[async_trait]
impl Logins for RegistryLogins {
    async fn login(&self) -> Result<Option<Login>, Failure> {
        let login = self.0.registry_login().await?;
        Ok(Some(Login::new(login.user, login.password)))
    }
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::environment(format!("{} could not be written", path.display())).source(error)
}
