//! Regions that are to be sent (spec section 3.4): known from an object that was read, or from the list of regions, which
//! costs a call and is read only if one is not known otherwise.

use super::{
    fields::{self, at, wanted},
    find::{Finder, planned_kind},
    nearest::nearest,
    problems::Problems,
};
use crate::{
    catalog::{Field, FieldType},
    desired::FieldValue,
    key::Key,
    problem::{Code, Problem},
};
use connexa_types::Kind;
use serde_json::Value;
use std::collections::HashSet;

/// Checks the regions that items send. Returns whether the list of regions is needed for that.
pub(super) fn check<'a>(
    finder: &Finder<'a>,
    acting: impl Iterator<Item = usize>,
    problems: &mut Problems<'a>,
) -> bool {
    let sent: Vec<(usize, String, &str)> = acting.flat_map(|index| of_item(finder, index)).collect();
    if sent.is_empty() {
        return false;
    }
    let used = in_use(finder);
    let unknown = sent.into_iter().filter(|(_, _, region)| !used.contains(region));
    let Some(regions) = &finder.current.regions else { return unknown.count() > 0 };
    let listed: HashSet<&str> = regions.iter().map(String::as_str).collect();
    for (index, path, region) in unknown.filter(|(_, _, region)| !listed.contains(region)) {
        let problem = Problem::new(Code::error(506), format!("there is no region `{region}`")).path(path);
        let near = if problems.may_compare(regions.len()) {
            nearest(region, regions.iter().map(|r| (r.as_str(), r.as_str())))
        } else {
            None
        };
        problems.push(
            index,
            match near {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem,
            },
        );
    }
    false
}

/// The regions that an item names, with the field in spec names.
fn of_item<'a>(finder: &Finder<'a>, index: usize) -> Vec<(usize, String, &'a str)> {
    let item = finder.item(index);
    let Some(kind) = planned_kind(item) else { return Vec::new() };
    let mut found = Vec::new();
    for field in region_fields(kind, item.key.as_ref()) {
        match wanted(&item.fields, field) {
            Some(FieldValue::Value(Value::String(region))) => {
                found.push((index, field.name.to_owned(), region.as_str()));
            }
            Some(FieldValue::Value(Value::Array(list))) => {
                for (i, region) in list.iter().enumerate() {
                    if let Some(region) = region.as_str() {
                        found.push((index, format!("{}[{i}]", field.name), region));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// The regions that live objects use.
fn in_use<'a>(finder: &Finder<'a>) -> HashSet<&'a str> {
    let mut used = HashSet::new();
    for (kind, read) in &finder.current.kinds {
        for live in &read.objects {
            for field in region_fields(*kind, Some(&live.key)) {
                match at(Some(&live.object), field.response) {
                    Some(Value::String(region)) => {
                        used.insert(region.as_str());
                    }
                    Some(Value::Array(list)) => used.extend(list.iter().filter_map(Value::as_str)),
                    _ => {}
                }
            }
        }
    }
    used
}

fn region_fields(kind: Kind, key: Option<&Key>) -> impl Iterator<Item = &'static Field> {
    let fields = fields::of_kind(kind, key).iter();
    fields.filter(|field| matches!(field.ty, FieldType::Region | FieldType::Regions))
}
