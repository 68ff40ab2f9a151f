//! Something that is left of a stack.

use std::fmt;

use super::{Kind, TAG};

/// Something that is left of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What sort of thing it is.
    pub kind: Kind,
    /// What AWS calls it in its API.
    pub id: String,
    /// Its name, where its id says nothing to people.
    pub name: Option<String>,
    /// What has to be known besides to remove it or to take it over, such as the cluster of a service.
    pub of: Option<String>,
    /// Why nothing can be done but wait, if so; it then goes by itself.
    pub waits_for: Option<&'static str>,
}

impl Leftover {
    pub(super) fn new(kind: Kind, id: impl Into<String>) -> Self {
        Self { kind, id: id.into(), name: None, of: None, waits_for: None }
    }

    pub(super) fn named(self, name: Option<&str>) -> Self {
        Self { name: name.map(str::to_owned), ..self }
    }

    pub(super) fn of(self, of: impl Into<String>) -> Self {
        Self { of: Some(of.into()), ..self }
    }

    /// Marks it as going by itself if `going`.
    pub(super) fn going(self, going: bool, waits_for: &'static str) -> Self {
        Self { waits_for: going.then_some(waits_for), ..self }
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        if let Some(reason) = self.waits_for {
            write!(f, ", {reason}")?;
        }
        Ok(())
    }
}

/// What is waited for, in words: at most three sorts of things.
pub fn in_words(left: &[Leftover]) -> String {
    let parts: Vec<String> = left
        .chunk_by(|one, other| (one.kind, one.waits_for) == (other.kind, other.waits_for))
        .map(|alike| {
            let reason = alike[0].waits_for.unwrap_or("still in use");
            format!("{} ({}): {reason}", alike[0].kind.title(), alike.len())
        })
        .collect();
    let more = parts.len().saturating_sub(3);
    let shown = parts.into_iter().take(3).collect::<Vec<_>>().join("; ");
    if more == 0 { shown } else { format!("{shown}; and {more} more") }
}

/// Whether these tags are those of the stack.
pub(super) fn is_tagged<K: AsRef<str>, V: AsRef<str>>(
    stack: &str,
    tags: impl IntoIterator<Item = (Option<K>, Option<V>)>,
) -> bool {
    tags.into_iter().any(|(key, value)| {
        key.is_some_and(|key| key.as_ref() == TAG) && value.is_some_and(|value| value.as_ref() == stack)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_of_its_stack_and_no_other() {
        let tags = |value: &str| {
            [(Some("Name".to_owned()), Some("shop".to_owned())), (Some(TAG.to_owned()), Some(value.to_owned()))]
        };
        assert!(is_tagged("shop", tags("shop")));
        for other in ["shop-2", "sho", "", "Shop"] {
            assert!(!is_tagged("shop", tags(other)), "{other}");
        }
        assert!(!is_tagged::<&str, &str>("shop", []));
    }

    #[test]
    fn waiting_is_told_in_words() {
        let host = |id: &str| Leftover::new(Kind::Instance, id).going(true, "shutting down");
        let left = [host("i-1"), host("i-2"), Leftover::new(Kind::Subnet, "subnet-1")];
        assert_eq!(in_words(&left), "Instances (2): shutting down; Subnets (1): still in use");
        assert_eq!(left[0].to_string(), "i-1, shutting down");
    }
}
