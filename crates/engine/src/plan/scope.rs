//! Which changes are wanted: `--only`, `--exclude`, `--limit`, and what `--protect` keeps as it is.

use connexa_types::Kind;
use globset::{GlobBuilder, GlobMatcher};
use std::{fmt, str::FromStr};

/// `KIND` or `KIND/GLOB`: objects of a kind, by their key string. Letters count in either case.
#[derive(Clone, Debug)]
pub struct Selector {
    /// The kind.
    pub kind: Kind,
    /// A glob over key strings; all objects, if there is none.
    pub glob: Option<GlobMatcher>,
}

/// A text that is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSelector {
    /// The part before the slash.
    #[error(transparent)]
    Kind(#[from] connexa_types::UnknownKind),
    /// The part behind it.
    #[error("`{0}` is no glob: {1}")]
    Glob(String, String),
}

/// A glob over key strings, in which a star stands for any text: `paris*` and `paris/10.*` alike.
///
/// # Errors
/// Text that is no glob, with the reason.
pub fn glob(text: &str) -> Result<GlobMatcher, NoSelector> {
    GlobBuilder::new(text)
        .case_insensitive(true)
        .literal_separator(false)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| NoSelector::Glob(text.to_owned(), error.kind().to_string()))
}

impl FromStr for Selector {
    type Err = NoSelector;

    fn from_str(text: &str) -> Result<Self, NoSelector> {
        let (kind, pattern) = match text.split_once('/') {
            Some((kind, pattern)) => (kind, Some(pattern)),
            None => (text, None),
        };
        Ok(Self { kind: kind.parse()?, glob: pattern.map(glob).transpose()? })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.singular())?;
        match &self.glob {
            Some(glob) => write!(f, "/{}", glob.glob().glob()),
            None => Ok(()),
        }
    }
}

impl Selector {
    /// Whether it selects an object.
    pub fn matches(&self, kind: Kind, key: &str) -> bool {
        self.kind == kind && self.glob.as_ref().is_none_or(|glob| glob.is_match(key))
    }
}

/// Whether any of some selectors selects an object, or the object that it is a child of.
pub fn selects(selectors: &[Selector], kind: Kind, key: &str) -> bool {
    selectors.iter().any(|selector| {
        selector.matches(kind, key)
            || Some(selector.kind) == kind.parent()
                && selector.glob.as_ref().is_none_or(|glob| glob.is_match(parent_of(key)))
    })
}

/// The parent's part of a child's key string, as the parent's own key string writes it.
fn parent_of(key: &str) -> String {
    let mut parent = String::new();
    let mut letters = key.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => parent.extend(letters.next()),
            '/' => break,
            other => parent.push(other),
        }
    }
    parent
}

/// Which changes are wanted; all, by default. What is left out still stands for its objects.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Only these, and what they need, if there are any. An object's children are meant with it.
    pub only: Vec<Selector>,
    /// None of these, and nothing that needs them. An object's children are meant with it.
    pub exclude: Vec<Selector>,
    /// At most so many changes that do something, in input order, beside what these need.
    pub limit: Option<usize>,
}

/// What [`Scope::wanted`] must know of the changes.
pub(super) trait Scoped {
    /// How many there are.
    fn count(&self) -> usize;
    /// Kind and key string of one; `None` for an item without a known kind, which is always wanted: it fails.
    fn named(&self, index: usize) -> Option<(Kind, String)>;
    /// Whether it does something.
    fn acts(&self, index: usize) -> bool;
    /// The changes that it cannot do without.
    fn needs(&self, index: usize) -> Vec<usize>;
}

impl Scope {
    /// Whether all changes are wanted.
    pub fn is_all(&self) -> bool {
        self.only.is_empty() && self.exclude.is_empty() && self.limit.is_none()
    }

