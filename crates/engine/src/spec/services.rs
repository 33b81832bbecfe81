//! Services of applications and IP services (spec section 5.6): named types, protocols and ranges of them, as short texts
//! or as the API's object.

use super::{
    elements::Shape,
    formats::{Checked, enumerated},
    names,
    node::{Node, Value},
    reader::{Reader, wrong_type},
};
use crate::{
    catalog::{PROTOCOLS, SERVICE_TYPES},
    desired::FieldValue,
    problem::{Code, Problem},
};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// Services while they are read; what is the same is there once.
#[derive(Debug, Default)]
struct Services {
    /// Named types, by their place in the API's order.
    types: BTreeSet<usize>,
    /// Types that stand for themselves (`raw:…`).
    raw: BTreeSet<String>,
    /// By protocol, as [`PROTOCOLS`] has them.
    custom: [Protocol; 3],
}

/// What is named of one protocol.
#[derive(Debug, Default)]
struct Protocol {
    whole: bool,
    ranges: BTreeSet<(i64, i64)>,
}

/// One service.
#[derive(Debug, PartialEq, Eq)]
enum Service {
    /// A named type, by its place in the API's order.
    Type(usize),
    /// A type that stands for itself.
    Raw(String),
    /// A whole protocol, or a range of it.
    Custom(usize, Option<(i64, i64)>),
}

const ANY: &str = "ANY";
/// The type that says that there are custom ones: follows from them.
const CUSTOM: &str = "CUSTOM";
const ICMP: usize = 2;
const EXPECTED: &str = "a named type such as `https`, or `tcp/8000-8100`, `udp/53`, `icmp/8`, `tcp`";

const CONFIG: Shape = Shape {
    what: "a configuration of services",
    members: &[("service_types", &["serviceTypes"]), ("custom_service_types", &["customServiceTypes"])],
    response_only: &[],
};

const CUSTOM_TYPE: Shape = Shape {
    what: "a custom service type",
    members: &[("protocol", &[]), ("port", &[]), ("icmp_type", &["icmpType"])],
    response_only: &[],
};

const RANGE: Shape = Shape {
    what: "a range",
    members: &[("value", &[]), ("lower_value", &["lowerValue"]), ("upper_value", &["upperValue"])],
    response_only: &[],
};

