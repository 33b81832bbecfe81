//! Patterns of paths.

use connexa_types::Endpoint;
use serde::{Deserialize, Serialize};
use std::fmt;

use crate::router::BASE_PATH;

/// A path below `/api/v1`, which may be written in front of it.
///
/// With braces it is the template of an operation, such as `/networks/{id}` (the word in the braces does not matter):
/// it matches requests for that operation only. Otherwise it matches paths as they are sent; `*` stands for any part
/// of one segment, `**` for anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Pattern {
    text: String,
}

/// A pattern that can match nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It does not start with a slash.
    #[error("the path `{0}` does not start with `/`")]
    Relative(String),
    /// Braces, but not of any operation.
    #[error("no operation of the API has the path `{0}`")]
    UnknownTemplate(String),
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        let below = text.strip_prefix(BASE_PATH).unwrap_or(&text);
        if !below.starts_with('/') && !below.starts_with("**") {
            return Err(PatternError::Relative(text));
        }
        let pattern = Self { text: below.to_owned() };
        let known = Endpoint::ALL.iter().any(|endpoint| pattern.is_template_of(endpoint.info().path));
        if pattern.text.contains('{') && !known {
            return Err(PatternError::UnknownTemplate(text));
        }
        Ok(pattern)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pattern {
    /// Whether a request for `path`, which found `endpoint` or nothing, is meant.
    pub(crate) fn matches(&self, path: &str, endpoint: Option<Endpoint>) -> bool {
        if self.text.contains('{') {
            return endpoint.is_some_and(|endpoint| self.is_template_of(endpoint.info().path));
        }
        let below = path.strip_prefix(BASE_PATH).unwrap_or(path);
        glob(self.text.as_bytes(), below.as_bytes())
    }

    fn is_template_of(&self, template: &str) -> bool {
        let (ours, theirs) = (self.text.split('/'), template.split('/'));
        let segments = ours.clone().count() == theirs.clone().count();
        segments && ours.zip(theirs).all(|(a, b)| a == b || (a.starts_with('{') && b.starts_with('{')))
    }
}

/// Matches with `*` for any part of a segment and `**` for anything, in time linear in both for each star.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    // Which lengths of the text the pattern so far can cover.
    let mut covers = vec![false; text.len() + 1];
    covers[0] = true;
    let mut rest = pattern;
    while let Some((first, others)) = rest.split_first() {
        if *first == b'*' {
            let deep = others.first() == Some(&b'*');
            for length in 1..=text.len() {
                covers[length] |= covers[length - 1] && (deep || text[length - 1] != b'/');
            }
            rest = if deep { &others[1..] } else { others };
        } else {
            for length in (1..=text.len()).rev() {
                covers[length] = covers[length - 1] && text[length - 1] == *first;
            }
            covers[0] = false;
            rest = others;
        }
    }
    covers[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn templates_match_operations() {
        let one = pattern("/networks/{whatever}");
        assert!(one.matches("/api/v1/networks/7", Some(Endpoint::NetworkGet)));
        assert!(!one.matches("/api/v1/networks/connectors", Some(Endpoint::NetworkConnectorList)));
        assert!(!one.matches("/api/v1/networks/7", None));
        assert!(
            pattern("/api/v1/networks/connectors/{id}/profile")
                .matches("/x", Some(Endpoint::NetworkConnectorProfile))
        );
        let unknown = Pattern::try_from("/network/{id}".to_owned()).unwrap_err();
        assert_eq!(unknown, PatternError::UnknownTemplate("/network/{id}".to_owned()));
        assert!(matches!(Pattern::try_from("networks".to_owned()), Err(PatternError::Relative(_))));
    }

    #[test]
    fn globs_match_paths() {
        for (text, path, expected) in [
            ("/networks", "/api/v1/networks", true),
            ("/networks", "/api/v1/networks/7", false),
            ("/networks/*", "/api/v1/networks/7", true),
            ("/networks/*", "/api/v1/networks/connectors/7", false),
            ("/networks/**", "/api/v1/networks/connectors/7", true),
            ("/**/7", "/api/v1/networks/connectors/7", true),
            ("/net*s", "/api/v1/networks", true),
            ("/net*s", "/api/v1/net/works", false),
            ("**", "/api/v1/anything/at/all", true),
            ("/*/*", "/api/v1/a/", true),
        ] {
            assert_eq!(pattern(text).matches(path, None), expected, "{text} {path}");
        }
    }
}
