//! The OpenAPI document of the emulator, made from the table of operations and the shapes of the schemas.
//!
//! What a request must hold is told as far as every version of the API agrees; the emulator asks for more (see
//! `docs/emulator-fidelity.md`).

use connexa_types::{
    AnswerShape, Endpoint, Method, QueryParam, RequestShape,
    schema::{
        AccessItemDestinationType, AccessItemSourceRemovalType, BundleType, ConnectAuth, DeviceEnforcement,
        FieldShape, IpAllocationMode, ObjectShape, ProfileDistribution, SessionStatus, Shape, Topology,
        shape,
    },
};
use serde_json::{Map, Value, json};

/// Makes the document.
pub(super) fn document() -> Value {
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    for endpoint in Endpoint::ALL {
        let item = paths.entry(endpoint.info().path).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(item) = item {
            let method = endpoint.info().method.as_str().to_ascii_lowercase();
            item.insert(method, operation(*endpoint, &mut schemas));
        }
    }
    let failure = schemas.named("ErrorResponse");
    let limits = |description: &str| {
        let mut answer = json!({"description": description});
        answer["headers"] = limit_headers();
        answer
    };
    let mut refused = limits("Something is wrong with the request, or it names what is not there.");
    refused["content"] = json!({"application/json": {"schema": failure}});
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "CloudConnexa API",
            "version": "1.2.3",
            "description": "The API as the emulator of connexa serves it. It is not a document of the vendor.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"bearer": []}, {"credentials": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.made,
            "responses": {
                "Refused": refused,
                "Unauthorized": {"description": "There is no live token. The body is empty."},
                "Forbidden": limits("The key may not do this. The body is empty."),
                "TooManyRequests": limits("The bucket of the key is empty, and so is the body."),
                "BadCredentials": {
                    "description": "The credentials or the grant type are wrong.",
                    "content": {"application/json": {"schema": {
                        "type": "object",
                        "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
                    }}},
                },
            },
            "headers": {
                "BurstCapacity": limit_header("The size of the bucket."),
                "ReplenishRate": limit_header("How many tokens each period adds."),
                "ReplenishTime": limit_header("How long a period is, in seconds."),
                "Remaining": limit_header("How many tokens are left."),
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "credentials": {
                    "type": "oauth2",
                    "flows": {"clientCredentials": {"tokenUrl": "/api/v1/oauth/token", "scopes": {}}},
                },
            },
        },
    })
}

fn limit_header(description: &str) -> Value {
    json!({"description": description, "schema": {"type": "integer", "minimum": 0}})
}

fn limit_headers() -> Value {
    let header = |name: &str| json!({"$ref": format!("#/components/headers/{name}")});
    json!({
        "X-RateLimit-Burst-Capacity": header("BurstCapacity"),
        "X-RateLimit-Replenish-Rate": header("ReplenishRate"),
        "X-RateLimit-Replenish-Time": header("ReplenishTime"),
        "X-RateLimit-Remaining": header("Remaining"),
    })
}

fn operation(endpoint: Endpoint, schemas: &mut Schemas) -> Value {
    let info = endpoint.info();
    let words = words(info.name);
    let mut id = info.name.to_owned();
    id[..1].make_ascii_lowercase();
    let in_path = info
        .path
        .split(['{', '}'])
        .skip(1)
        .step_by(2)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let in_query = info.query.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "schema": query_schema(endpoint, *parameter),
        })
    });
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    let mut operation = json!({
        "operationId": id,
        "summary": words,
        "tags": [tag(info.path)],
        "parameters": parameters,
        "responses": responses(endpoint, schemas),
    });
    if let Some(body) = request_body(endpoint, schemas) {
        operation["requestBody"] = body;
    }
    if endpoint == Endpoint::OauthToken {
        operation["security"] = json!([{}]);
    }
    operation
}

