//! Releases, as scenarios and servers name them.

use std::fmt;

/// A release number of one to three parts; missing parts match anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub Vec<u32>);

impl Version {
    /// Reads `2`, `2.12`, `2.12.8` or `v2.12.8`; what follows a `-` or `+` is left out.
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split(['-', '+']).next()?;
        let parts: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
        parts.filter(|parts| (1..=3).contains(&parts.len())).map(Version)
    }

    /// Whether `self`, the version of a server, is not older than `bound`.
    pub fn at_least(&self, bound: &Version) -> bool {
        self.cut(bound) >= &bound.0[..]
    }

    /// Whether `self`, the version of a server, is not newer than `bound`: 2.11.11 is not newer
    /// than 2.11.
    pub fn at_most(&self, bound: &Version) -> bool {
        self.cut(bound) <= &bound.0[..]
    }

    fn cut(&self, bound: &Version) -> &[u32] {
        &self.0[..self.0.len().min(bound.0.len())]
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}