    /// Which of the changes are wanted.
    pub(super) fn wanted(&self, changes: &impl Scoped) -> Vec<bool> {
        let count = changes.count();
        if self.is_all() {
            return vec![true; count];
        }
        let mut excluded = vec![false; count];
        if !self.exclude.is_empty() {
            for (index, out) in excluded.iter_mut().enumerate() {
                *out = changes.named(index).is_some_and(|(kind, key)| selects(&self.exclude, kind, &key));
            }
            spread(&mut excluded, |index| changes.needs(index));
        }
        let mut wanted = vec![false; count];
        let mut room = self.limit.unwrap_or(usize::MAX);
        for index in 0..count {
            let named = changes.named(index);
            let selected = self.only.is_empty()
                || named.as_ref().is_none_or(|(kind, key)| selects(&self.only, *kind, key));
            if !selected || excluded[index] {
                continue;
            }
            if changes.acts(index) {
                if room == 0 {
                    continue;
                }
                room -= 1;
            }
            wanted[index] = true;
        }
        // What a wanted change needs comes with it.
        let mut open: Vec<usize> = (0..count).filter(|index| wanted[*index]).collect();
        while let Some(index) = open.pop() {
            for needed in changes.needs(index) {
                if !std::mem::replace(&mut wanted[needed], true) {
                    open.push(needed);
                }
            }
        }
        wanted
    }
}

/// Marks what needs something that is marked.
fn spread(marked: &mut [bool], needs: impl Fn(usize) -> Vec<usize>) {
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); marked.len()];
    for index in 0..marked.len() {
        for needed in needs(index) {
            needed_by[needed].push(index);
        }
    }
    let mut open: Vec<usize> = (0..marked.len()).filter(|index| marked[*index]).collect();
    while let Some(index) = open.pop() {
        for &next in &needed_by[index] {
            if !std::mem::replace(&mut marked[next], true) {
                open.push(next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selectors(texts: &[&str]) -> Vec<Selector> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn selectors_read_and_match() {
        let all = selectors(&["network/Par*", "network_routes", "user-groups/eng?neers"]);
        assert_eq!(all[0].to_string(), "network/Par*");
        assert!(selects(&all, Kind::Network, "paris"));
        assert!(selects(&all, Kind::NetworkConnector, "paris/paris-1"));
        assert!(!selects(&all, Kind::NetworkConnector, "rome/paris-1"));
        assert!(selects(&all, Kind::UserGroup, "engineers"));
        let slash = selectors(&["network/a/b"]);
        assert!(selects(&slash, Kind::NetworkRoute, "a\\/b/10.0.0.0/8"));
        assert!(matches!("sheep/x".parse::<Selector>(), Err(NoSelector::Kind(_))));
        assert!(matches!("network/[".parse::<Selector>(), Err(NoSelector::Glob(..))));
    }

    struct Chain(Vec<(&'static str, bool, Vec<usize>)>);

    impl Scoped for Chain {
        fn count(&self) -> usize {
            self.0.len()
        }
        fn named(&self, index: usize) -> Option<(Kind, String)> {
            Some((Kind::Host, self.0[index].0.to_owned()))
        }
        fn acts(&self, index: usize) -> bool {
            self.0[index].1
        }
        fn needs(&self, index: usize) -> Vec<usize> {
            self.0[index].2.clone()
        }
    }

    #[test]
    fn what_is_needed_comes_along_and_what_needs_an_excluded_goes() {
        let chain = Chain(vec![
            ("a", true, vec![]),
            ("b", false, vec![]),
            ("c", true, vec![0]),
            ("d", true, vec![2]),
        ]);
        let wanted = |scope: Scope| scope.wanted(&chain);
        assert_eq!(wanted(Scope::default()), [true; 4]);
        let only = Scope { only: selectors(&["host/c"]), ..Scope::default() };
        assert_eq!(wanted(only), [true, false, true, false]);
        let exclude = Scope { exclude: selectors(&["host/a"]), ..Scope::default() };
        assert_eq!(wanted(exclude), [false, true, false, false]);
        assert_eq!(wanted(Scope { limit: Some(1), ..Scope::default() }), [true, true, false, false]);
    }
}