impl Reader<'_> {
    /// Reads services to the request's `config`. An empty list, or an object without any, is null.
    pub(super) fn services(&mut self, draft: usize, node: &Node, path: &str) -> Option<FieldValue> {
        let mut services = Services::default();
        let sound = match node.value() {
            Value::List(nodes) => self.service_list(draft, nodes, path, &mut services),
            Value::Mapping(_) => self.service_config(draft, node, path, &mut services).is_some(),
            _ => {
                self.report_value(draft, node, path, wrong_type(path, node, "a list of services"));
                false
            }
        };
        if !sound {
            return None;
        }
        if services.any_beside_others() {
            let problem = Problem::new(Code::warning(422), "`any` beside other services, which it includes")
                .hint("remove `any`, or all others");
            self.report_value(draft, node, path, problem);
        }
        Some(services.config().map_or(FieldValue::Clear, FieldValue::Value))
    }

    fn service_list(&mut self, draft: usize, nodes: &[Node], path: &str, services: &mut Services) -> bool {
        let mut sound = true;
        for (index, element) in nodes.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let service = self
                .expect_text(draft, element, &path)
                .and_then(|text| self.accept(draft, element, &path, service(text)));
            match service {
                Some(service) => services.add(service),
                None => sound = false,
            }
        }
        sound
    }

    /// Reads the API's object.
    fn service_config(
        &mut self,
        draft: usize,
        node: &Node,
        path: &str,
        services: &mut Services,
    ) -> Option<()> {
        let Value::Mapping(mapping) = node.value() else { return None };
        let members = self.members(draft, &CONFIG, mapping, path);
        let mut sound = members.sound;
        for member in members.list {
            let nodes = self.list_of(draft, &member)?;
            for (index, element) in nodes.iter().enumerate() {
                let path = format!("{}[{index}]", member.path);
                sound &= match member.name {
                    "service_types" => self.service_type(draft, element, &path, services),
                    _ => self.custom_type(draft, element, &path, services),
                }
                .is_some();
            }
        }
        sound.then_some(())
    }

    fn service_type(&mut self, draft: usize, node: &Node, path: &str, services: &mut Services) -> Option<()> {
        let text = self.expect_text(draft, node, path)?;
        let value = self.accept(draft, node, path, enumerated(text, SERVICE_TYPES))?;
        services.add(named(value));
        Some(())
    }

    fn custom_type(&mut self, draft: usize, node: &Node, path: &str, services: &mut Services) -> Option<()> {
        let Value::Mapping(mapping) = node.value() else {
            self.report_value(draft, node, path, wrong_type(path, node, "a mapping with `protocol`"));
            return None;
        };
        let members = self.members(draft, &CUSTOM_TYPE, mapping, path);
        let Some(protocol) = members.find("protocol") else {
            if !members.sound {
                return None;
            }
            let problem = Problem::new(Code::error(204), "a custom service type without `protocol`");
            self.report_value(draft, node, path, problem.expected("`tcp`, `udp` or `icmp`"));
            return None;
        };
        let text = self.expect_text(draft, protocol.node, &protocol.path)?;
        let text = self.accept(draft, protocol.node, &protocol.path, enumerated(text, PROTOCOLS))?;
        let Some(number) = PROTOCOLS.iter().position(|known| **known == *text) else {
            let problem = Problem::new(Code::error(204), format!("`{text}` is not a protocol"));
            self.report_value(
                draft,
                protocol.node,
                &protocol.path,
                problem.expected("`tcp`, `udp` or `icmp`"),
            );
            return None;
        };
        let mut ranges = Vec::new();
        let mut sound = members.sound;
        for member in members.list.iter().filter(|member| member.name != "protocol") {
            let nodes = self.list_of(draft, member)?;
            if !nodes.is_empty() && (member.name == "icmp_type") != (number == ICMP) {
                let message = format!("`{}` of the protocol `{}`", member.name, text.to_lowercase());
                let fits = if number == ICMP { "`icmp_type`" } else { "`port`" };
                let problem = Problem::new(Code::error(204), message).expected(fits);
                self.report_value(draft, member.node, &member.path, problem);
                return None;
            }
            for (index, element) in nodes.iter().enumerate() {
                let range = self.range(draft, number, element, &format!("{}[{index}]", member.path));
                sound &= range.is_some();
                ranges.extend(range);
            }
        }
        if !sound {
            return None;
        }
        if ranges.is_empty() {
            services.add(Service::Custom(number, None));
        }
        for range in ranges {
            services.add(Service::Custom(number, Some(range)));
        }
        Some(())
    }

    /// Reads a range of the API: `value`, or both ends.
    fn range(&mut self, draft: usize, protocol: usize, node: &Node, path: &str) -> Option<(i64, i64)> {
        let Value::Mapping(mapping) = node.value() else {
            let expected = "a mapping with `value`, or with `lower_value` and `upper_value`";
            self.report_value(draft, node, path, wrong_type(path, node, expected));
            return None;
        };
        let (mut value, mut lower, mut upper) = (None, None, None);
        let members = self.members(draft, &RANGE, mapping, path);
        for member in members.list {
            let number = match member.node.value() {
                Value::Null => continue,
                Value::Integer(number) => *number,
                _ => {
                    let problem = wrong_type(&member.path, member.node, "an integer");
                    self.report_value(draft, member.node, &member.path, problem);
                    return None;
                }
            };
            match member.name {
                "value" => value = Some(number),
                "lower_value" => lower = Some(number),
                _ => upper = Some(number),
            }
        }
        if !members.sound {
            return None;
        }
        let range = match (value, lower, upper) {
            (Some(one), None, None) => Ok((one, one)),
            (None, Some(lower), Some(upper)) => Ok((lower, upper)),
            (Some(one), Some(lower), Some(upper)) if one == lower && one == upper => Ok((one, one)),
            _ => Err(Box::new(
                Problem::new(Code::error(204), "not a range")
                    .expected("`value`, or `lower_value` and `upper_value`"),
            )),
        };
        let range = range.and_then(|range| within(protocol, range));
        self.accept(draft, node, path, range)
    }
}

