//! What a layer is made from, in one word.

use std::fmt;

use oci_spec::image::{Digest, Sha256Digest};
use protocol::Failure;
use sha2::{Digest as _, Sha256};

use crate::layer::Tree;

/// Names the input of a layer: the same input, the same fingerprint. It is a file name too.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a recipe: whatever decides what comes out of it, for example the locked requirements and the
    /// version of the tool that installs them.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            // With its length, so that “ab”, “c” is not “a”, “bc”.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hex::encode(hash.finalize()))
    }

    /// The fingerprint of folders by their content. Reads every file: for projects of kilobytes, not for a Python
    /// environment.
    pub fn of_trees(trees: &[Tree]) -> Result<Self, Failure> {
        crate::layer::fingerprint(trees)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The digest of some bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    digest(Sha256::new_with_prefix(bytes))
}

/// The digest a hash comes to.
pub(crate) fn digest(hash: Sha256) -> Digest {
    let parsed = hex::encode(hash.finalize()).parse::<Sha256Digest>();
    parsed.expect("64 hexadecimal digits").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_part_ends_counts() {
        let of = |parts: &[&str]| Fingerprint::of(parts.iter().map(|part| part.as_bytes()));
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab"]), of(&["ab", ""]));
    }
}
