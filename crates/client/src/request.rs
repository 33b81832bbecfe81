//! From a [`Call`] to an HTTP request: path segments and query encoded, secrets put into the body.

use crate::{base_url::BaseUrl, raw::RawCall, text::Redactor};
use bytes::Bytes;
use connexa_types::{AnswerShape, Call, CallBody, Reason, SecretValues, Why, secret::SECRET_FIELDS};
use http::{
    HeaderValue, Method, Request, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// The path below which all operations lie (API section 1.1).
pub(crate) const BASE_PATH: &str = "/api/v1";

/// Everything but the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request but for its credentials; it may be sent twice (401).
pub(crate) struct Prepared {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    accept: HeaderValue,
    content_type: Option<HeaderValue>,
    pub(crate) body: Bytes,
    /// The secrets in the body: no text of an answer may repeat them.
    pub(crate) redactor: Redactor,
}

impl Prepared {
    /// Whether it has a body of JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.content_type.as_ref().is_some_and(|it| it == "application/json")
    }

    /// The request with credentials.
    pub(crate) fn request(&self, authorization: &HeaderValue, user_agent: &HeaderValue) -> Request<Bytes> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, authorization.clone());
        headers.insert(ACCEPT, self.accept.clone());
        headers.insert(USER_AGENT, user_agent.clone());
        if let Some(content_type) = &self.content_type {
            headers.insert(CONTENT_TYPE, content_type.clone());
        }
        request
    }
}

/// Builds the request of `call`.
pub(crate) fn prepare(base: &BaseUrl, call: &Call, secrets: &SecretValues) -> Result<Prepared, Why> {
    let info = call.endpoint.info();
    let uri = format!("{base}{BASE_PATH}{}{}", path(call)?, query(call))
        .parse()
        .map_err(|e| unbuildable(format!("the URL cannot be built: {e}")))?;
    let method = match info.method {
        connexa_types::Method::Get => Method::GET,
        connexa_types::Method::Post => Method::POST,
        connexa_types::Method::Put => Method::PUT,
        connexa_types::Method::Delete => Method::DELETE,
    };
    let accept = match info.answer {
        AnswerShape::Json(_) | AnswerShape::MaybeJson(_) | AnswerShape::SecretJson(_) => "application/json",
        AnswerShape::Empty | AnswerShape::Text | AnswerShape::SecretText => "*/*",
    };
    let mut redactor = Redactor::default();
    let (content_type, body) = match &call.body {
        None if !call.secrets.is_empty() => return Err(unbuildable("a secret, but no body to put it into")),
        None => (None, Bytes::new()),
        Some(CallBody::Text(text)) => ("text/plain".into(), Bytes::from(text.clone())),
        Some(CallBody::Json(template)) => {
            let json = fill(call, template, secrets)?;
            known_secrets(&json, &mut redactor);
            let body = serde_json::to_vec(&json).map_err(|e| unbuildable(e.to_string()))?;
            ("application/json".into(), Bytes::from(body))
        }
    };
    let content_type: Option<&'static str> = content_type;
    Ok(Prepared {
        method,
        uri,
        accept: HeaderValue::from_static(accept),
        content_type: content_type.map(HeaderValue::from_static),
        body,
        redactor,
    })
}

/// Builds the request of a raw call.
pub(crate) fn prepare_raw(base: &BaseUrl, call: &RawCall) -> Result<Prepared, Why> {
    let uri = format!("{base}{}", call.target)
        .parse()
        .map_err(|e| unbuildable(format!("the URL cannot be built: {e}")))?;
    let mut redactor = Redactor::default();
    if let Ok(json) = serde_json::from_slice(&call.body) {
        known_secrets(&json, &mut redactor);
    }
    Ok(Prepared {
        method: call.method.clone(),
        uri,
        accept: HeaderValue::from_static("*/*"),
        content_type: call.content_type().map(HeaderValue::from_static),
        body: call.body.clone(),
        redactor,
    })
}

/// Builds the request that carries others.
pub(crate) fn prepare_batch<'a>(
    base: &BaseUrl,
    body: &Value,
    of: impl IntoIterator<Item = &'a Prepared>,
) -> Result<Prepared, Why> {
    let uri = format!("{base}{BASE_PATH}/batch")
        .parse()
        .map_err(|e| unbuildable(format!("the URL cannot be built: {e}")))?;
    let mut redactor = Redactor::default();
    of.into_iter().for_each(|prepared| redactor.extend(&prepared.redactor));
    Ok(Prepared {
        method: Method::POST,
        uri,
        accept: HeaderValue::from_static("application/json"),
        content_type: Some(HeaderValue::from_static("application/json")),
        body: Bytes::from(body.to_string()),
        redactor,
    })
}

fn unbuildable(detail: impl Into<String>) -> Why {
    Why::new(Reason::Unbuildable, detail)
}

