//! The folders that become a layer, and everything in them, in order.

use std::collections::BTreeMap;
use std::fs::{DirEntry, Metadata};
use std::path::{Path, PathBuf};

use protocol::Failure;

use crate::disk::unreadable;

/// Bytecode is made from the sources beside it and carries their times: it would be different on every computer.
const BYTECODE: &str = "__pycache__";

/// A folder, and where in the image its content goes.
#[derive(Debug, Clone)]
pub struct Tree {
    folder: PathBuf,
    at: String,
    without: Vec<String>,
}

impl Tree {
    /// The content of a folder of this computer, to lie in a folder of the image such as `/opt/shop`.
    pub fn new(folder: impl Into<PathBuf>, at: &str) -> Self {
        let at = at.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        Self { folder: folder.into(), at, without: vec![BYTECODE.to_owned()] }
    }

    /// Leaves out files and folders of a name, wherever they lie. Python's bytecode is always left out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.without.push(name.to_owned());
        self
    }
}

/// Something in a layer.
#[derive(Debug)]
pub(super) enum Kind {
    Folder,
    File { from: PathBuf, size: u64, executable: bool },
    Link { to: String },
}

/// Everything that goes into the layer by its path there, so parents come before their children. Where two trees have
/// the same path, the later one counts.
pub(super) fn entries(trees: &[Tree]) -> Result<BTreeMap<String, Kind>, Failure> {
    let mut entries = BTreeMap::new();
    for tree in trees {
        let parents = tree.at.match_indices('/').map(|(end, _)| &tree.at[..end]);
        for folder in parents.chain([tree.at.as_str()]).filter(|folder| !folder.is_empty()) {
            entries.insert(folder.to_owned(), Kind::Folder);
        }
        walk(tree, &tree.folder, &tree.at, &mut entries)?;
    }
    Ok(entries)
}

fn walk(tree: &Tree, folder: &Path, at: &str, entries: &mut BTreeMap<String, Kind>) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let name = entry.file_name().into_string().map_err(|_| {
            Failure::environment(format!("{} has a name that is not text", entry.path().display()))
                .hint("Rename or remove it: names in an image are UTF-8.")
        })?;
        if tree.without.contains(&name) {
            continue;
        }
        let path = if at.is_empty() { name } else { format!("{at}/{name}") };
        let kind = kind(&entry)?;
        let deeper = matches!(kind, Kind::Folder);
        entries.insert(path.clone(), kind);
        if deeper {
            walk(tree, &entry.path(), &path, entries)?;
        }
    }
    Ok(())
}

fn kind(entry: &DirEntry) -> Result<Kind, Failure> {
    let from = entry.path();
    let metadata = entry.metadata().map_err(|error| unreadable(&from, &error))?;
    if metadata.is_dir() {
        return Ok(Kind::Folder);
    }
    if metadata.is_file() {
        return Ok(Kind::File { size: metadata.len(), executable: executable(&metadata), from });
    }
    if metadata.is_symlink() {
        let to = std::fs::read_link(&from).map_err(|error| unreadable(&from, &error))?;
        if let Ok(to) = to.into_os_string().into_string() {
            return Ok(Kind::Link { to });
        }
    }
    Err(Failure::environment(format!("{} cannot be put into an image", from.display()))
        .cause("it is no file, no folder and no link with a readable target")
        .hint("Remove it, then run the same again."))
}

fn executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}
