use super::*;
use proptest::prelude::*;
use serde_json::json;

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no mapping"),
    }
}

fn network() -> Map<String, Value> {
    fields(json!({
        "id": "0b6c1a52-7d7f-4d1c-9a51-2f6f6d1f8a10",
        "name": "paris",
        "egress": false,
        "internet_access": "split_tunnel_on",
        "gateways": ["hq"],
    }))
}

fn ask(expression: &str, kind: Kind, of: &Map<String, Value>) -> Result<bool, EvalError> {
    let expression = Expression::parse(expression).unwrap().of_kind(kind).unwrap();
    expression.matches(of)
}

#[test]
fn expressions_ask_of_fields() {
    for (expression, expected) in [
        ("name == 'paris'", true),
        ("name.startsWith('par') && !egress", true),
        ("name.matches('^p.*s$')", true),
        ("name in ['rome', 'oslo']", false),
        ("'hq' in gateways", true),
        ("size(gateways) > 0", true),
        ("gateways.exists(g, g.startsWith('h'))", true),
        ("name.lowerAscii().contains('ARI'.lowerAscii())", true),
        ("item.name == 'paris'", true),
        ("item['name'] == 'paris'", true),
        ("true", true),
    ] {
        assert_eq!(ask(expression, Kind::Network, &network()), Ok(expected), "{expression}");
    }
    let group = fields(json!({ "name": "engineers", "max_device": 3 }));
    assert_eq!(ask("max_device > 2", Kind::UserGroup, &group), Ok(true));
    assert_eq!(ask("max_device == 3", Kind::UserGroup, &group), Ok(true));
}

#[test]
fn what_is_said_of_an_absent_field_is_not_so() {
    for (expression, expected) in [
        ("description == 'lab'", false),
        ("description != 'lab'", false),
        ("!(description == 'lab')", false),
        ("description == 'lab' || name == 'paris'", true),
        ("description == 'lab' && name == 'paris'", false),
        ("has(item.description)", false),
        ("!has(item.description)", true),
        ("item.description == 'lab'", false),
    ] {
        assert_eq!(ask(expression, Kind::Network, &network()), Ok(expected), "{expression}");
    }
    let connector = fields(json!({ "name": "fw", "ipsec": { "platform": "cisco" } }));
    assert_eq!(ask("ipsec.platform == 'cisco'", Kind::NetworkConnector, &connector), Ok(true));
    assert_eq!(ask("ipsec.hostname == 'a'", Kind::NetworkConnector, &connector), Ok(false));
    assert_eq!(ask("ipsec.platform == 'CISCO'", Kind::NetworkConnector, &network()), Ok(false));
}

#[test]
fn words_of_a_field_may_be_written_in_either_case() {
    assert_eq!(ask("internet_access == 'SPLIT_TUNNEL_ON'", Kind::Network, &network()), Ok(true));
    assert_eq!(ask("internet_access in ['Split_Tunnel_On']", Kind::Network, &network()), Ok(true));
    let user = fields(json!({ "username": "ada", "status": "SUSPENDED" }));
    assert_eq!(ask("status == 'suspended'", Kind::User, &user), Ok(true));
    assert_eq!(ask("item.status != 'suspended'", Kind::User, &user), Ok(false));
    let error = Expression::parse("internet_access == 'tunnel'").unwrap().of_kind(Kind::Network).unwrap_err();
    assert_eq!(error.message, "`tunnel` is none of the field's values");
    assert_eq!(
        error.hint.as_deref(),
        Some("it is one of split_tunnel_on, split_tunnel_off, restricted_internet")
    );
}

#[test]
fn names_that_a_kind_does_not_have_are_told_with_place_and_nearest() {
    for (expression, column, message, hint) in [
        ("nmae == 'paris'", 1, "a network has no field `nmae`", "did you mean `name`?"),
        ("true && egres", 9, "a network has no field `egres`", "did you mean `egress`?"),
        ("has(item.nam)", 5, "a network has no field `nam`", "did you mean `name`?"),
        ("gateways.exists(g, h == g)", 20, "a network has no field `h`", ""),
    ] {
        let error = Expression::parse(expression).unwrap().of_kind(Kind::Network).unwrap_err();
        assert_eq!(error.message, message, "{expression}");
        assert_eq!(error.at, Some((1, column)), "{expression}");
        assert!(error.hint.clone().unwrap().starts_with(hint), "{expression}: {:?}", error.hint);
    }
    let error =
        Expression::parse("ipsec.platfrom == 'a'").unwrap().of_kind(Kind::NetworkConnector).unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("did you mean `platform`?"));
    let error = Expression::parse("user_nme == 'a'").unwrap().of_fields("a session", &["user_name"]);
    assert_eq!(error.unwrap_err().hint.as_deref(), Some("did you mean `user_name`?"));
}

