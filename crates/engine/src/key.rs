//! Natural keys: how they are written, compared and shown (spec sections 2 and 3.1).

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How two values of a field, or two keys, are compared (spec section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// To the letter.
    Exact,
    /// Trimmed of Unicode white space, then lower-case.
    Folded,
    /// Folded, without a final dot.
    Domain,
    /// As parsed addresses.
    Ip,
    /// As parsed networks, host bits cleared.
    Cidr,
}

impl Compare {
    /// The canonical form: two texts are equal under this rule if and only if their canonical forms are.
    pub fn canonical(self, text: &str) -> String {
        match self {
            Self::Exact => text.to_owned(),
            Self::Folded => text.trim().to_lowercase(),
            Self::Domain => {
                let folded = text.trim().to_lowercase();
                folded.strip_suffix('.').map_or(folded.clone(), str::to_owned)
            }
            Self::Ip => text
                .trim()
                .parse::<std::net::IpAddr>()
                .map_or_else(|_| text.trim().to_lowercase(), |ip| ip.to_string()),
            Self::Cidr => parse_cidr(text).map_or_else(|| text.trim().to_lowercase(), |net| net.to_string()),
        }
    }
}

/// Reads a network with its prefix length; host bits are cleared.
pub fn parse_cidr(text: &str) -> Option<IpNet> {
    text.trim().parse::<IpNet>().ok().map(|net| net.trunc())
}

/// Whether a reference with this text is an id, not a key (spec section 3.4).
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// One part of a key: as written (trimmed; CIDRs canonical) and as compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyPart {
    /// As compared; equal parts stand for the same key. First, so that order follows comparison.
    pub canonical: String,
    /// As shown.
    pub text: String,
}

impl KeyPart {
    /// Makes a part under a rule.
    pub fn new(text: &str, rule: Compare) -> Self {
        let canonical = rule.canonical(text);
        let text = if rule == Compare::Cidr { canonical.clone() } else { text.trim().to_owned() };
        Self { canonical, text }
    }
}

/// A natural key: the parent's part, if the kind has a parent, and its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The parent's own part.
    pub parent: Option<KeyPart>,
    /// This object's own part.
    pub own: KeyPart,
}

impl Key {
    /// The key of a top-level object.
    pub fn top(own: KeyPart) -> Self {
        Self { parent: None, own }
    }

    /// The key of a child.
    pub fn child(parent: KeyPart, own: KeyPart) -> Self {
        Self { parent: Some(parent), own }
    }

    /// Whether both stand for the same object (the written forms may differ).
    pub fn same(&self, other: &Self) -> bool {
        self.comparable() == other.comparable()
    }

    /// What maps are keyed by: the canonical parts.
    pub fn comparable(&self) -> (Option<&str>, &str) {
        (self.parent.as_ref().map(|p| p.canonical.as_str()), &self.own.canonical)
    }
}

/// The key string of documents: `name`, or `parent/name` with `/` and `\` of the parent escaped.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = &self.parent {
            write!(f, "{}/", parent.text.replace('\\', "\\\\").replace('/', "\\/"))?;
        }
        f.write_str(&self.own.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparison_rules() {
        assert_eq!(Compare::Folded.canonical("  Paris\u{a0}"), "paris");
        assert_eq!(Compare::Domain.canonical("Wiki.Corp.Example."), "wiki.corp.example");
        assert_eq!(Compare::Cidr.canonical("10.1.2.3/16"), "10.1.0.0/16");
        assert_eq!(Compare::Ip.canonical("2001:DB8:0::1"), "2001:db8::1");
        let key = Key::child(KeyPart::new("a/b", Compare::Folded), KeyPart::new("x", Compare::Exact));
        assert_eq!(key.to_string(), "a\\/b/x");
    }
}