impl Services {
    fn add(&mut self, service: Service) {
        match service {
            Service::Type(at) if SERVICE_TYPES[at] == CUSTOM => {}
            Service::Type(at) => {
                self.types.insert(at);
            }
            Service::Raw(text) => {
                self.raw.insert(text);
            }
            Service::Custom(protocol, None) => self.custom[protocol].whole = true,
            Service::Custom(protocol, Some(range)) => {
                self.custom[protocol].ranges.insert(range);
            }
        }
    }

    fn has_custom(&self) -> bool {
        self.custom.iter().any(|protocol| protocol.whole || !protocol.ranges.is_empty())
    }

    fn any_beside_others(&self) -> bool {
        self.types.iter().any(|at| SERVICE_TYPES[*at] == ANY)
            && (self.types.len() > 1 || !self.raw.is_empty() || self.has_custom())
    }

    /// The request's object; `None` without any service.
    fn config(&self) -> Option<Json> {
        let mut types: Vec<Json> = self.types.iter().map(|at| SERVICE_TYPES[*at].into()).collect();
        types.extend(self.raw.iter().map(|text| Json::from(text.as_str())));
        let mut custom = Vec::new();
        for (number, protocol) in self.custom.iter().enumerate() {
            let name = PROTOCOLS[number];
            if protocol.whole {
                custom.push(json!({"protocol": name}));
            } else if !protocol.ranges.is_empty() {
                let range = |(lower, upper): &(i64, i64)| json!({"lowerValue": lower, "upperValue": upper});
                let list: Vec<Json> = protocol.ranges.iter().map(range).collect();
                let member = if number == ICMP { "icmpType" } else { "port" };
                custom.push(json!({"protocol": name, member: list}));
            }
        }
        if !custom.is_empty() {
            types.push(CUSTOM.into());
        }
        (!types.is_empty()).then(|| {
            Json::Object(Map::from_iter([
                ("serviceTypes".to_owned(), types.into()),
                ("customServiceTypes".to_owned(), custom.into()),
            ]))
        })
    }
}

/// A type that an enum took: one of the API's, or one that stands for itself.
fn named(value: String) -> Service {
    match SERVICE_TYPES.iter().position(|known| **known == *value) {
        Some(at) => Service::Type(at),
        None => Service::Raw(value),
    }
}

/// Reads a service from its short text.
fn service(text: &str) -> Checked<Service> {
    let spelt = text.to_ascii_uppercase().replace('-', "_");
    if let Some(raw) = text.strip_prefix("raw:").filter(|raw| !raw.is_empty()) {
        return Ok(named(raw.to_owned()));
    }
    if let Some(at) = SERVICE_TYPES.iter().position(|known| **known == *spelt && *known != CUSTOM) {
        return Ok(Service::Type(at));
    }
    let shown: String = text.chars().take(60).collect();
    let (word, range) = text.split_once('/').map_or((text, None), |(word, range)| (word, Some(range)));
    let Some(protocol) = PROTOCOLS.iter().position(|known| known.eq_ignore_ascii_case(word)) else {
        let problem =
            Problem::new(Code::error(204), format!("`{shown}` is not a service")).expected(EXPECTED);
        let known: Vec<String> = SERVICE_TYPES
            .iter()
            .chain(PROTOCOLS)
            .filter(|known| **known != CUSTOM)
            .map(|known| known.to_lowercase())
            .collect();
        return Err(Box::new(match names::nearest(word, known.iter().map(String::as_str)) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        }));
    };
    let Some(range) = range else { return Ok(Service::Custom(protocol, None)) };
    let (lower, upper) = range.split_once('-').unwrap_or((range, range));
    let (Some(lower), Some(upper)) = (number(lower), number(upper)) else {
        let problem = Problem::new(Code::error(204), format!("`{shown}` is not a service"));
        return Err(Box::new(problem.expected(EXPECTED)));
    };
    within(protocol, (lower, upper)).map(|range| Service::Custom(protocol, Some(range)))
}