#[test]
fn what_is_no_expression_is_told_with_its_place() {
    for (expression, message) in [
        ("", "the expression is empty"),
        ("name ==", "mismatched input"),
        ("name = 'a'", "="),
        ("name.startswith('a')", "there is no function `startswith`"),
        ("nope(name)", "there is no function `nope`"),
        ("has(name)", "has()"),
    ] {
        let error = Expression::parse(expression).unwrap_err();
        assert!(error.message.contains(message), "{expression}: {error:?}");
    }
    let error = Expression::parse("name.startswith('a')").unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("did you mean `startsWith`?"));
    assert_eq!(
        Expression::parse("has(name)").unwrap_err().hint.as_deref(),
        Some("whether a field is there is asked as `has(item.description)`")
    );
    let error = Expression::parse("name == 'a' &&& true").unwrap_err();
    assert_eq!(error.excerpt().unwrap(), "name == 'a' &&& true\n              ^");
}

#[test]
fn what_comes_to_no_boolean_is_an_error() {
    let error = ask("name", Kind::Network, &network()).unwrap_err();
    assert_eq!(error.to_string(), "`name` comes to a text, not to true or false");
    let error = ask("name > 3", Kind::Network, &network()).unwrap_err();
    assert!(matches!(error, EvalError::Failed { .. }), "{error}");
    let error = ask("name.matches('(')", Kind::Network, &network()).unwrap_err();
    assert!(error.to_string().contains("`matches`"), "{error}");
    assert!(ask("1 / 0 == 1", Kind::Network, &network()).is_err());
}

#[test]
fn depth_and_length_are_bounded_on_any_stack() {
    let deep = [
        format!("{}true{}", "(".repeat(1000), ")".repeat(1000)),
        format!("{}true", "!".repeat(4000)),
        format!("{}1 == 1", "-".repeat(4000)),
        format!("{}[]{} == []", "[".repeat(1500), "]".repeat(1500)),
        format!("name{} == 'a'", ".a".repeat(1500)),
        format!("name{} == 'a'", "[0]".repeat(1200)),
        format!("{}true", "true ? true : ".repeat(250)),
        format!("true{}", " && true".repeat(500)),
        format!("1{} == 1", " + 1".repeat(900)),
        format!("name{} == 'a'", ".trim()".repeat(500)),
        format!("'{}' == name", "\\\\".repeat(2000)),
    ];
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        for expression in deep {
            if let Ok(expression) = Expression::parse(&expression) {
                let _ = expression.matches(&network());
            }
        }
        let long = format!("name == '{}'", "a".repeat(LONGEST));
        assert!(Expression::parse(&long).unwrap_err().message.contains("at most"));
    });
    thread.unwrap().join().unwrap();
}

/// Pieces of expressions, sound and not.
fn piece() -> impl Strategy<Value = String> {
    let pieces = [
        "name",
        "egress",
        "item",
        "'a'",
        "\"b",
        "'",
        "1",
        "-9223372036854775808",
        "9223372036854775807",
        "1u",
        "1e999",
        "0x",
        "true",
        "null",
        "==",
        "!=",
        "&&",
        "||",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "<",
        ">=",
        "in",
        "?",
        ":",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ".",
        ",",
        "?.",
        "[?",
        "`a`",
        "has(",
        "item.name",
        ".exists(x,",
        ".all(",
        "size(",
        ".matches('",
        "\\u",
        "'\\U0011FFFF'",
        "b'\\377'",
        "\n",
        "//",
        "r'",
        "'''",
        "\u{1f4a9}",
        "é",
        "@",
        "#",
        "$",
        "T{a: 1}",
        ".substring(5)",
        ".charAt(-1)",
        "timestamp('x')",
        "string(",
        "type(",
        "optional.none()",
        "%s'.format([",
        "-_",
        "_&&_",
        "\0",
    ];
    proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is written, it is an expression or an error, and its evaluation an answer or an error.
    #[test]
    fn nothing_that_is_written_panics(pieces in proptest::collection::vec(piece(), 1..14), spaced: bool) {
        let text = pieces.join(if spaced { " " } else { "" });
        if let Ok(expression) = Expression::parse(&text) {
            let _ = expression.matches(&network());
            if let Ok(expression) = expression.of_kind(Kind::Network) {
                let _ = expression.matches(&network());
            }
        }
    }

    #[test]
    fn comparison_of_text_is_that_of_json(name in "[a-zA-Z0-9 _./é-]{0,12}", other in "[a-z]{0,3}") {
        let expression = Expression::parse(&format!("name == {}", json!(other))).unwrap();
        let of = fields(json!({ "name": name }));
        prop_assert_eq!(expression.matches(&of), Ok(name == other));
    }
}
