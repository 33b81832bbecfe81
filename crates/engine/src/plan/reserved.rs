//! Routes to be created that overlap the subnets which the service keeps for itself (W406).
//!
//! The reader of specs has told of the subnets that the spec sets. Here it is about those that stay as they are, where the
//! plan has read them anyway: a call only to warn would cost more than it tells.

use super::{
    find::{Finder, Standing},
    problems::Problems,
};
use crate::{
    catalog::{self, FieldType},
    desired::FieldValue,
    key::parse_cidr,
    problem::{Code, Problem},
};
use connexa_types::Kind;
use ipnet::IpNet;
use serde_json::Value;

/// The settings that hold such subnets.
const SETTINGS: [&str; 2] = ["wpc.subnet", "wpc.domain_routing_subnet"];

/// Checks the routes to be created.
pub(super) fn check<'a>(finder: &Finder<'a>, problems: &mut Problems<'a>) {
    let reserved = reserved(finder);
    if reserved.is_empty() {
        return;
    }
    for index in 0..finder.standing.len() {
        if finder.kind(index) != Some(Kind::NetworkRoute)
            || !matches!(finder.standing[index], Standing::New)
            || problems.refuses(index)
        {
            continue;
        }
        let Some(net) = finder.item(index).key.as_ref().and_then(|key| parse_cidr(&key.own.text)) else {
            continue;
        };
        let overlaps = |other: &IpNet| other.contains(&net) || net.contains(other);
        if let Some((subnet, setting)) = reserved.iter().find(|(subnet, _)| overlaps(subnet)) {
            let message = format!("the route `{net}` overlaps `{subnet}` of the setting `{setting}`");
            let problem = Problem::new(Code::warning(406), message).path("subnet");
            problems.push(index, problem.expected("routes apart from the subnets of the service"));
        }
    }
}

/// The subnets that were read and stay as they are.
fn reserved(finder: &Finder<'_>) -> Vec<(IpNet, &'static str)> {
    let mut found = Vec::new();
    for path in SETTINGS {
        let (Some(live), Some(setting)) = (finder.current.setting(path), catalog::setting(path)) else {
            continue;
        };
        let FieldType::Object(leaves) = setting.value.ty else { continue };
        let owned =
            finder.item_by_key(Kind::Setting, path).and_then(|item| finder.item(item).fields.get("value"));
        for leaf in leaves {
            if matches!(owned, Some(FieldValue::Object(owned)) if owned.contains_key(leaf.name)) {
                continue;
            }
            let texts = match live.object.get("value").and_then(|value| value.get(leaf.response)) {
                Some(Value::Array(list)) => list.as_slice(),
                Some(text) => std::slice::from_ref(text),
                None => &[],
            };
            let nets = texts.iter().filter_map(|text| parse_cidr(text.as_str()?));
            found.extend(nets.map(|net| (net, path)));
        }
    }
    found
}
