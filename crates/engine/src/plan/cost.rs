//! What a plan costs: calls, and time under the quota.
//!
//! `read` is the list calls that were made for the plan; `update` is its operations. `one_per_object` is what a program
//! would spend that knows no nesting and no lists, as scripts and the official Terraform provider do: one read for each
//! existing object that is compared (no-ops and updates), one create or update call for each change, children included.
//!
//! Time is the law of the bucket: the tokens that are there now, then one token each period. Where the quota is not known
//! yet it is told for two published profiles, from full buckets on and with the reads that were made, and `seconds` is
//! that of the profile `default`.

use super::{
    act::Verb,
    types::{Action, Change, Cost},
};
use crate::{
    quota::QuotaView,
    report::{QuotaSource, Verdict},
};
use connexa_types::Class;

/// Adds up a plan.
pub(super) fn cost(changes: &[Change], reads: u64, updates: u64, quota: &QuotaView) -> Cost {
    let source = source(quota, updates);
    let profiles = QuotaView::profiles();
    let mut cost = Cost {
        read: reads,
        update: updates,
        one_per_object: changes.iter().map(one_per_object).sum(),
        quota_source: Some(source),
        ..Cost::default()
    };
    let assumed = |profile: &QuotaView| profile.time_for(reads, updates).unwrap_or_default().as_secs_f64();
    cost.seconds = match source {
        QuotaSource::Observed | QuotaSource::Remembered => {
            quota.time_for(0, updates).unwrap_or_default().as_secs_f64()
        }
        QuotaSource::Assumed => assumed(&profiles[0].1),
        // Answers without headers are not paced.
        QuotaSource::None => 0.0,
    };
    if matches!(source, QuotaSource::Assumed | QuotaSource::None) {
        cost.assumed_seconds =
            profiles.iter().map(|(name, profile)| ((*name).to_owned(), assumed(profile))).collect();
    }
    cost
}

/// How well the quota that decides about the time is known: that of the updates, if there are any.
fn source(quota: &QuotaView, updates: u64) -> QuotaSource {
    let class = if updates > 0 { Class::Update } else { Class::Read };
    let known = quota.classes.get(&class).or_else(|| {
        // One bucket for both: what is known of one is known of the other.
        quota.shared.then(|| quota.classes.values().next()).flatten()
    });
    known.map_or(QuotaSource::Assumed, |known| known.source)
}

fn one_per_object(change: &Change) -> u64 {
    let read = u64::from(change.id.is_some());
    let call = match (&change.preset, change.action) {
        // What is refused would not have been called for either; what hangs on a failed one might have been, but is not
        // counted.
        (Some(preset), _) if matches!(preset.verdict, Verdict::Failed | Verdict::Skipped) => 0,
        (_, Action::NoOp) => 0,
        (_, Action::Do) if change.verb.as_deref() == Some(Verb::RotateProfile.as_str()) => 2,
        (_, Action::Create | Action::Update | Action::Delete | Action::Do) => 1,
        (_, Action::Replace) => 2,
    };
    read + call
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::ClassQuota;
    use std::collections::BTreeMap;

    fn view(source: QuotaSource) -> QuotaView {
        let update = ClassQuota { burst: 20, rate: 2, seconds: 10, tokens: 7, source };
        QuotaView { classes: BTreeMap::from([(Class::Update, update)]), shared: false }
    }

    #[test]
    fn a_known_quota_gives_the_time_that_its_tokens_take() {
        let known = cost(&[], 3, 27, &view(QuotaSource::Observed));
        assert!((known.seconds - 100.0).abs() < 1e-9);
        assert_eq!((known.read, known.update, known.quota_source), (3, 27, Some(QuotaSource::Observed)));
        assert!(known.assumed_seconds.is_empty());
    }

    #[test]
    fn an_unknown_quota_is_told_for_two_profiles() {
        let unknown = cost(&[], 5, 30, &QuotaView::default());
        assert_eq!(unknown.quota_source, Some(QuotaSource::Assumed));
        assert!((unknown.seconds - 40.0).abs() < 1e-9);
        assert!((unknown.assumed_seconds["2024"] - 225.0).abs() < 1e-9);
        let silent = cost(&[], 5, 30, &view(QuotaSource::None));
        assert!(silent.seconds.abs() < 1e-9 && silent.assumed_seconds.len() == 2);
    }
}
