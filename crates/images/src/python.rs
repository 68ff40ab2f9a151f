//! A layer of Python packages for linux/amd64, whatever computer it is made on.
//!
//! uv installs them from locked requirements, wheels only, so nothing is built and nothing is run. What it writes still
//! tells of the computer in two places, the first line of each program and the record of its hash; both are put right
//! here, so that the layer has the same digest everywhere. Running uv is the caller's.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use protocol::Failure;

use crate::disk::{unreadable, unwritable};
use crate::fingerprint::Fingerprint;
use crate::layer::Tree;

/// The version of Python in the image the packages go into.
pub const VERSION: &str = "3.11";

/// The oldest C library the packages must run with: that of Debian 10, AL2023 and everything later.
pub const PLATFORM: &str = "x86_64-manylinux_2_28";

/// Where the packages lie in the image: what `PYTHONPATH` must name. Their programs are in `bin` below it.
pub const PLACE: &str = "/opt/retailflow/python";

/// Programs find their Python on the path of the image.
const INTERPRETER: &str = "#!/usr/bin/env python3";

/// Packages to be installed into a folder.
#[derive(Debug, Clone)]
pub struct Packages {
    requirements: PathBuf,
    folder: PathBuf,
}

impl Packages {
    /// The packages of a file of locked requirements with hashes, to be installed into a folder of their own.
    pub fn new(requirements: impl Into<PathBuf>, folder: impl Into<PathBuf>) -> Self {
        Self { requirements: requirements.into(), folder: folder.into() }
    }

    /// What decides about the layer: look here whether it was packed before, prior to installing anything.
    pub fn fingerprint(&self) -> Result<Fingerprint, Failure> {
        let requirements = fs::read(&self.requirements).map_err(|error| unreadable(&self.requirements, &error))?;
        let parts = ["python 1", VERSION, PLATFORM, PLACE, INTERPRETER].map(str::as_bytes);
        Ok(Fingerprint::of(parts.into_iter().chain([requirements.as_slice()])))
    }

    /// Empties the folder: half an installation of a killed run would be taken for a whole one.
    pub fn prepare(&self) -> Result<(), Failure> {
        let emptied = match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(&self.folder),
        };
        emptied.map_err(|error| unwritable(self.folder.display(), &error))
    }

    /// The arguments to run uv with.
    pub fn arguments(&self) -> Vec<OsString> {
        // The lock is complete, so nothing needs resolving.
        let words = ["pip", "install", "--require-hashes", "--no-deps", "--only-binary", ":all:"];
        let platform = ["--python-version", VERSION, "--python-platform", PLATFORM];
        let mut arguments: Vec<OsString> = words.into_iter().chain(platform).map(Into::into).collect();
        arguments.extend(["--requirements".into(), self.requirements.clone().into()]);
        arguments.extend(["--target".into(), self.folder.clone().into()]);
        arguments
    }

    /// Checks what uv installed and takes this computer's traces out of it. Run it once uv has succeeded.
    pub fn settle(&self) -> Result<(), Failure> {
        self.check_complete()?;
        let changed = self.point_programs_at_the_image()?;
        self.forget_hashes_of(&changed)?;
        check_platform(&self.folder)
    }

    /// What goes into the layer.
    pub fn tree(&self) -> Tree {
        Tree::new(&self.folder, PLACE).without(".lock")
    }

    fn check_complete(&self) -> Result<(), Failure> {
        let locked = fs::read_to_string(&self.requirements).map_err(|error| unreadable(&self.requirements, &error))?;
        let missing: Vec<&str> =
            pinned(&locked).filter(|(name, version)| !self.has(name, version)).map(|(name, _)| name).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Failure::environment("uv did not install all packages of the image")
            .cause(format!("missing: {}", missing.join(", ")))
            .hint("Run the same again; if it happens again, try another version of uv."))
    }

    fn has(&self, name: &str, version: &str) -> bool {
        let name = name.to_lowercase().replace(['-', '.'], "_");
        self.folder.join(format!("{name}-{version}.dist-info")).is_dir()
    }

    /// Gives the names of the programs that were changed.
    fn point_programs_at_the_image(&self) -> Result<BTreeSet<String>, Failure> {
        let programs = self.folder.join("bin");
        let mut changed = BTreeSet::new();
        let Ok(entries) = fs::read_dir(&programs) else { return Ok(changed) };
        for entry in entries {
            let path = entry.map_err(|error| unreadable(&programs, &error))?.path();
            let content = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            let Some(script) = body(&content) else { continue };
            replace(&path, &[INTERPRETER.as_bytes(), script].concat())
                .map_err(|error| unwritable(path.display(), &error))?;
            changed.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
        Ok(changed)
    }

    /// A record may leave a hash out, but must not have a wrong one.
    fn forget_hashes_of(&self, programs: &BTreeSet<String>) -> Result<(), Failure> {
        for entry in fs::read_dir(&self.folder).map_err(|error| unreadable(&self.folder, &error))? {
            let record = entry.map_err(|error| unreadable(&self.folder, &error))?.path().join("RECORD");
            let Ok(lines) = fs::read_to_string(&record) else { continue };
            let settled: Vec<String> = lines.split('\n').map(|line| without_hash(line, programs)).collect();
            let settled = settled.join("\n");
            if settled != lines {
                replace(&record, settled.as_bytes()).map_err(|error| unwritable(record.display(), &error))?;
            }
        }
        Ok(())
    }
}

