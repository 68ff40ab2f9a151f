//! Who a stack is. A path does not tell: links, mounts and moves give one stack many, and one path to many stacks in turn.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use protocol::Failure;
use serde::{Deserialize, Serialize};

use crate::files::{create_atomically, make_folder, write_atomically};
use crate::sockets;

/// The file that it is written in, in the stack's folder.
const FILE: &str = "identity";

/// Made with a stack and written in its folder. A copy lies beside the stacks: it tells what to look for once the folder is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    /// Names the stack's processes.
    pub(crate) id: String,
    /// The folder of its sockets, chosen once.
    pub(crate) sockets: PathBuf,
    /// Where the stack was when it was last taken over: one that is still there tells a copy from the stack itself.
    pub(crate) folder: PathBuf,
}

/// What a look for it finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is there.
    Whole(Identity),
    /// There is none: no stack, or one that an older version made, which knew it by its path alone.
    OfItsPath(Identity),
    /// It cannot be read, so nobody can say what the stack's is.
    Unreadable(Failure),
}

impl Identity {
    fn new(folder: &Path) -> Self {
        let id = ulid::Ulid::generate().to_string().to_lowercase();
        let sockets = sockets::choose(&id);
        Self { id, sockets, folder: folder.to_owned() }
    }

    /// What older versions made of a folder's path.
    fn of_path(folder: &Path) -> Self {
        let id = folder.to_string_lossy().into_owned();
        let sockets = sockets::where_older_versions_look(&id);
        Self { id, sockets, folder: folder.to_owned() }
    }

    /// The same with a sockets' folder that is chosen now.
    pub(crate) fn choosing_anew(&self) -> Self {
        Self { sockets: sockets::choose(&self.id), ..self.clone() }
    }

    /// Looks for the identity of the stack in a folder, or of the one that was there last.
    pub(crate) fn find(folder: &Path) -> Found {
        let own = read(&folder.join(FILE)).transpose();
        let found =
            own.or_else(|| copy_of(folder).filter(|_| !folder.exists()).and_then(|copy| read(&copy).transpose()));
        match found {
            Some(Ok(identity)) if identity.is_anothers(folder) => Found::Unreadable(copied(folder, &identity.folder)),
            Some(Ok(identity)) => Found::Whole(identity),
            Some(Err(failure)) => Found::Unreadable(failure),
            None => Found::OfItsPath(Self::of_path(folder)),
        }
    }

