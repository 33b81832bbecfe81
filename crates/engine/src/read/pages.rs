//! One whole list, page by page, as a value: which page to ask for next, and whether the list stood still meanwhile.

use connexa_types::{Answer, Call, Endpoint, JsonPointer, SecretHash};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

/// Objects asked for in one page; the most that the API allows (API section 4.1).
const PAGE_SIZE: u32 = 1000;
/// More pages than any tenant has: an answer that says so is not believed.
const MOST_PAGES: u32 = 10_000;
/// How often a list that moves is begun again.
const MOST_RESTARTS: u32 = 3;

/// An element of a list, and the secrets that were taken out of it (places relative to the element).
pub(crate) type Element = (Value, BTreeMap<JsonPointer, SecretHash>);

/// A list on its way.
#[derive(Debug)]
pub(crate) struct Pages {
    endpoint: Endpoint,
    /// Counts the passes over the list; answers to an earlier pass are ignored.
    pass: u32,
    /// The next page to ask for.
    next: u32,
    /// Known from the first page of the pass.
    size: Option<ListSize>,
    read: BTreeMap<u32, Vec<Element>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ListSize {
    elements: u64,
    pages: u32,
}

/// A page to ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageId {
    pass: u32,
    page: u32,
}

/// What a page did to the list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More pages are to come.
    More,
    /// The list is whole.
    Whole,
    /// The list has moved; it is being read from its first page again.
    Restarted,
    /// The list moves all the time.
    NeverStill,
    /// The answer is no page of a list.
    NoPage,
}

/// The part of the envelope that counts; what the answer leaves out is not made up.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    content: Vec<Value>,
    total_elements: u64,
    total_pages: u32,
}

impl Pages {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, pass: 0, next: 0, size: None, read: BTreeMap::new() }
    }

    /// The next call to make, if one is to be made now.
    pub(crate) fn next_call(&mut self) -> Option<(PageId, Call)> {
        let known = self.size.map_or(1, |size| size.pages);
        if self.next >= known {
            return None;
        }
        let page = self.next;
        self.next += 1;
        let call = Call::new(self.endpoint).query("page", page).query("size", PAGE_SIZE);
        Some((PageId { pass: self.pass, page }, call))
    }

    /// Takes in the answer to a call.
    pub(crate) fn take(&mut self, id: PageId, answer: Answer) -> Progress {
        if id.pass != self.pass {
            return Progress::More;
        }
        let sealed = answer.sealed;
        let connexa_types::AnswerBody::Json(body) = answer.body else { return Progress::NoPage };
        let Ok(envelope) = serde_json::from_value::<Envelope>(body) else { return Progress::NoPage };
        let size = ListSize { elements: envelope.total_elements, pages: envelope.total_pages.max(1) };
        if size.pages > MOST_PAGES {
            return Progress::NoPage;
        }
        if *self.size.get_or_insert(size) != size {
            return self.restart();
        }
        self.read.insert(id.page, with_secrets(envelope.content, sealed));
        if (self.read.len() as u64) < u64::from(size.pages) {
            return Progress::More;
        }
        // A list of one page is one moment of the tenant. Longer ones are checked: an object that moved from one page to
        // another between two answers shows twice or not at all.
        if size.pages > 1 {
            let elements = self.read.values().map(Vec::len).sum::<usize>();
            let distinct: HashSet<_> = self.ids().collect();
            if elements as u64 != size.elements || distinct.len() != elements {
                return self.restart();
            }
        }
        Progress::Whole
    }

    /// Begins the list again.
    pub(crate) fn restart(&mut self) -> Progress {
        if self.pass >= MOST_RESTARTS {
            return Progress::NeverStill;
        }
        *self = Self { pass: self.pass + 1, ..Self::new(self.endpoint) };
        Progress::Restarted
    }

    /// Objects so far.
    pub(crate) fn objects(&self) -> u64 {
        self.read.values().map(|page| page.len() as u64).sum()
    }

    /// All objects, if known.
    pub(crate) fn total(&self) -> Option<u64> {
        self.size.map(|size| size.elements)
    }

    /// The number of pages; 0 while it is not known.
    pub(crate) fn count(&self) -> u32 {
        self.size.map_or(0, |size| size.pages)
    }

    /// The ids of the objects so far.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.read.values().flatten().filter_map(|(object, _)| object.get("id")?.as_str())
    }

    /// The elements in the order of the list, and the number of pages.
    pub(crate) fn into_elements(self) -> (Vec<Element>, u32) {
        let pages = self.count();
        (self.read.into_values().flatten().collect(), pages)
    }
}

