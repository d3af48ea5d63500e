//! `-health`: the probe of a container, which has no other program to ask with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::config::Config;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks `/ready` of the server that these settings describe, or `url`. Errors: anything but 200.
pub(crate) fn check(config: &Config, url: Option<&str>) -> Result<()> {
    let server = &config.server;
    let url = match url {
        Some(url) => url.to_owned(),
        None if server.http_listen_port == 0 => {
            bail!("server.http_listen_port is 0, so the port is not known; give -health.url")
        }
        None => format!("http://{}:{}/ready", reachable(&server.http_listen_address), server.http_listen_port),
    };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into();
    let mut answer = agent.get(&url).call().with_context(|| format!("asking {url}"))?;
    if answer.status() != 200 {
        let body = answer.body_mut().read_to_string().unwrap_or_default();
        bail!("{url} answers {}: {}", answer.status().as_u16(), body.trim());
    }
    println!("ready");
    Ok(())
}

/// An address to connect to, given one to listen on.
fn reachable(listen: &str) -> String {
    match listen.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => format!("[{}]", Ipv6Addr::LOCALHOST),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        Err(_) if listen.is_empty() => Ipv4Addr::LOCALHOST.to_string(),
        _ => listen.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listened_on_can_be_reached() {
        for (listen, host) in [
            ("0.0.0.0", "127.0.0.1"),
            ("::", "[::1]"),
            ("10.0.0.1", "10.0.0.1"),
            ("fe80::1", "[fe80::1]"),
            ("", "127.0.0.1"),
            ("box", "box"),
        ] {
            assert_eq!(reachable(listen), host, "{listen}");
        }
    }
}