    /// Makes one for the stack in a folder. If one was begun there, or is just being made by somebody else, it is that one.
    pub(crate) fn make(folder: &Path) -> io::Result<Self> {
        match create(&folder.join(FILE), &Self::new(folder)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        read(&folder.join(FILE)).ok().flatten().ok_or_else(|| io::Error::other("its identity was not there any more"))
    }

    /// Whether the folder that it was found in is a copy, and the stack itself where it was.
    fn is_anothers(&self, folder: &Path) -> bool {
        // Links and mounts lead to the very same file.
        let file = |folder: &Path| fs::metadata(folder.join(FILE)).ok().map(|found| (found.dev(), found.ino()));
        match (file(folder), file(&self.folder)) {
            (Some(here), Some(there)) if here != there => {
                read(&self.folder.join(FILE)).is_ok_and(|other| other.is_some_and(|other| other.id == self.id))
            }
            _ => false,
        }
    }

    /// The same, of a stack that was taken over in a folder.
    pub(crate) fn in_folder(self, folder: &Path) -> Self {
        // By a link or a mount it is where it was.
        let stayed = self.folder.join(FILE).exists();
        if stayed { self } else { Self { folder: folder.to_owned(), ..self } }
    }

    /// Writes it into the stack's folder and keeps the copy of it, as far as they do not say so already.
    pub(crate) fn keep(&self, folder: &Path) -> io::Result<()> {
        let says_so = |path: &Path| read(path).is_ok_and(|found| found.as_ref() == Some(self));
        let own = folder.join(FILE);
        if !says_so(&own) {
            write_atomically(&own, encoded(self)?.as_bytes())?;
        }
        let Some(copy) = copy_of(folder).filter(|copy| !says_so(copy)) else { return Ok(()) };
        copy.parent().map_or(Ok(()), make_folder)?;
        write_atomically(&copy, encoded(self)?.as_bytes())
    }
}

/// Where the copy is: `<home>/identities/<name>`.
fn copy_of(folder: &Path) -> Option<PathBuf> {
    let (name, home) = (folder.file_name()?, folder.parent()?.parent()?);
    Some(home.join("identities").join(name))
}

fn create(path: &Path, identity: &Identity) -> io::Result<()> {
    create_atomically(path, encoded(identity)?.as_bytes())
}

fn encoded(identity: &Identity) -> io::Result<String> {
    toml::to_string(identity).map_err(io::Error::other)
}

fn copied(folder: &Path, original: &Path) -> Failure {
    Failure::new(protocol::Blame::User, format!("{} is a copy of another stack", folder.display()))
        .cause(format!("the stack itself is in {}, and its processes and sockets are its own", original.display()))
        .hint(format!(
            "Work with that one. To make the copy a stack of its own, remove {} first.",
            folder.join(FILE).display()
        ))
}

/// What others could have written there as well must not have a folder of theirs removed with the stack.
fn belongs_together(identity: &Identity) -> bool {
    identity.sockets.is_absolute() && identity.sockets.file_name() == Some(sockets::name(&identity.id).as_ref())
}

fn read(path: &Path) -> Result<Option<Identity>, Failure> {
    let unreadable = |error: &(dyn std::error::Error + 'static)| {
        Failure::environment(format!("{} could not be read", path.display())).source(error).hint(
            "It names the stack's processes. Mend the file by hand; nothing else of the stack was touched. Processes of the \
             stack carry the variable RETAILFLOW_PROCESS, which begins with what this file calls `id`.",
        )
    };
    match fs::read_to_string(path) {
        Ok(text) => match toml::from_str(&text) {
            Ok(identity) if belongs_together(&identity) => Ok(Some(identity)),
            Ok(_) => Err(unreadable(&io::Error::other("its sockets are not where any of this name would be"))),
            Err(error) => Err(unreadable(&error)),
        },
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(unreadable(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_begun_once_is_gone_on_with_and_its_copy_outlives_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("stacks/demo");
        fs::create_dir_all(&folder).unwrap();
        assert!(matches!(Identity::find(&folder), Found::OfItsPath(_)));
        let identity = Identity::make(&folder).unwrap();
        assert_eq!(Identity::make(&folder).unwrap(), identity, "begun once");
        assert_ne!(identity, Identity::new(&folder));
        identity.keep(&folder).unwrap();
        assert_eq!(Identity::find(&folder), Found::Whole(identity.clone()));
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(Identity::find(&folder), Found::Whole(identity), "to look for what is left");
        fs::create_dir_all(&folder).unwrap();
        assert!(matches!(Identity::find(&folder), Found::OfItsPath(_)), "another stack's, by an older version");
    }

    #[test]
    fn a_copy_is_not_the_stack_and_a_link_or_a_move_is() {
        let home = tempfile::tempdir().unwrap();
        let (folder, other, link) =
            (home.path().join("stacks/demo"), home.path().join("other"), home.path().join("link"));
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir(&other).unwrap();
        let identity = Identity::make(&folder).unwrap();
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert_eq!(Identity::find(&link), Found::Whole(identity.clone()));
        fs::copy(folder.join(FILE), other.join(FILE)).unwrap();
        let Found::Unreadable(failure) = Identity::find(&other) else { panic!("a copy") };
        assert!(failure.summary.contains("copy") && failure.causes[0].contains("stacks/demo"), "{failure:?}");
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(Identity::find(&other), Found::Whole(identity.clone()), "moved");
        let moved = identity.in_folder(&other);
        assert_eq!(moved.folder, other);
        assert_eq!(moved.clone().in_folder(&link), moved, "it stays where it is");
    }

    #[test]
    fn one_beyond_reading_is_nobodys() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("stacks/demo");
        fs::create_dir_all(&folder).unwrap();
        let known = Identity::new(&folder);
        let elsewhere = Identity { sockets: home.path().to_owned(), ..known.clone() };
        let surprise = format!("surprise = 1\n{}", encoded(&known).unwrap());
        for text in ["", "id = ", &surprise, &encoded(&elsewhere).unwrap()] {
            fs::write(folder.join(FILE), text).unwrap();
            let Found::Unreadable(failure) = Identity::find(&folder) else { panic!("{text:?}") };
            assert!(failure.hint.unwrap().contains("RETAILFLOW_PROCESS"));
        }
    }
}
