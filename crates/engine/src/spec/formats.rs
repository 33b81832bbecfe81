//! Formats of single values: enums, domains, addresses, networks, ids (spec section 3.1).

use super::names;
use crate::{
    catalog::BETA_NAMES,
    problem::{Code, Problem},
};
use ipnet::IpNet;
use std::net::IpAddr;

/// A value that passed its check, in canonical form, or what is wrong with it.
pub(super) type Checked<T> = Result<T, Box<Problem>>;

/// Address family of a list that takes only one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

pub(super) use crate::key::is_uuid;

pub(super) fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace)
    })
}

/// Reads one of the API's values in any spelling; `raw:VALUE` stands for itself.
pub(super) fn enumerated(text: &str, values: &'static [&'static str]) -> Checked<String> {
    if let Some(raw) = text.strip_prefix("raw:").filter(|r| !r.is_empty()) {
        return Ok(raw.to_owned());
    }
    let spelt = text.to_uppercase().replace('-', "_");
    if values.contains(&spelt.as_str()) {
        return Ok(spelt);
    }
    let written = |value: &str| value.to_lowercase();
    let known: Vec<_> = values.iter().map(|v| format!("`{}`", written(v))).collect();
    let shown: String = text.chars().take(60).collect();
    let problem = Problem::new(Code::error(201), format!("`{shown}` is not a value of this field"))
        .expected(known.join(", "));
    let beta = BETA_NAMES.iter().find(|(of, old, _)| *of == values && *old == spelt);
    Err(Box::new(match beta {
        Some((_, _, new)) => problem.hint(format!("`{}` is its name now", written(new))),
        None => match names::nearest(&spelt.to_lowercase(), known.iter().map(|k| k.trim_matches('`'))) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        },
    }))
}

/// Checks a domain name (E205).
pub(super) fn domain(text: &str) -> Checked<()> {
    let wrong = |why: &str| {
        let problem = Problem::new(Code::error(205), format!("not a domain name: {why}"));
        Err(Box::new(problem.expected("a name such as `wiki.corp.example`")))
    };
    let labels = text.strip_suffix('.').unwrap_or(text);
    if text.contains(char::is_whitespace) {
        wrong("it contains white space")
    } else if labels.split('.').any(str::is_empty) {
        wrong("a label is empty")
    } else if labels.chars().count() > 253 {
        wrong("it has more than 253 characters")
    } else {
        Ok(())
    }
}

fn check_family(is_v4: bool, family: Option<Family>) -> Checked<()> {
    let message = match family {
        Some(Family::V4) if !is_v4 => "an IPv6 address where IPv4 is wanted",
        Some(Family::V6) if is_v4 => "an IPv4 address where IPv6 is wanted",
        _ => return Ok(()),
    };
    Err(Box::new(Problem::new(Code::error(203), message)))
}

/// Reads an address; canonical text.
pub(super) fn ip(text: &str, family: Option<Family>) -> Checked<String> {
    let ip: IpAddr = text.parse().map_err(|_| {
        Problem::new(Code::error(203), "not an IP address").expected(match family {
            Some(Family::V4) => "an IPv4 address",
            Some(Family::V6) => "an IPv6 address",
            None => "an IPv4 or IPv6 address",
        })
    })?;
    check_family(ip.is_ipv4(), family)?;
    Ok(ip.to_string())
}