/// `NetworkConnectorCreate` as people write it.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
            words.push(letter.to_ascii_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

/// The first part of the path, with what networks and hosts own apart.
fn tag(path: &str) -> String {
    let mut parts = path.split('/').skip(1);
    let first = parts.next().unwrap_or_default();
    match parts.next() {
        Some(child) if ["networks", "hosts"].contains(&first) && !child.starts_with('{') => {
            format!("{first}/{child}")
        }
        Some(_) | None => first.to_owned(),
    }
}

fn query_schema(endpoint: Endpoint, parameter: QueryParam) -> Value {
    let integer =
        |minimum: u32, maximum: u32| json!({"type": "integer", "minimum": minimum, "maximum": maximum});
    let with_default = |mut schema: Value, default: u32| {
        schema["default"] = default.into();
        schema
    };
    match (endpoint, parameter.name) {
        (Endpoint::SessionList | Endpoint::AuditLogList, "size") => integer(1, 100),
        (Endpoint::DnsLogList, "size") => with_default(integer(10, 10_000), 500),
        (Endpoint::DnsLogList, "hoursBack") => with_default(integer(1, 2), 1),
        (_, "page") => json!({"type": "integer", "minimum": 0, "default": 0}),
        (_, "size") => with_default(integer(1, 1000), 10),
        (_, "startDate" | "endDate" | "startHour") => json!({"type": "string", "format": "date-time"}),
        (_, "returnOnlyNew") => json!({"type": "boolean", "default": false}),
        (_, "status") => one_of(SessionStatus::VALUES),
        (_, "grant_type") => one_of(&["client_credentials"]),
        (Endpoint::AccessGroupSourceRemove, "type") => one_of(AccessItemSourceRemovalType::VALUES),
        (Endpoint::AccessGroupDestinationRemove, "type") => one_of(AccessItemDestinationType::VALUES),
        (_, "type") => one_of(BundleType::VALUES),
        (_, _) => json!({"type": "string"}),
    }
}

fn one_of(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

fn request_body(endpoint: Endpoint, schemas: &mut Schemas) -> Option<Value> {
    let content = match endpoint.info().request {
        RequestShape::NoBody if endpoint == Endpoint::OauthToken => return Some(token_request()),
        RequestShape::NoBody => return None,
        RequestShape::Json(name) => json!({"application/json": {"schema": schemas.named(name)}}),
        RequestShape::TextBody => json!({"text/plain": {"schema": text_setting(endpoint)}}),
    };
    Some(json!({"required": true, "content": content}))
}

/// Credentials may come by HTTP Basic with a JSON body as well, and in the query.
fn token_request() -> Value {
    let text = json!({"type": "string"});
    json!({"required": false, "content": {
        "application/x-www-form-urlencoded": {"schema": {"type": "object", "properties": {
            "client_id": text, "client_secret": text, "grant_type": one_of(&["client_credentials"]),
        }}},
        "application/json": {"schema": {"type": "object", "properties": {
            "grant_type": one_of(&["client_credentials"]), "scope": text,
        }}},
    }})
}

/// The words that a text setting can have.
fn text_setting(endpoint: Endpoint) -> Value {
    match endpoint.info().path {
        "/settings/wpc/topology" => one_of(Topology::VALUES),
        "/settings/wpc/ip-allocation-mode" => one_of(IpAllocationMode::VALUES),
        "/settings/user/profile-distribution" => one_of(ProfileDistribution::VALUES),
        "/settings/user/device-enforcement" => one_of(DeviceEnforcement::VALUES),
        "/settings/user/connect-auth" => one_of(ConnectAuth::VALUES),
        _ => json!({"type": "string"}),
    }
}

fn responses(endpoint: Endpoint, schemas: &mut Schemas) -> Value {
    let info = endpoint.info();
    let mut success = json!({"description": "Done."});
    match info.answer {
        AnswerShape::Empty => {}
        AnswerShape::Json(name) | AnswerShape::MaybeJson(name) | AnswerShape::SecretJson(name) => {
            success["content"] = json!({"application/json": {"schema": schemas.named(name)}});
        }
        AnswerShape::Text | AnswerShape::SecretText => {
            success["content"] = json!({"text/plain": {"schema": text_setting(endpoint)}});
        }
    }
    let reference = |name: &str| json!({"$ref": format!("#/components/responses/{name}")});
    let mut responses = Map::new();
    if endpoint == Endpoint::OauthToken {
        responses.insert("400".to_owned(), reference("BadCredentials"));
        responses.insert("401".to_owned(), reference("BadCredentials"));
    } else {
        success["headers"] = limit_headers();
        // What takes neither a body nor parameters cannot be refused for them.
        let plain =
            info.request == RequestShape::NoBody && info.query.is_empty() && endpoint.path_params() == 0;
        if !plain {
            responses.insert("400".to_owned(), reference("Refused"));
        }
        responses.insert("401".to_owned(), reference("Unauthorized"));
        if info.method != Method::Get {
            responses.insert("403".to_owned(), reference("Forbidden"));
        }
        responses.insert("429".to_owned(), reference("TooManyRequests"));
    }
    let mut all = Map::from_iter([(info.status.to_string(), success)]);
    all.extend(responses);
    Value::Object(all)
}

/// The schemas that the document has come to need, by name.
#[derive(Default)]
struct Schemas {
    made: Map<String, Value>,
}

impl Schemas {
    /// The schema of a name of the table of operations.
    fn named(&mut self, name: &str) -> Value {
        // The tests of the document look at every name of the table.
        shape(name).map_or(Value::Bool(true), |shape| self.of(shape))
    }

    fn of(&mut self, shape: Shape) -> Value {
        match shape {
            Shape::Text => json!({"type": "string"}),
            Shape::Secret => json!({"type": "string", "format": "password"}),
            Shape::Boolean => json!({"type": "boolean"}),
            Shape::Integer32 => json!({"type": "integer", "format": "int32"}),
            Shape::Integer64 => json!({"type": "integer", "format": "int64"}),
            Shape::BooleanOrText => json!({"type": ["boolean", "string"]}),
            Shape::Any => Value::Bool(true),
            Shape::MapOf(value) => json!({"type": "object", "additionalProperties": self.of(*value)}),
            Shape::List(element) => json!({"type": "array", "items": self.of(*element)}),
            Shape::Words(name, words) => {
                if !self.made.contains_key(name) {
                    self.made.insert(name.to_owned(), one_of(words));
                }
                reference(name)
            }
            Shape::Object(object) => {
                if !self.made.contains_key(object.name) {
                    let schema = self.object(object);
                    self.made.insert(object.name.to_owned(), schema);
                }
                reference(object.name)
            }
        }
    }

    fn object(&mut self, object: &ObjectShape) -> Value {
        let mut properties = Map::new();
        for field in object.fields {
            let mut schema = self.of(field.shape);
            // What is no object is `Any`, of which the name says all.
            if let Value::Object(schema) = &mut schema {
                schema.insert("description".to_owned(), text(field.about).into());
            }
            properties.insert(field.name().into_owned(), schema);
        }
        let mut schema =
            json!({"type": "object", "description": text(object.about), "properties": properties});
        let required: Vec<_> = object.fields.iter().filter(|f| f.required).map(FieldShape::name).collect();
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A doc comment as plain text: links of the sources lead nowhere here.
fn text(about: &[&str]) -> String {
    let lines: Vec<&str> = about.iter().map(|line| line.trim()).collect();
    lines.join("\n").replace("[`", "`").replace("`]", "`")
}
