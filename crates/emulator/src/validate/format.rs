//! Forms of texts.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

pub(super) fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

pub(super) fn is_ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

/// Reads a subnet. Bits beyond the prefix may be set: no source says that they are refused, and the written form is kept.
pub(crate) fn cidr(text: &str) -> Option<IpNet> {
    // The address is left to the standard library, which refuses leading zeros.
    let (address, prefix) = text.split_once('/')?;
    let digits = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
    IpNet::new(address.parse().ok()?, prefix.parse().ok().filter(|_| digits)?).ok()
}

/// The form alone: whether there is such a country is not looked up.
pub(super) fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// Labels of 1 to 63 letters, digits, hyphens and underscores, parted by dots, 253 characters in all. A label neither
/// starts nor ends with a hyphen. Letters are those of any script; a single label is a domain too, as is a final dot.
/// The first label may be `*`.
pub(super) fn is_domain(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let name = name.strip_prefix("*.").unwrap_or(name);
    let label = |label: &str| {
        (1..=63).contains(&label.chars().count())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.chars().count() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_told_from_other_texts() {
        for good in ["a", "a.b", "A-1.example.com", "_dns.example", "bücher.example", "*.example.com", "a.b."]
        {
            assert!(is_domain(good), "{good}");
        }
        for bad in
            ["", ".", "a..b", "-a.b", "a-.b", "a b", "a/b", "http://a.b", "*", "a.*.b", &"a".repeat(64)]
        {
            assert!(!is_domain(bad), "{bad}");
        }
        assert!(!is_domain(&["abcdefg"; 40].join(".")));
    }

    #[test]
    fn subnets_need_a_prefix() {
        for good in ["10.0.0.0/8", "fd00::/8", "10.1.2.3/8", "0.0.0.0/0"] {
            assert!(cidr(good).is_some(), "{good}");
        }
        for bad in [
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0/8",
            "fd00::/129",
            "010.0.0.0/8",
            " 10.0.0.0/8",
            "10.0.0.0/+8",
            "/8",
        ] {
            assert!(cidr(bad).is_none(), "{bad}");
        }
    }
}
