//! What was asked of the emulator since it started or was reset.

use connexa_types::{Class, Endpoint};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Counts of requests.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    /// By operation (nothing: no operation was found) and status (nothing: no answer was made).
    calls: BTreeMap<Option<Endpoint>, BTreeMap<Option<u16>, u64>>,
    reads: u64,
    updates: u64,
    throttled: u64,
    faults: BTreeMap<&'static str, u64>,
}

impl Statistics {
    /// Counts a request and what it came to.
    pub(crate) fn came(&mut self, endpoint: Option<Endpoint>, status: Option<u16>) {
        *self.calls.entry(endpoint).or_default().entry(status).or_default() += 1;
        self.throttled += u64::from(status == Some(429));
    }

    /// Counts a token taken from a bucket.
    pub(crate) const fn charged(&mut self, class: Class) {
        match class {
            Class::Read => self.reads += 1,
            Class::Update => self.updates += 1,
        }
    }

    /// Counts a fault that took effect.
    pub(crate) fn failed(&mut self, fault: &'static str) {
        *self.faults.entry(fault).or_default() += 1;
    }

    /// For the control.
    pub(crate) fn shown(&self) -> Map<String, Value> {
        let mut calls = Map::new();
        let mut requests = 0;
        for (endpoint, by_status) in &self.calls {
            let name = endpoint.map_or_else(|| "unknown".to_owned(), |e| e.to_string());
            let mut counts = Map::new();
            for (status, count) in by_status {
                requests += count;
                let status = status.map_or_else(|| "none".to_owned(), |s| s.to_string());
                counts.insert(status, (*count).into());
            }
            calls.insert(name, counts.into());
        }
        let shown = json!({
            "requests": requests,
            "reads": self.reads,
            "updates": self.updates,
            "throttled": self.throttled,
            "calls": calls,
            "faults": self.faults,
        });
        match shown {
            Value::Object(map) => map,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Map::new()
            }
        }
    }
}

/// How many requests are under way, and how many were at most. Clones share the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gauge {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    now: AtomicU64,
    most: AtomicU64,
}

/// A request under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Gauge);

impl Gauge {
    /// Counts a request until the value is dropped.
    #[must_use = "the request counts until this is dropped"]
    pub(crate) fn enter(&self) -> InFlight {
        let now = self.counts.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.counts.most.fetch_max(now, Ordering::Relaxed);
        InFlight(self.clone())
    }

    /// The most at one time since the last [`forget`](Self::forget).
    pub(crate) fn most(&self) -> u64 {
        self.counts.most.load(Ordering::Relaxed)
    }

    /// Starts the most over, with what is under way.
    pub(crate) fn forget(&self) {
        self.counts.most.store(self.counts.now.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.counts.now.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gauge_remembers_the_most() {
        let gauge = Gauge::default();
        let (one, two) = (gauge.enter(), gauge.enter());
        drop(one);
        assert_eq!(gauge.most(), 2);
        gauge.forget();
        assert_eq!(gauge.most(), 1);
        drop(two);
        let _three = gauge.enter();
        assert_eq!(gauge.most(), 1);
    }
}
