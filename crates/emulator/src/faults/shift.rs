//! Lists that move between two of their pages.
//!
//! Only the window of one answer moves, and nothing in the tenant: that a page was read at another moment than the one
//! before is all that its reader can know.

use super::rule::Shift;
use bytes::Bytes;
use http::Response;
use serde_json::Value;

/// The pages from which a moved page is put together: the earlier and the later one.
pub(crate) const fn window(shift: Shift, page: u32) -> (u32, u32) {
    match shift {
        Shift::Appear => (page.saturating_sub(1), page),
        Shift::Vanish => (page, page.saturating_add(1)),
    }
}

/// The moved page, in the envelope of the page asked for; nothing if these are no pages.
pub(crate) fn shifted(
    shift: Shift,
    earlier: &Response<Bytes>,
    later: &Response<Bytes>,
) -> Option<Response<Bytes>> {
    let content = |response: &Response<Bytes>| {
        let body: Value = serde_json::from_slice(response.body()).ok()?;
        body.get("content")?.as_array().cloned()
    };
    let (before, after) = (content(earlier)?, content(later)?);
    let asked = match shift {
        Shift::Appear => later,
        Shift::Vanish => earlier,
    };
    let mut body: Value = serde_json::from_slice(asked.body()).ok()?;
    let size = usize::try_from(body.get("size")?.as_u64()?).ok()?;
    let total = body.get("totalElements")?.as_u64()?;
    let (content, total): (Vec<Value>, u64) = match shift {
        Shift::Appear => {
            // A page that is not full has room for one more.
            let last = before.last().filter(|_| before.len() == size).cloned();
            (last.into_iter().chain(after).take(size).collect(), total + 1)
        }
        Shift::Vanish => {
            (before.into_iter().skip(1).chain(after.into_iter().take(1)).collect(), total.saturating_sub(1))
        }
    };
    let pages = total.div_ceil(size.max(1) as u64);
    body["numberOfElements"] = content.len().into();
    body["content"] = content.into();
    body["totalElements"] = total.into();
    body["totalPages"] = pages.into();
    let mut response = asked.clone();
    *response.body_mut() = Bytes::from(body.to_string());
    Some(response)
}
