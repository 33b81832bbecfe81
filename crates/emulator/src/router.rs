//! Finds the operation that a path and a method name.
//!
//! A literal segment always wins over a parameter: `/networks/connectors` is never the network `connectors`.

use connexa_types::{Endpoint, Method};
use percent_encoding::percent_decode_str;
use std::collections::HashMap;

/// The path below which the API lives.
pub(crate) const BASE_PATH: &str = "/api/v1";

/// A tree over the segments of every path of the API.
#[derive(Debug, Default)]
pub(crate) struct Router {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literal: HashMap<&'static str, Node>,
    parameter: Option<Box<Node>>,
    endpoints: Vec<Endpoint>,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// An operation, with the parameters of its path, decoded.
    Found(Endpoint, Vec<String>),
    /// A path of the API, which has no such method.
    WrongMethod(Vec<Method>),
    /// No path of the API.
    Unknown,
}

impl Router {
    /// Builds the tree from the table of operations.
    pub(crate) fn new() -> Self {
        let mut router = Self::default();
        for endpoint in Endpoint::ALL {
            let node = endpoint.info().path.split('/').skip(1).fold(&mut router.root, |node, segment| {
                if segment.starts_with('{') {
                    node.parameter.get_or_insert_with(Box::default)
                } else {
                    node.literal.entry(segment).or_default()
                }
            });
            node.endpoints.push(*endpoint);
        }
        router
    }

    /// Looks up a path as it stands in the request line, without its query.
    pub(crate) fn route(&self, method: &http::Method, path: &str) -> Route {
        let Some(below) = path.strip_prefix(BASE_PATH).and_then(|rest| rest.strip_prefix('/')) else {
            return Route::Unknown;
        };
        let mut node = &self.root;
        let mut parameters = Vec::new();
        for segment in below.split('/') {
            // Split first, decode after: an encoded slash belongs to its segment.
            let segment = percent_decode_str(segment).decode_utf8_lossy();
            node = match (node.literal.get(segment.as_ref()), &node.parameter) {
                (Some(child), _) => child,
                (None, Some(child)) if !segment.is_empty() => {
                    parameters.push(segment.into_owned());
                    child
                }
                (None, _) => return Route::Unknown,
            };
        }
        if node.endpoints.is_empty() {
            return Route::Unknown;
        }
        match node.endpoints.iter().find(|e| e.info().method.as_str() == method.as_str()) {
            Some(endpoint) => Route::Found(*endpoint, parameters),
            None => Route::WrongMethod(node.endpoints.iter().map(|e| e.info().method).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(method: &str, path: &str) -> Route {
        Router::new().route(&http::Method::from_bytes(method.as_bytes()).unwrap(), path)
    }

    #[test]
    fn every_operation_is_found_by_its_own_path() {
        let router = Router::new();
        for endpoint in Endpoint::ALL {
            let info = endpoint.info();
            let path =
                format!("{BASE_PATH}{}", info.path.replace("{id}", "a%2Fb").replace("{userId}", "a%2Fb"));
            let method = http::Method::from_bytes(info.method.as_str().as_bytes()).unwrap();
            let parameters = vec!["a/b".to_owned(); endpoint.path_params()];
            assert_eq!(router.route(&method, &path), Route::Found(*endpoint, parameters));
        }
    }

    #[test]
    fn literals_win_and_odd_paths_are_unknown() {
        assert_eq!(
            route("GET", "/api/v1/networks/connectors"),
            Route::Found(Endpoint::NetworkConnectorList, vec![])
        );
        assert_eq!(
            route("DELETE", "/api/v1/networks/connectors"),
            Route::WrongMethod(vec![Method::Get, Method::Post])
        );
        for path in [
            "/",
            "/api/v1",
            "/api/v1/",
            "/api/v1/networks/",
            "/api/v1//networks",
            "/api/v1/networks//",
            "/api/v1/lamps",
            "/api/beta/networks",
            "/api/v1/networks/1/2",
            "/api/v1networks",
        ] {
            assert_eq!(route("GET", path), Route::Unknown, "{path}");
        }
        assert!(matches!(route("PATCH", "/api/v1/networks/1"), Route::WrongMethod(_)));
        assert!(matches!(route("get", "/api/v1/networks"), Route::WrongMethod(_)));
    }
}