/// A number of at most five digits and nothing else.
fn number(text: &str) -> Option<i64> {
    let digits = matches!(text.len(), 1..=5) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Checks the ends of a range.
fn within(protocol: usize, (lower, upper): (i64, i64)) -> Checked<(i64, i64)> {
    let (what, most) = if protocol == ICMP { ("ICMP types", 255) } else { ("ports", 65535) };
    let name = PROTOCOLS[protocol].to_lowercase();
    let problem = |message: String| Err(Box::new(Problem::new(Code::error(204), message)));
    if lower > upper {
        return problem(format!("the range `{name}/{lower}-{upper}` ends before it begins"))
            .map_err(|problem| Box::new(problem.hint(format!("did you mean `{name}/{upper}-{lower}`?"))));
    }
    if lower < 0 || upper > most {
        let shown = if lower == upper { format!("{lower}") } else { format!("{lower}-{upper}") };
        return problem(format!("`{name}/{shown}` is out of range"))
            .map_err(|problem| Box::new(problem.expected(format!("{what} from 0 to {most}"))));
    }
    Ok((lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(name: &str) -> Service {
        Service::Type(SERVICE_TYPES.iter().position(|known| *known == name).unwrap())
    }

    #[test]
    fn short_texts() {
        assert_eq!(service("https").unwrap(), at("HTTPS"));
        assert_eq!(service("Any").unwrap(), at("ANY"));
        assert_eq!(service("TCP").unwrap(), Service::Custom(0, None));
        assert_eq!(service("udp/53").unwrap(), Service::Custom(1, Some((53, 53))));
        assert_eq!(service("tcp/0-65535").unwrap(), Service::Custom(0, Some((0, 65535))));
        assert_eq!(service("icmp/255").unwrap(), Service::Custom(2, Some((255, 255))));
        assert_eq!(service("raw:GOPHER").unwrap(), Service::Raw("GOPHER".into()));
        for bad in [
            "",
            "custom",
            "htps",
            "tcp/",
            "tcp/a",
            "tcp/1-",
            "tcp/-1",
            "tcp/2-1",
            "tcp/65536",
            "icmp/256",
            "sctp/1",
            "tcp/+1",
            "tcp/ 1",
            "tcp/1-2-3",
            "/80",
            "80",
            "raw:",
        ] {
            assert_eq!(service(bad).unwrap_err().code, Code::error(204), "{bad}");
        }
        assert_eq!(service("htps").unwrap_err().hint.as_deref(), Some("did you mean `https`?"));
        assert_eq!(service("tcp/9-8").unwrap_err().hint.as_deref(), Some("did you mean `tcp/8-9`?"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// The order in which services are given, and repetition, make no difference.
        #[test]
        fn canonical(
            words in prop::collection::vec(
                prop::sample::select(vec!["https", "dns", "tcp", "tcp/1", "tcp/1-9", "udp/5", "udp/3-4", "icmp/8", "raw:X"]),
                0..8,
            ),
        ) {
            let config = |words: &mut dyn Iterator<Item = &&str>| {
                let mut services = Services::default();
                words.for_each(|word| services.add(service(word).unwrap()));
                services.config()
            };
            let once = config(&mut words.iter());
            prop_assert_eq!(&once, &config(&mut words.iter().rev().chain(&words)));
            prop_assert_eq!(once.is_none(), words.is_empty());
        }
    }
}
