//! Gathers the data projects and the Terraform roots, without what running them leaves behind, for `src/resources.rs` to embed.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What running or testing a project leaves behind, and what only its developers need.
const LEFT_OUT: [&str; 13] = [
    "target",
    "logs",
    "dbt_packages",
    "__pycache__",
    "tests",
    ".venv",
    ".pytest_cache",
    ".ruff_cache",
    ".user.yml",
    "requirements-dev.txt",
    "requirements-dev.in",
    ".terraform",
    ".terraform.lock.hcl",
];

fn main() -> io::Result<()> {
    let root = PathBuf::from("../..");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("resources");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    for project in ["dbt", "dagster", "terraform"] {
        gather(&root.join(project), &out.join(project))?;
    }
    Ok(())
}

fn gather(from: &Path, to: &Path) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", from.display());
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let left_out = name.to_str().is_some_and(|name| LEFT_OUT.contains(&name) || name.ends_with(".egg-info"));
        if left_out {
            continue;
        }
        let (source, target) = (entry.path(), to.join(&name));
        if entry.file_type()?.is_dir() {
            gather(&source, &target)?;
        } else {
            println!("cargo::rerun-if-changed={}", source.display());
            fs::copy(source, target)?;
        }
    }
    Ok(())
}
