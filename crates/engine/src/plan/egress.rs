//! Networks that lead to the internet, and what goes through them.
//!
//! `split_tunnel_off` without gateways needs an egress network somewhere in the tenant (API section 10, row 44): where
//! the tenant has none yet, what asks for it waits for the spec's egress networks (spec section 7.1), or is warned
//! about (W509). A gateway that is named must be an egress network itself (W402).

use super::{
    fields::{at, wanted},
    find::{Finder, Resolved},
    human,
    problems::Problems,
};
use crate::{
    catalog,
    current::{Live, is_unset},
    desired::{FieldValue, Target},
    problem::{Code, Problem},
};
use connexa_types::Kind;
use serde_json::Value;

/// Items that wait, and items that they wait for.
#[derive(Debug, Default)]
pub(super) struct Egress {
    /// Items that ask for `split_tunnel_off` without naming gateways.
    pub(super) waiting: Vec<usize>,
    /// Items that make an egress network and do not wait themselves.
    pub(super) makers: Vec<usize>,
}

/// Finds what waits for what, and warns where there is nothing to wait for.
pub(super) fn check<'a>(finder: &Finder<'a>, acting: &[bool], problems: &mut Problems<'a>) -> Egress {
    // Networks that were not read are none of the spec's either; a call only to warn would cost more than it tells.
    let Some(networks) = finder.current.kind(Kind::Network) else { return Egress::default() };
    let acts = |index: usize| acting[index] && !problems.refuses(index);
    let waiting: Vec<usize> = (0..acting.len()).filter(|i| acts(*i) && asks(finder, *i)).collect();
    if waiting.is_empty() || networks.objects.iter().any(|live| stays_egress(finder, live)) {
        return Egress::default();
    }
    let makers: Vec<usize> = (0..acting.len())
        .filter(|i| acts(*i) && finder.kind(*i) == Some(Kind::Network))
        .filter(|i| is_egress(finder, *i) && waiting.binary_search(i).is_err())
        .collect();
    if makers.is_empty() {
        for index in &waiting {
            let message = "`split_tunnel_off` needs a network with `egress: true`, and the tenant has none";
            problems.push(*index, Problem::new(Code::warning(509), message).path("internet_access"));
        }
    }
    Egress { waiting, makers }
}

/// W402: gateways that are, or will be, no egress networks. The reader of specs has told of those whose item it found and
/// that says so itself.
pub(super) fn check_gateways<'a>(
    finder: &Finder<'a>,
    acting: impl Iterator<Item = usize>,
    problems: &mut Problems<'a>,
) {
    for index in acting {
        let Some(FieldValue::References(gateways)) = finder.item(index).fields.get("gateways") else {
            continue;
        };
        for gateway in gateways {
            let (item, live, by_key) = match finder.reference(gateway) {
                Resolved::Item(item) => (Some(item), None, true),
                Resolved::Live(live) => (finder.item_of(live), Some(live), false),
                Resolved::Unchecked | Resolved::Missing | Resolved::Ambiguous => continue,
            };
            let will_be = match (item, live) {
                (Some(item), _) => is_egress(finder, item),
                (None, live) => live.is_some_and(is_live_egress),
            };
            let told = item.map(|item| finder.item(item)).is_some_and(|item| {
                let by_id = matches!(gateway.target, Target::Id(_)) && item.id.is_some();
                (by_key || by_id) && item.fields.contains_key("egress")
            });
            if !will_be && !told && !problems.refuses(index) {
                let name = human::target(gateway);
                let problem =
                    Problem::new(Code::warning(402), format!("the gateway `{name}` has `egress: false`"))
                        .at(&gateway.place)
                        .path(&gateway.path)
                        .hint("set `egress: true` there, or use another gateway");
                problems.push(index, problem);
            }
        }
    }
}

fn asks(finder: &Finder<'_>, index: usize) -> bool {
    text(finder, index, "internet_access") == Some("SPLIT_TUNNEL_OFF") && !has_gateways(finder, index)
}

/// A text field of an item's object as it will be, without the service's defaults.
fn text<'a>(finder: &Finder<'a>, index: usize, name: &str) -> Option<&'a str> {
    let field = catalog::definition(finder.kind(index)?).field(name)?;
    match wanted(&finder.item(index).fields, field) {
        Some(FieldValue::Value(value)) => value.as_str(),
        Some(_) => None,
        None => at(Some(&finder.standing[index].live()?.object), field.response)?.as_str(),
    }
}

fn has_gateways(finder: &Finder<'_>, index: usize) -> bool {
    match finder.item(index).fields.get("gateways") {
        Some(FieldValue::References(list)) => !list.is_empty(),
        Some(FieldValue::Value(value)) => !is_unset(Some(value)),
        Some(_) => false,
        None => {
            finder.standing[index].live().is_some_and(|live| !is_unset(at(Some(&live.object), "gatewaysIds")))
        }
    }
}

/// Whether an item's network will be an egress network; the service makes one of a network that does not say.
fn is_egress(finder: &Finder<'_>, index: usize) -> bool {
    match (finder.item(index).fields.get("egress"), finder.standing[index].live()) {
        (Some(FieldValue::Value(value)), _) => value == &Value::Bool(true),
        (Some(_), _) => false,
        (None, Some(live)) => is_live_egress(live),
        (None, None) => true,
    }
}

fn stays_egress(finder: &Finder<'_>, live: &Live) -> bool {
    !finder.gone.contains(&(live.kind, live.id.as_str()))
        && is_live_egress(live)
        && finder.item_of(live).is_none_or(|item| is_egress(finder, item))
}

fn is_live_egress(live: &Live) -> bool {
    at(Some(&live.object), "egress") == Some(&Value::Bool(true))
}