/// The path with its parameters in place.
fn path(call: &Call) -> Result<String, Why> {
    let template = call.endpoint.info().path;
    let expected = call.endpoint.path_params();
    if call.path_args.len() != expected {
        let found = call.path_args.len();
        return Err(unbuildable(format!("`{template}` takes {expected} path parameters, not {found}")));
    }
    let mut arguments = call.path_args.iter();
    let mut path = String::with_capacity(template.len() + 40);
    for segment in template.split('/').skip(1) {
        path.push('/');
        if !segment.starts_with('{') {
            path.push_str(segment);
            continue;
        }
        let argument = arguments.next().map(String::as_str).unwrap_or_default();
        match argument {
            "" => return Err(unbuildable(format!("the id in `{template}` is empty"))),
            // A URL parser takes these out, and the call would go to another object.
            "." | ".." => return Err(unbuildable(format!("`{argument}` is no id"))),
            id => path.extend(utf8_percent_encode(id, RESERVED)),
        }
    }
    Ok(path)
}

fn query(call: &Call) -> String {
    let mut query = String::new();
    for (name, value) in &call.query {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.extend(utf8_percent_encode(name, RESERVED));
        query.push('=');
        query.extend(utf8_percent_encode(value, RESERVED));
    }
    query
}

/// The body with its secrets in place.
fn fill(call: &Call, template: &Value, secrets: &SecretValues) -> Result<Value, Why> {
    let mut json = template.clone();
    for (place, reference) in &call.secrets {
        let Some(value) = secrets.0.get(place) else {
            let detail = format!("no value for the secret `{}` at `{place}`", reference.field);
            return Err(Why::new(Reason::SecretMissing, detail));
        };
        if !place.put(&mut json, Value::from(value.expose())) {
            return Err(unbuildable(format!("the body has no place `{place}` for a secret")));
        }
    }
    Ok(json)
}

/// Gathers the secret fields of a body, wherever they came from.
fn known_secrets(value: &Value, redactor: &mut Redactor) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if SECRET_FIELDS.iter().any(|(field, _)| field == name) => {
                        redactor.add(text);
                    }
                    value => known_secrets(value, redactor),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| known_secrets(value, redactor)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use connexa_types::{Endpoint, JsonPointer, SecretRef, SecretSource, SecretValue};
    use proptest::prelude::*;
    use serde_json::json;
    use std::sync::Arc;

    fn prepared(call: &Call) -> Result<Prepared, Why> {
        prepare(&"https://acme.api.openvpn.com/api/beta".parse().unwrap(), call, &SecretValues::none())
    }

    #[test]
    fn paths_and_queries_are_encoded() {
        let call = Call::new(Endpoint::DeviceGet).arg("a/b?c#d%2e é").query("userId", "x&y=z +");
        assert_eq!(
            prepared(&call).unwrap().uri.to_string(),
            "https://acme.api.openvpn.com/api/v1/devices/a%2Fb%3Fc%23d%252e%20%C3%A9?userId=x%26y%3Dz%20%2B"
        );
    }

    #[test]
    fn what_names_no_object_is_not_sent() {
        for id in ["", ".", ".."] {
            let why = prepared(&Call::new(Endpoint::NetworkDelete).arg(id)).err().unwrap();
            assert_eq!(why.reason, Reason::Unbuildable, "{id}");
        }
        for call in [Call::new(Endpoint::NetworkDelete), Call::new(Endpoint::NetworkList).arg("x")] {
            assert_eq!(prepared(&call).err().unwrap().reason, Reason::Unbuildable);
        }
    }

    #[test]
    fn secrets_are_put_in_and_missing_ones_stop_the_call() {
        let place = JsonPointer::new("/connectors/0/ipSecConfig/preSharedKey");
        let mut call = Call::new(Endpoint::NetworkCreate).json(json!({"connectors": [{"ipSecConfig": {}}]}));
        let field = "ipsec.pre_shared_key".to_owned();
        call.secrets.insert(place.clone(), SecretRef { field, source: SecretSource::Inline, hash: None });
        let why = prepared(&call).err().unwrap();
        assert_eq!(why.reason, Reason::SecretMissing);
        assert!(why.detail.contains("ipsec.pre_shared_key"));

        let values = SecretValues([(place, Arc::new(SecretValue::new("canary")))].into());
        let sent = prepare(&"https://acme.example".parse().unwrap(), &call, &values).unwrap();
        assert_eq!(&sent.body[..], br#"{"connectors":[{"ipSecConfig":{"preSharedKey":"canary"}}]}"#);
        assert_eq!(sent.redactor.apply("a canary"), "a [secret]");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn an_id_stays_one_segment(id in "\\PC{1,20}") {
            prop_assume!(id != "." && id != "..");
            let call = Call::new(Endpoint::UserActivate).arg(&*id);
            let uri = prepared(&call).unwrap().uri.to_string();
            // As the HTTP library will read it again.
            let url = url::Url::parse(&uri).unwrap();
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 5);
            let decoded = percent_encoding::percent_decode_str(segments[3]).decode_utf8().unwrap();
            prop_assert_eq!(decoded, id);
            prop_assert!(url.query().is_none());
        }
    }
}
