//! Settings under `cluster`.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};
use sigyn_model::Secret;

/// How this process is known to the others on the same catalog.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterConfig {
    /// `host:port` at which other processes reach this one's HTTP server, such as `10.0.3.7:3100`; it announces itself in the catalog under it. Default none: it stays alone.
    pub(crate) advertise_address: String,
    /// What processes show each other when they share a query; the same for all of them. Default none: whoever reaches the port may ask.
    pub(crate) secret: Secret,
}

impl ClusterConfig {
    /// The address as clients need it, an IPv6 host in brackets. `None`: this process stays alone.
    pub(crate) fn address(&self) -> Option<String> {
        let (host, port) = self.advertise_address.rsplit_once(':')?;
        let bare = host.parse::<Ipv6Addr>().is_ok();
        Some(if bare { format!("[{host}]:{port}") } else { self.advertise_address.clone() })
    }

    /// Every problem at once, each with its key.
    pub(super) fn validate(&self) -> Vec<String> {
        let address = self.advertise_address.as_str();
        let mut problems = Vec::new();
        if !address.is_empty() {
            let well_formed = address
                .rsplit_once(':')
                .is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0));
            if !well_formed {
                problems.push(format!(
                    "cluster.advertise_address is '{address}'; it must be host:port, such as 10.0.3.7:3100"
                ));
            }
        } else if !self.secret.is_empty() {
            problems
                .push("cluster.secret is set and cluster.advertise_address is not; nobody would ever ask".to_owned());
        }
        if !self.secret.reveal().bytes().all(|byte| byte.is_ascii_graphic()) {
            problems.push("cluster.secret must be of visible ASCII characters, without spaces".to_owned());
        }
        problems
    }
}

fn is_host(host: &str) -> bool {
    let name = |host: &str| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    inner.parse::<Ipv6Addr>().is_ok() || name(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str, secret: &str) -> ClusterConfig {
        ClusterConfig { advertise_address: address.to_owned(), secret: Secret::new(secret) }
    }

    #[test]
    fn addresses_are_as_clients_need_them() {
        for (written, expected) in [
            ("10.0.0.1:3100", Some("10.0.0.1:3100")),
            ("sigyn-read-0.sigyn:80", Some("sigyn-read-0.sigyn:80")),
            ("fd00::7:3100", Some("[fd00::7]:3100")),
            ("[fd00::7]:3100", Some("[fd00::7]:3100")),
            ("", None),
        ] {
            let config = of(written, "");
            assert_eq!(config.validate(), [""; 0], "{written}");
            assert_eq!(config.address().as_deref(), expected, "{written}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_keys() {
        for address in ["10.0.0.1", ":3100", "host:", "host:0", "host:70000", "http://host:3100", "host:31:00"] {
            let problems = of(address, "").validate();
            assert!(
                problems.len() == 1 && problems[0].starts_with("cluster.advertise_address is '"),
                "{address}: {problems:?}"
            );
        }
        assert!(of("", "s").validate()[0].starts_with("cluster.secret is set"));
        assert!(of("h:1", "two words").validate()[0].starts_with("cluster.secret must"));
    }
}