/// Gives each element the secrets that were taken out of it.
fn with_secrets(content: Vec<Value>, sealed: BTreeMap<JsonPointer, SecretHash>) -> Vec<Element> {
    let mut elements: Vec<Element> = content.into_iter().map(|object| (object, BTreeMap::new())).collect();
    for (place, hash) in sealed {
        let Some(rest) = place.as_str().strip_prefix("/content/") else { continue };
        let Some((index, inner)) = rest.split_once('/') else { continue };
        let element = index.parse::<usize>().ok().and_then(|index| elements.get_mut(index));
        if let Some((_, secrets)) = element {
            secrets.insert(JsonPointer::new(format!("/{inner}")), hash);
        }
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;
    use connexa_types::AnswerBody;
    use serde_json::json;

    fn page(ids: &[u32], elements: u32, pages: u32) -> Answer {
        let content: Vec<_> = ids.iter().map(|id| json!({"id": id.to_string()})).collect();
        let body = json!({"content": content, "totalElements": elements, "totalPages": pages});
        Answer { status: 200, body: AnswerBody::Json(body), sealed: BTreeMap::new() }
    }

    fn next(pages: &mut Pages) -> PageId {
        pages.next_call().expect("a page to ask for").0
    }

    #[test]
    fn an_empty_list_is_one_call() {
        let mut pages = Pages::new(Endpoint::NetworkList);
        let (id, call) = pages.next_call().expect("the first page");
        assert_eq!(call.query, [("page".into(), "0".into()), ("size".into(), "1000".into())]);
        assert_eq!(pages.next_call(), None);
        assert_eq!(pages.take(id, page(&[], 0, 0)), Progress::Whole);
        assert_eq!(pages.into_elements(), (vec![], 1));
    }

    #[test]
    fn pages_may_come_in_any_order() {
        let mut pages = Pages::new(Endpoint::NetworkList);
        let first = next(&mut pages);
        assert_eq!(pages.take(first, page(&[1, 2], 5, 3)), Progress::More);
        let (second, third) = (next(&mut pages), next(&mut pages));
        assert_eq!(pages.next_call(), None);
        assert_eq!(pages.take(third, page(&[5], 5, 3)), Progress::More);
        assert_eq!(pages.take(second, page(&[3, 4], 5, 3)), Progress::Whole);
        assert_eq!(pages.ids().collect::<Vec<_>>(), ["1", "2", "3", "4", "5"]);
    }

    #[test]
    fn a_list_that_moves_is_begun_again_at_most_three_times() {
        let moved = [page(&[3, 4], 5, 3), page(&[2, 3], 4, 2), page(&[3], 4, 2)];
        for second in moved {
            let mut pages = Pages::new(Endpoint::NetworkList);
            for restart in 0..=3 {
                let first = next(&mut pages);
                assert_eq!(pages.take(first, page(&[1, 2], 4, 2)), Progress::More);
                let id = next(&mut pages);
                let expected = if restart < 3 { Progress::Restarted } else { Progress::NeverStill };
                assert_eq!(pages.take(id, second.clone()), expected);
                // A late answer to the pass before changes nothing.
                if restart < 3 {
                    assert_eq!(pages.take(id, page(&[9], 1, 1)), Progress::More);
                }
            }
        }
    }

    #[test]
    fn what_is_no_page_is_not_believed() {
        for body in [
            json!([]),
            json!({"content": []}),
            json!({"content": [], "totalElements": 1, "totalPages": 99_999}),
        ] {
            let mut pages = Pages::new(Endpoint::NetworkList);
            let id = next(&mut pages);
            let answer = Answer { status: 200, body: AnswerBody::Json(body), sealed: BTreeMap::new() };
            assert_eq!(pages.take(id, answer), Progress::NoPage);
        }
    }
}
