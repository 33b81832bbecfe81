//! What is never deleted, replaced or renamed (spec section 7.3), and what `--protect` keeps as it is.

use super::{PlanOptions, find::Finder, scope};
use crate::{catalog, current::Live};
use connexa_types::Kind;
use serde_json::Value;

/// Who a protected object is, as messages begin; `None` for all others.
pub(super) fn who(live: &Live) -> Option<&'static str> {
    let text = |name: &str| live.object.get(name).and_then(Value::as_str);
    match live.kind {
        Kind::User if text("role") == Some("OWNER") => Some("the owner"),
        // A user of whom the service does not say it is one of its own.
        Kind::User if text("authType").is_some_and(|auth| auth != "INTERNAL") => {
            Some("a user of an identity provider")
        }
        Kind::UserGroup if live.key.own.text == "Default" => Some("the user group `Default`"),
        Kind::AccessGroup if is_true(live.object.get("defaultGroup")) => Some("the default access group"),
        _ => None,
    }
}

/// The service writes `defaultGroup` as a boolean or as its text (API section 6.16).
fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// The object itself or the child of it that `--protect` selects, if any: neither may go.
pub(super) fn held_by<'a>(finder: &Finder<'a>, live: &'a Live, options: &PlanOptions) -> Option<&'a Live> {
    if options.protect.is_empty() {
        return None;
    }
    let selected = |live: &Live| scope::selects(&options.protect, live.kind, &live.key.to_string());
    if selected(live) {
        return Some(live);
    }
    catalog::nested(live.kind)
        .flat_map(|child| finder.children.of(child.kind, live.id.as_str()))
        .copied()
        .find(|child| selected(child))
}
