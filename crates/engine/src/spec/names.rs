//! The names that a mapping of a spec takes: fields, their aliases, and all others that have a meaning somewhere
//! (spec section 3.1). Made from the catalog.

use crate::catalog::{self, Definition, Field, FieldType};
use connexa_types::secret::SECRET_FIELDS;
use std::collections::{BTreeSet, HashMap};

/// What a name means in an item.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    /// `kind`.
    Kind,
    /// `id`.
    Id,
    /// A field. `ids`: a reference under this name is an id in any form.
    Field { field: &'static Field, ids: bool },
    /// The parent of a flat child. `ids` as above; `response`: in a nested child it is response-only.
    Parent { ids: bool, response: bool },
    /// Nested children.
    Children(&'static Definition),
    /// A common field of spec section 3.2.
    Common(Common),
    /// A response-only field.
    ResponseOnly,
}

/// The common fields of spec section 3.2 beside `kind` and `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Common {
    RenamedFrom,
    Unit,
    DependsOn,
    Atomic,
}

/// The names of one mapping.
#[derive(Debug, Default)]
pub(super) struct Names {
    roles: HashMap<String, Role>,
    /// Names of object fields' own mappings, by the field's name.
    objects: HashMap<&'static str, Names>,
    /// The name of the parent, of a child.
    parent: &'static str,
    /// Names to suggest.
    suggested: BTreeSet<&'static str>,
}

impl Names {
    /// The names of items of a kind.
    pub(super) fn of(definition: &'static Definition) -> Self {
        let mut names = Self::default();
        for (name, role) in [
            ("kind", Role::Kind),
            ("id", Role::Id),
            ("renamed_from", Role::Common(Common::RenamedFrom)),
            ("unit", Role::Common(Common::Unit)),
            ("depends_on", Role::Common(Common::DependsOn)),
            ("atomic", Role::Common(Common::Atomic)),
        ] {
            names.roles.insert(name.to_owned(), role);
        }
        names.suggested.extend(["kind", "id", "renamed_from", "unit", "depends_on", "atomic"]);
        names.fields(definition.fields);
        for name in definition.parent_names {
            let response = matches!(catalog::snake(name).as_str(), "network_item_id" | "user_id");
            names.add(name, Role::Parent { ids: is_id_name(name), response });
        }
        names.parent = definition.parent_names.first().copied().unwrap_or_default();
        names.suggested.extend(definition.parent_names.first());
        for child in catalog::nested(definition.kind) {
            let nested = child.nested_as.expect("every kind with a parent nests in it");
            names.add(nested, Role::Children(child));
            names.suggested.insert(nested);
        }
        names.response_only(definition.response_only, "");
        names
    }

    /// The name of one field, which is no item's: the value of a setting.
    pub(super) fn of_field(field: &'static Field) -> Self {
        let mut names = Self::default();
        names.fields(std::slice::from_ref(field));
        names
    }

    fn fields(&mut self, fields: &'static [Field]) {
        for field in fields {
            let reference = matches!(field.ty, FieldType::Reference(_) | FieldType::References(_));
            let mut add =
                |name: &str| self.add(name, Role::Field { field, ids: reference && is_id_name(name) });
            add(field.name);
            for api in [field.request, field.response] {
                // A field that stands deeper in the API's object is known by the object's name: its value may be the
                // object (`tunnelBypass: {ipv4Subnets: […]}`).
                let name = api.split('/').next().unwrap_or(api);
                add(name);
                add(&catalog::snake(name));
            }
            self.suggested.insert(field.name);
            if let FieldType::Object(leaves) = field.ty {
                let mut names = Names::default();
                names.fields(leaves);
                self.objects.insert(field.name, names);
            }
        }
    }

    fn response_only(&mut self, paths: &[&'static str], prefix: &str) {
        for path in paths.iter().filter_map(|p| p.strip_prefix(prefix)) {
            match path.split_once('/') {
                None => {
                    self.add(path, Role::ResponseOnly);
                    self.add(&catalog::snake(path), Role::ResponseOnly);
                }
                Some((object, _)) => {
                    let prefix = format!("{prefix}{object}/");
                    if let Some(Role::Field { field, .. }) = self.roles.get(object).copied()
                        && let Some(names) = self.objects.get_mut(field.name)
                    {
                        names.response_only(paths, &prefix);
                    }
                }
            }
        }
    }

    /// Adds a name, unless it has a meaning already: fields go before parents, parents before response-only ones.
    fn add(&mut self, name: &str, role: Role) {
        self.roles.entry(name.to_owned()).or_insert(role);
    }

    /// What a name means.
    pub(super) fn role(&self, name: &str) -> Option<Role> {
        self.roles.get(name).copied()
    }

    /// The name that is shown for a parent's alias.
    pub(super) fn shown(&self, name: &str) -> Option<&'static str> {
        matches!(self.role(name)?, Role::Parent { .. }).then_some(self.parent)
    }

    /// All names.
    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }

    /// The names of an object field's mapping.
    pub(super) fn object(&self, field: &str) -> Option<&Names> {
        self.objects.get(field)
    }

    /// The name that was probably meant.
    pub(super) fn nearest(&self, name: &str) -> Option<&'static str> {
        nearest(name, self.suggested.iter().copied())
    }
}

