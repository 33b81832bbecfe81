//! What the emulator says of itself to people: its OpenAPI document and Swagger UI, below `/docs` on the same address.
//!
//! None of it is part of the API: no token is asked for, no bucket is drawn on, nothing is written down.

mod openapi;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};

/// The page; the files beside it are those of Swagger UI.
const PAGE: &str = r##"<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>CloudConnexa API: emulator</title>
  <link rel="stylesheet" href="./swagger-ui.css">
  <link rel="icon" type="image/png" href="./favicon-32x32.png" sizes="32x32">
  <link rel="icon" type="image/png" href="./favicon-16x16.png" sizes="16x16">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="./swagger-ui-bundle.js"></script>
  <script>
    SwaggerUIBundle({ url: "../openapi.json", dom_id: "#swagger-ui", deepLinking: true, docExpansion: "none" });
  </script>
</body>
</html>
"##;

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name))
    };
}

/// Answers a request for a document; `None` for any other path.
pub(crate) fn answer(method: &Method, path: &str) -> Option<Response<Bytes>> {
    let (content_type, body) = match path.strip_prefix("/docs/")? {
        "openapi.json" => ("application/json", Bytes::from(openapi::document().to_string())),
        "swagger-ui" => return Some(moved("/docs/swagger-ui/")),
        "swagger-ui/" | "swagger-ui/index.html" => {
            ("text/html; charset=utf-8", Bytes::from_static(PAGE.as_bytes()))
        }
        "swagger-ui/swagger-ui.css" => {
            ("text/css; charset=utf-8", Bytes::from_static(file!("swagger-ui.css")))
        }
        "swagger-ui/swagger-ui-bundle.js" => {
            ("text/javascript; charset=utf-8", Bytes::from_static(file!("swagger-ui-bundle.js")))
        }
        "swagger-ui/favicon-16x16.png" => ("image/png", Bytes::from_static(file!("favicon-16x16.png"))),
        "swagger-ui/favicon-32x32.png" => ("image/png", Bytes::from_static(file!("favicon-32x32.png"))),
        _ => return None,
    };
    let mut response = Response::new(Bytes::new());
    if method == Method::GET || method == Method::HEAD {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        *response.body_mut() = body;
    } else {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    Some(response)
}

fn moved(place: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(place));
    response
}
