//! The environment of what we start: what is named and nothing else, so that no variable of a user's shell changes what a
//! process of ours does.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// Who and where a process is, and what programs need on systems that keep their libraries in places of their own.
pub const PLACE: &[&str] = &["USER", "LOGNAME", "PATH", "TMPDIR", "NIX_LD*"];

/// Where a user keeps the settings, data and sockets of programs: for those that are to work as the user set them up.
pub const HOMES: &[&str] = &["HOME", "XDG_*"];

/// The user's way into the network: proxies and certificates.
pub const NETWORK: &[&str] = &[
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "NETRC",
];

/// What every process is given: a day must not begin at another hour, nor a word sort otherwise, where the user lives.
const GIVEN: [(&str, &str); 2] = [("TZ", "UTC"), ("LC_ALL", "C")];

/// The environment of a process.
#[derive(Clone, PartialEq, Eq)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// Of ours what the lists name, with the time zone UTC and the locale C. A name that ends in `*` stands for all that begin so.
    pub fn inheriting(lists: &[&[&str]]) -> Self {
        Self::among(std::env::vars_os(), lists)
    }

    /// All of ours, for a process that starts others in its turn.
    pub fn whole() -> Self {
        Self(std::env::vars_os().collect())
    }

    fn among(ours: impl Iterator<Item = (OsString, OsString)>, lists: &[&[&str]]) -> Self {
        let named = |name: &OsStr| lists.iter().copied().flatten().any(|pattern| fits(pattern, name));
        let inherited = Self(ours.filter(|(name, _)| named(name)).collect());
        inherited.with(GIVEN)
    }

    /// With these on top, which count more than those before.
    #[must_use]
    pub fn with<N: Into<OsString>, V: Into<OsString>>(mut self, pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        self.0.extend(pairs.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// Its variables, to start a process with.
    pub fn pairs(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

impl fmt::Debug for Environment {
    /// Names alone: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn fits(pattern: &str, name: &OsStr) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.as_encoded_bytes().starts_with(beginning.as_bytes()),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_stays_outside() {
        let ours = [
            ("PATH", "/bin"),
            ("XDG_CACHE_HOME", "/cache"),
            ("PGHOSTADDR", "192.0.2.1"),
            ("LD_LIBRARY_PATH", "/elsewhere"),
            ("TZ", "Pacific/Kiritimati"),
            ("https_proxy", "http://192.0.2.2"),
        ];
        let ours = || ours.into_iter().map(|(name, value)| (name.into(), value.into()));
        let place = Environment::among(ours(), &[PLACE]);
        assert_eq!(place, Environment(BTreeMap::new()).with([("LC_ALL", "C"), ("PATH", "/bin"), ("TZ", "UTC")]));
        let more = Environment::among(ours(), &[PLACE, HOMES, NETWORK]).with([("PATH", "/ours")]);
        let expected = [("https_proxy", "http://192.0.2.2"), ("XDG_CACHE_HOME", "/cache"), ("PATH", "/ours")];
        assert_eq!(more, place.with(expected));
    }

    #[test]
    fn values_are_not_shown() {
        let shown = format!("{:?}", Environment(BTreeMap::new()).with([("KEY", "value-of-a-key")]));
        assert_eq!(shown, r#"{"KEY"}"#);
    }
}
