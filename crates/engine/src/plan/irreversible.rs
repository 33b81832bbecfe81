//! What cannot be undone: an object whose secrets nobody keeps cannot be made again, or set back, as it was.

use super::{
    body::Body,
    decide::Decided,
    find::Finder,
    steps::{Step, Steps},
};
use crate::{catalog, current::Live};
use connexa_types::SecretHash;
use std::collections::HashSet;

/// Why each change cannot be undone, if it cannot.
pub(super) fn reasons(finder: &Finder<'_>, decided: &Decided<'_>, steps: &Steps<'_>) -> Vec<Option<String>> {
    let mut reasons = vec![None; finder.standing.len() + steps.extras.len()];
    for draft in &steps.drafts {
        match draft.step {
            Step::Delete(live) => {
                let children = catalog::nested(live.kind)
                    .flat_map(|child| finder.children.of(child.kind, live.id.as_str()))
                    .copied();
                let held: HashSet<&str> = std::iter::once(live)
                    .chain(children)
                    .filter(|live| !live.sealed.is_empty())
                    .map(|live| live.id.as_str())
                    .collect();
                for change in draft.carries.iter().filter(|_| !held.is_empty()) {
                    let own = match finder.standing.get(*change) {
                        Some(standing) => standing.live(),
                        None => Some(steps.extras[*change - finder.standing.len()].live),
                    };
                    // What goes with it is lost with it.
                    if own.is_some_and(|own| own.id == live.id || held.contains(own.id.as_str())) {
                        reasons[*change] = Some(
                            "its secrets are kept nowhere: it cannot be made again as it was".to_owned(),
                        );
                    }
                }
            }
            Step::Update(item, live) if !live.sealed.is_empty() => {
                let kept = decided.bodies[item].as_ref().is_some_and(|body| keeps(body, live));
                if !kept {
                    reasons[item] =
                        Some("the secret that it had is kept nowhere: it cannot be set back".to_owned());
                }
            }
            Step::Create(_) | Step::Update(..) | Step::Free(..) | Step::Move(_) => {}
        }
    }
    reasons
}

/// Whether the secrets that a body sends are those that the object had.
fn keeps(body: &Body, live: &Live) -> bool {
    let sent: Vec<&SecretHash> = body.secrets.values().filter_map(|secret| secret.hash.as_ref()).collect();
    live.sealed.values().all(|had| sent.contains(&had))
}