/// Reads a network; canonical text. Stricter than `ipnet`: no leading zeros, no host bits.
pub(super) fn cidr(text: &str, family: Option<Family>) -> Checked<String> {
    let wrong =
        |message: &str| Problem::new(Code::error(203), message.to_owned()).expected("ADDRESS/PREFIX-LENGTH");
    let Some((address, prefix)) = text.split_once('/') else {
        let problem = wrong("a network without prefix length");
        return Err(Box::new(match text.parse::<IpAddr>() {
            Ok(ip) => problem.hint(format!("one address is `{ip}/{}`", if ip.is_ipv4() { 32 } else { 128 })),
            Err(_) => wrong("not a network"),
        }));
    };
    let address: IpAddr = address.parse().map_err(|_| wrong("not a network: the address is not valid"))?;
    let digits = !prefix.is_empty() && prefix.len() <= 3 && prefix.bytes().all(|b| b.is_ascii_digit());
    let net = (digits && (prefix == "0" || !prefix.starts_with('0')))
        .then(|| prefix.parse::<u8>().ok())
        .flatten()
        .and_then(|length| IpNet::new(address, length).ok())
        .ok_or_else(|| wrong("not a network: the prefix length is not valid"))?;
    check_family(address.is_ipv4(), family)?;
    if net.network() != net.addr() {
        let problem = wrong("the network has host bits");
        return Err(Box::new(problem.hint(format!("did you mean `{}`?", net.trunc()))));
    }
    Ok(net.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{FieldType, definition};
    use connexa_types::Kind;

    #[test]
    fn networks_and_addresses() {
        assert_eq!(cidr("10.0.0.0/8", None).unwrap(), "10.0.0.0/8");
        assert_eq!(cidr("2001:DB8:0:0::/32", None).unwrap(), "2001:db8::/32");
        assert_eq!(cidr("0.0.0.0/0", Some(Family::V4)).unwrap(), "0.0.0.0/0");
        for bad in
            ["10.0.0.0", "10.0.0.0/08", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0/8", "10.1.0.0/8", "/8", "a", ""]
        {
            assert_eq!(cidr(bad, None).unwrap_err().code, Code::error(203), "{bad}");
        }
        assert!(cidr("2001:db8::/32", Some(Family::V4)).is_err());
        assert_eq!(cidr("10.1.2.3/16", None).unwrap_err().hint.unwrap(), "did you mean `10.1.0.0/16`?");
        assert_eq!(ip("2001:DB8::0:1", None).unwrap(), "2001:db8::1");
        assert!(ip("1.2.3.4", Some(Family::V6)).is_err() && ip("1.2.3.04", None).is_err());
    }

    #[test]
    fn domains_and_mail() {
        let long = format!("{}.example", "a".repeat(250));
        for bad in ["", ".", "a..b", ".a", "a b", "a\u{a0}b", "a..", &long] {
            assert!(domain(bad).is_err(), "{bad}");
        }
        for good in ["a", "a.", "wiki.corp.example", "*.x", &"a".repeat(253)] {
            assert!(domain(good).is_ok(), "{good}");
        }
        assert!(
            is_email("a@b") && !is_email("a@") && !is_email("@b") && !is_email("a@b@c") && !is_email("a b@c")
        );
    }

    #[test]
    fn enums() {
        let field = definition(Kind::Network).field("internet_access").unwrap();
        let FieldType::Enum(values) = field.ty else { panic!() };
        for spelling in ["split_tunnel_on", "SPLIT_TUNNEL_ON", "Split-Tunnel-On"] {
            assert_eq!(enumerated(spelling, values).unwrap(), "SPLIT_TUNNEL_ON");
        }
        assert_eq!(enumerated("raw:New_One", values).unwrap(), "New_One");
        let beta = enumerated("global-internet", values).unwrap_err();
        assert_eq!(beta.hint.as_deref(), Some("`split_tunnel_off` is its name now"));
        let near = enumerated("split_tunel_on", values).unwrap_err();
        assert_eq!(near.hint.as_deref(), Some("did you mean `split_tunnel_on`?"));
        assert!(enumerated("raw:", values).is_err() && enumerated("", values).is_err());
    }

    #[test]
    fn ids() {
        assert!(is_uuid("6F9619FF-8b86-d011-b42d-00c04fc964ff"));
        assert!(
            !is_uuid("6f9619ff8b86d011b42d00c04fc964ff") && !is_uuid("6f9619ff-8b86-d011-b42d-00c04fc964fg")
        );
    }
}