/// The names and versions in locked requirements, without those that only some platforms need.
fn pinned(locked: &str) -> impl Iterator<Item = (&str, &str)> {
    locked.lines().filter(|line| !line.contains(';') && !line.starts_with([' ', '#', '-'])).filter_map(|line| {
        let (name, version) = line.trim_end_matches(['\\', ' ']).split_once("==")?;
        Some((name.split('[').next()?.trim(), version.trim()))
    })
}

/// A Python program after the line, or the lines, that name its interpreter. Those are three where the path of this
/// computer's Python is long: a shell that starts it, hidden from Python in a string.
fn body(content: &[u8]) -> Option<&[u8]> {
    /// Where the string ends.
    const SHOWN: &[u8] = b"\n' '''";
    let first = content.split(|byte| *byte == b'\n').next()?;
    if first == b"#!/bin/sh" {
        let rest = content.get(first.len()..)?;
        let hidden = rest.strip_prefix(b"\n'''exec' ")?;
        let end = hidden.windows(SHOWN.len()).position(|window| window == SHOWN)?;
        return hidden.get(end + SHOWN.len()..);
    }
    let python = first.starts_with(b"#!") && first.windows(6).any(|window| window == b"python");
    python.then(|| &content[first.len()..])
}

fn without_hash(line: &str, programs: &BTreeSet<String>) -> String {
    match line.split_once(',') {
        Some((path, _)) if path.strip_prefix("bin/").is_some_and(|name| programs.contains(name)) => format!("{path},,"),
        _ => line.to_owned(),
    }
}

/// Writes a file anew. Never in place: it may be one with the file in uv's cache.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let permissions: Permissions = fs::metadata(path)?.permissions();
    fs::remove_file(path)?;
    fs::write(path, content)?;
    fs::set_permissions(path, permissions)
}

/// Checks that every native library is for the image's processor and system.
fn check_platform(folder: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            check_platform(&path)?;
        } else if is_native(&path) && !is_for_linux_amd64(&path).map_err(|error| unreadable(&path, &error))? {
            return Err(Failure::environment("uv installed a package for another platform than the image's")
                .cause(format!("{} is not built for linux/amd64", path.display()))
                .hint("Try another version of uv: the image needs one that heeds --python-platform."));
        }
    }
    Ok(())
}

fn is_native(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["so", "dylib", "pyd", "dll"].iter().any(|native| extension == *native))
}

/// Reads the start of a library: the magic of ELF, 64 bits, little end first, and the number of the processor.
fn is_for_linux_amd64(path: &Path) -> io::Result<bool> {
    let mut start = Vec::with_capacity(20);
    File::open(path)?.take(20).read_to_end(&mut start)?;
    Ok(start.starts_with(b"\x7fELF\x02\x01") && start.get(18..20) == Some(&[0x3e, 0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interpreter_of_this_computer_is_taken_off() {
        let short = b"#!/home/ann/python3.11\nimport sys\n";
        assert_eq!(body(short).unwrap(), b"\nimport sys\n");
        let long = b"#!/bin/sh\n'''exec' '/home/ann/a long way/python' \"$0\" \"$@\"\n' '''\nimport sys\n";
        assert_eq!(body(long).unwrap(), b"\nimport sys\n");
        for other in [b"#!/bin/sh\necho\n".as_slice(), b"\x7fELF", b"", b"import sys\n"] {
            assert_eq!(body(other), None);
        }
    }

    #[test]
    fn pins_are_read_from_a_lock() {
        let locked = "# made by uv\n--only-binary :all:\nclick==8.1.0 \\\n    --hash=sha256:00 \\\n    # via x\n\
                      uvicorn[standard]==0.30 \\\n    --hash=sha256:00\ncolorama==0.4 ; sys_platform == 'win32' \\\n";
        assert_eq!(pinned(locked).collect::<Vec<_>>(), [("click", "8.1.0"), ("uvicorn", "0.30")]);
    }

    #[test]
    fn a_missing_package_and_a_foreign_library_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let requirements = folder.path().join("requirements.txt");
        fs::write(&requirements, "ruamel.yaml==1.0 \\\n    --hash=sha256:00\nclick==2.0\n").unwrap();
        let packages = Packages::new(&requirements, folder.path().join("site"));
        packages.prepare().unwrap();
        fs::create_dir(folder.path().join("site/ruamel_yaml-1.0.dist-info")).unwrap();
        assert_eq!(packages.settle().unwrap_err().causes, ["missing: click"]);
        fs::create_dir(folder.path().join("site/click-2.0.dist-info")).unwrap();
        let library = folder.path().join("site/click-2.0.dist-info/fast.so");
        let elf = |processor| [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 11], &[processor, 0]].concat();
        fs::write(&library, elf(0x3e)).unwrap();
        packages.settle().unwrap();
        fs::write(&library, elf(0xb7)).unwrap();
        assert!(packages.settle().unwrap_err().causes[0].contains("fast.so is not built for linux/amd64"));
        packages.prepare().unwrap();
        assert!(!library.exists());
    }
}
