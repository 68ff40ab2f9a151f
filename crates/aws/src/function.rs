//! The package of the shop's function, as a step: a zip that Terraform uploads.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use engine::{Outputs, Presence, Step, StepContext, blocking};
use kit::resources;
use protocol::{Failure, ResourceAction, StepId};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::elf;
use crate::site::Site;

/// The step's identifier.
pub(crate) const ID: &str = "function";

/// Names the program to pack; without it, the one that lies beside this program is taken.
const VARIABLE: &str = "RETAILFLOW_FUNCTION";

/// Where the function's program is shipped, beside ours, and its name as Lambda asks for it.
const SHIPPED: &str = "lambda/bootstrap";
const BOOTSTRAP: &str = "bootstrap";

/// Where the stack's package lies.
pub(crate) fn package_of(site: &Site) -> PathBuf {
    site.folder.path().join("function").join("function.zip")
}

/// The step that packs the function.
pub(crate) struct Function {
    site: Site,
}

impl Function {
    pub(crate) fn new(site: &Site) -> Self {
        Self { site: site.clone() }
    }

    /// Names the program a package was made of.
    fn marker(&self) -> PathBuf {
        package_of(&self.site).with_extension("of")
    }
}

#[async_trait]
impl Step for Function {
    fn id(&self) -> StepId {
        ID.into()
    }

    fn title(&self) -> &'static str {
        "Shop's function"
    }

    fn describe_apply(&self) -> String {
        "Pack the shop for AWS Lambda; the same program always gives the same package.".into()
    }

    fn describe_destroy(&self) -> String {
        "Delete the package.".into()
    }

    fn needs(&self) -> Vec<StepId> {
        Vec::new()
    }

    async fn check(&self, _: &StepContext) -> Result<Presence, Failure> {
        let made_of = fs::read_to_string(self.marker()).unwrap_or_default();
        let there = package_of(&self.site).exists() && made_of == fingerprint(&program()?)?;
        Ok(if there { Presence::Present("it is packed".to_owned()) } else { Presence::Absent })
    }

    async fn apply(&self, context: &StepContext) -> Result<Outputs, Failure> {
        let (program, package, marker) = (program()?, package_of(&self.site), self.marker());
        let shown = package.display().to_string();
        blocking(move || {
            let made_of = fingerprint(&program)?;
            pack(&program, &package).and_then(|()| fs::write(&marker, made_of)).map_err(|error| {
                Failure::environment(format!("{} could not be written", package.display())).source(&error)
            })
        })
        .await?;
        context.resource(ResourceAction::Created, "file", shown).await;
        Ok(Outputs::new())
    }

    async fn destroy(&self, _: &StepContext) -> Result<(), Failure> {
        let folder = self.site.folder.path().join("function");
        stack::files::remove_folder(&folder)
            .map_err(|error| Failure::environment(format!("{} could not be removed", folder.display())).source(&error))
    }
}

/// The function's program.
fn program() -> Result<PathBuf, Failure> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join(SHIPPED));
    let path = named.or_else(beside).unwrap_or_default();
    if path.is_file() {
        return Ok(path);
    }
    Err(Failure::environment("The shop's program for AWS Lambda is missing")
        .cause(format!("there is no {}", path.display()))
        .hint(format!("It is installed beside this program; `./dev function` builds it. Or name it in {VARIABLE}.")))
}

/// Tells one program from another; fails if it is none that Lambda could start.
fn fingerprint(program: &Path) -> Result<String, Failure> {
    let bytes = fs::read(program)
        .map_err(|error| Failure::environment(format!("{} could not be read", program.display())).source(&error))?;
    elf::check(&bytes)?;
    Ok(resources::fingerprint_of(&bytes))
}

/// Packs a program so that the same bytes go in and out on every computer: a fixed time, mode and compression.
fn pack(program: &Path, package: &Path) -> io::Result<()> {
    if let Some(folder) = package.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = package.with_extension("draft");
    let mut zip = ZipWriter::new(File::create(&draft)?);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    zip.start_file(BOOTSTRAP, options)?;
    io::copy(&mut File::open(program)?, &mut zip)?;
    zip.finish()?.sync_all()?;
    fs::rename(draft, package)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_same_program_gives_the_same_package() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, vec![7; 100_000]).unwrap();
        let (first, second) = (folder.path().join("a/function.zip"), folder.path().join("b/function.zip"));
        pack(&program, &first).unwrap();
        let later = std::time::SystemTime::now() + std::time::Duration::from_hours(1);
        File::options().write(true).open(&program).unwrap().set_modified(later).unwrap();
        pack(&program, &second).unwrap();
        assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
        let mut archive = zip::ZipArchive::new(File::open(first).unwrap()).unwrap();
        let mut bootstrap = archive.by_name(BOOTSTRAP).unwrap();
        assert_eq!(bootstrap.unix_mode(), Some(0o100_755));
        let mut content = Vec::new();
        bootstrap.read_to_end(&mut content).unwrap();
        assert_eq!(content, fs::read(&program).unwrap());
    }
}