/// Whether a value under this name is an id in any form (spec section 3.4).
fn is_id_name(name: &str) -> bool {
    ["Id", "Ids", "_id", "_ids"].iter().any(|end| name.ends_with(end))
}

/// Longer than every name: comparing two texts letter by letter takes the time, and the memory, of their product.
const LONGEST: usize = 100;

/// The nearest of some words, if it is near enough to be meant.
pub(super) fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let folded = catalog::snake(word).replace('-', "_");
    let most = |w: &str| (w.len().max(folded.len()) / 3).max(1);
    words
        .filter_map(|w| {
            Some((distance(&folded, w, most(w)).or_else(|| is_part(&folded, w).then_some(LONGEST))?, w))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, w)| w)
}

/// The letters changed, dropped or swapped between two words, if they are at most so many.
fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
    // At least as many as one is longer; looking closer takes its time.
    let longer = a.chars().count().abs_diff(b.chars().count());
    (longer <= most && letters_apart(a, b) <= most)
        .then(|| strsim::damerau_levenshtein(a, b))
        .filter(|distance| *distance <= most)
}

/// The letters that one of two words has and the other has not, whichever are more: no distance is less, and these are
/// counted at once. Letters beyond ASCII count as one.
fn letters_apart(a: &str, b: &str) -> usize {
    let mut balance = [0i32; 128];
    let slot = |c: char| usize::try_from(u32::from(c)).unwrap_or(usize::MAX).min(127);
    a.chars().for_each(|c| balance[slot(c)] += 1);
    b.chars().for_each(|c| balance[slot(c)] -= 1);
    let count = |sign: i32| balance.iter().map(|n| usize::try_from(n * sign).unwrap_or(0)).sum::<usize>();
    count(1).max(count(-1))
}

/// Whether a word is one of the other's words: `region` of `vpn_region`.
fn is_part(a: &str, b: &str) -> bool {
    let words = |long: &str, short: &str| short.len() > 2 && long.split('_').any(|w| w == short);
    words(a, b) || words(b, a)
}

/// Whether an unknown name sounds as if its value were a secret, in any spelling. Such values leave no trace in
/// documents.
pub(super) fn sounds_secret(name: &str) -> bool {
    // Letters that are wrong in a name that is known to be a secret's.
    const MISSPELT: usize = 4;
    mentions_secret(name)
        || name.len() <= LONGEST
            && SECRET_FIELDS.iter().any(|(secret, _)| {
                distance(&catalog::snake(name), &catalog::snake(secret), MISSPELT).is_some()
            })
}

/// Whether a text holds a word that names of secrets hold.
pub(super) fn mentions_secret(text: &str) -> bool {
    const WORDS: [&str; 8] = ["key", "secret", "pass", "token", "psk", "private", "credential", "shared"];
    let folded = text.to_ascii_lowercase();
    WORDS.iter().any(|word| folded.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use connexa_types::Kind;

    fn field(kind: Kind, name: &str) -> Option<(&'static str, bool)> {
        match Names::of(catalog::definition(kind)).role(name)? {
            Role::Field { field, ids } => Some((field.name, ids)),
            _ => None,
        }
    }

    #[test]
    fn aliases() {
        assert_eq!(field(Kind::Network, "gatewaysIds"), Some(("gateways", true)));
        assert_eq!(field(Kind::Network, "gateways_ids"), Some(("gateways", true)));
        assert_eq!(field(Kind::Network, "gateways"), Some(("gateways", false)));
        assert_eq!(field(Kind::NetworkRoute, "value"), Some(("subnet", false)));
        assert_eq!(field(Kind::UserGroup, "tunnelBypass"), Some(("tunnel_bypass", false)));
        assert_eq!(field(Kind::UserGroup, "vpn_region_ids"), Some(("regions", false)));
        let names = Names::of(catalog::definition(Kind::NetworkConnector));
        assert!(matches!(names.role("networkItemId"), Some(Role::Parent { ids: true, response: true })));
        assert!(matches!(names.role("network_id"), Some(Role::Parent { ids: true, response: false })));
        assert!(matches!(names.role("ip_v4_address"), Some(Role::ResponseOnly)));
        let ipsec = names.object("ipsec").unwrap();
        assert!(matches!(ipsec.role("server_ip"), Some(Role::ResponseOnly)));
        assert!(ipsec.object("ike_protocol").unwrap().role("startupAction").is_some());
        let network = Names::of(catalog::definition(Kind::Network));
        assert!(matches!(network.role("applications"), Some(Role::Children(_))));
        assert!(matches!(network.role("ip_services"), Some(Role::Children(_))));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn letters_apart_are_no_more_than_the_distance(a in "[a-cé\u{7f}]{0,6}", b in "[a-cé\u{7f}]{0,6}") {
            proptest::prop_assert!(letters_apart(&a, &b) <= strsim::damerau_levenshtein(&a, &b));
        }
    }

    #[test]
    fn nearest_names() {
        let names = Names::of(catalog::definition(Kind::NetworkConnector));
        assert_eq!(names.nearest("regoin"), Some("region"));
        assert_eq!(names.nearest("VpnRegion"), Some("region"));
        assert_eq!(names.nearest("colour"), None);
    }
}
