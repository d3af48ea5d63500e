//! `ip("…")`: one address, a CIDR block, or a range of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A set of addresses; IPv4 and IPv6 never match each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IpSet {
    V4 { from: Ipv4Addr, to: Ipv4Addr },
    V6 { from: Ipv6Addr, to: Ipv6Addr },
}

impl IpSet {
    /// Errors: Loki's text for a pattern that is none of the three forms.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        Self::parse(pattern).ok_or_else(|| format!("ip: invalid pattern: {}", sigyn_model::labels::GoQuoted(pattern)))
    }

    fn parse(pattern: &str) -> Option<Self> {
        if let Some((from, to)) = pattern.split_once('-') {
            return Self::between(from.trim().parse().ok()?, to.trim().parse().ok()?);
        }
        let Some((address, bits)) = pattern.split_once('/') else {
            let address: IpAddr = pattern.parse().ok()?;
            return Self::between(address, address);
        };
        if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let bits: u32 = bits.parse().ok()?;
        match address.parse().ok()? {
            IpAddr::V4(address) if bits <= 32 => {
                let host = u32::MAX.checked_shr(bits).unwrap_or(0);
                let network = u32::from(address) & !host;
                Some(Self::V4 { from: network.into(), to: (network | host).into() })
            }
            IpAddr::V6(address) if bits <= 128 => {
                let host = u128::MAX.checked_shr(bits).unwrap_or(0);
                let network = u128::from(address) & !host;
                Some(Self::V6 { from: network.into(), to: (network | host).into() })
            }
            _ => None,
        }
    }

    fn between(from: IpAddr, to: IpAddr) -> Option<Self> {
        match (from, to) {
            (IpAddr::V4(from), IpAddr::V4(to)) if from <= to => Some(Self::V4 { from, to }),
            (IpAddr::V6(from), IpAddr::V6(to)) if from <= to => Some(Self::V6 { from, to }),
            _ => None,
        }
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4 { from, to }, IpAddr::V4(address)) => *from <= address && address <= *to,
            (Self::V6 { from, to }, IpAddr::V6(address)) => *from <= address && address <= *to,
            _ => false,
        }
    }

    /// Whether `value` is an address of the set.
    pub(crate) fn contains_text(&self, value: &[u8]) -> bool {
        std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).is_some_and(|address| self.contains(address))
    }

    /// The text that a line must contain to hold an address of the set, when there is only one such text.
    pub(crate) fn only_text(&self) -> Option<String> {
        match self {
            Self::V4 { from, to } if from == to => Some(from.to_string()),
            _ => None,
        }
    }

    /// Whether the line holds an address of the set. Looks at runs of address characters that begin like an address.
    pub(crate) fn found_in(&self, line: &[u8]) -> bool {
        let mut at = 0;
        while at < line.len() {
            let rest = &line[at..];
            let run = if starts_like_v4(rest) {
                rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count()
            } else if starts_like_v6(rest) {
                rest.iter().take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')).count()
            } else {
                at += 1;
                continue;
            };
            if self.contains_text(&rest[..run]) {
                return true;
            }
            at += run + 1;
        }
        false
    }
}

/// One to three digits and a dot.
fn starts_like_v4(text: &[u8]) -> bool {
    let digits = text.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    (1..=3).contains(&digits) && text.get(digits) == Some(&b'.')
}

/// None to four hexadecimal digits and a colon.
fn starts_like_v6(text: &[u8]) -> bool {
    let digits = text.iter().take(5).take_while(|byte| byte.is_ascii_hexdigit()).count();
    digits <= 4 && text.get(digits) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_addresses_in_lines() {
        for (pattern, line, expected) in [
            ("192.168.4.5", "from 192.168.4.5 to x", true),
            ("192.168.4.5", "from 192.168.4.55 to x", false),
            ("192.168.4.0/24", "addr=192.168.4.200:8080", true),
            ("192.168.4.0/24", "addr=192.168.5.1", false),
            ("10.0.0.1-10.0.0.9", "[10.0.0.9]", true),
            ("10.0.0.1-10.0.0.9", "10.0.0.10", false),
            ("::1", "host ::1 up", true),
            ("2001:db8::/32", "peer=2001:db8::7 x", true),
            ("2001:db8::/32", "12:30:01 nothing", false),
            ("0.0.0.0/0", "version 1.2.3", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "", false),
        ] {
            let set = IpSet::new(pattern).expect(pattern);
            assert_eq!(set.found_in(line.as_bytes()), expected, "{pattern} in {line}");
        }
    }

    #[test]
    fn refuses_what_is_no_pattern() {
        for bad in ["bad", "", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/+1", "1.2.3.9-1.2.3.4", "1.2.3.4-::1"] {
            assert_eq!(IpSet::new(bad).expect_err(bad), format!("ip: invalid pattern: \"{bad}\""));
        }
        assert_eq!(IpSet::new("1.2.3.4").expect("address").only_text().as_deref(), Some("1.2.3.4"));
    }
}
