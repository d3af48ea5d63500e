//! Addresses as Loki's settings hold them: `s3://key:secret@region/bucket` and its relatives.

/// An address taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) scheme: String,
    /// Key and secret, decoded.
    pub(super) user: Option<(String, String)>,
    pub(super) host: String,
    /// Without the first slash.
    pub(super) path: String,
}

/// What an address's host means: with a dot or a port it is a server, otherwise a region, and AWS's own names hold one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Nothing,
    Region(String),
    /// AWS's own server, of a region if its name says so.
    Aws(Option<String>),
    Server(String),
}

impl Address {
    /// Errors: what is wrong, without any of the text, which may hold secrets.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) =
            text.trim().split_once("://").ok_or("has no scheme; write for example s3://region/bucket")?;
        // Secrets of AWS hold slashes and pluses, but no `@`, and neither do hosts and buckets.
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let user = user.map(|user| {
            let (key, secret) = user.split_once(':').unwrap_or((user, ""));
            (decoded(key), decoded(secret))
        });
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            user,
            host: host.to_owned(),
            path: path.trim_matches('/').to_owned(),
        })
    }

    /// `service` is the first word of AWS's own host names.
    pub(super) fn host(&self, service: &str) -> Host {
        let host = self.host.as_str();
        if host.is_empty() {
            return Host::Nothing;
        }
        if let Some(name) = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn")) {
            return match name.strip_prefix(service) {
                Some("") => Host::Aws(None),
                Some(region) if region.starts_with(['.', '-']) && !region[1..].contains('.') => {
                    Host::Aws(Some(region[1..].to_owned()))
                }
                _ => Host::Server(format!("https://{host}")),
            };
        }
        if host.contains(['.', ':']) {
            let scheme = if self.scheme == "https" { "https" } else { "http" };
            return Host::Server(format!("{scheme}://{host}"));
        }
        Host::Region(host.to_owned())
    }
}

/// With `%2F` and its like replaced; a `%` that begins none stands for itself.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |at: usize| bytes.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                at += 3;
            }
            (byte, _, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_raw_and_encoded() {
        for text in [
            "s3://KEY:SE/CR+ET=@eu-west-1/logs",
            "s3://KEY:SE%2FCR%2BET%3D@eu-west-1/logs",
            "s3://KEY:SE/CR%2bET=@eu-west-1/logs/",
        ] {
            let address = Address::parse(text).expect("an address");
            assert_eq!(address.user, Some(("KEY".to_owned(), "SE/CR+ET=".to_owned())), "{text}");
            assert_eq!((address.host.as_str(), address.path.as_str()), ("eu-west-1", "logs"), "{text}");
        }
        assert_eq!(Address::parse("s3://KEY@x/y").map(|a| a.user), Ok(Some(("KEY".to_owned(), String::new()))));
        assert_eq!(Address::parse("s3://a:100%@x").map(|a| a.user), Ok(Some(("a".to_owned(), "100%".to_owned()))));
        assert!(Address::parse("eu-west-1/logs").is_err());
    }

    #[test]
    fn hosts_are_regions_or_servers() {
        let host = |text: &str, service: &str| Address::parse(text).expect(text).host(service);
        assert_eq!(host("s3://eu-west-1/b", "s3"), Host::Region("eu-west-1".to_owned()));
        assert_eq!(host("inmemory:///b", "s3"), Host::Nothing);
        assert_eq!(host("s3://minio.example:9000/b", "s3"), Host::Server("http://minio.example:9000".to_owned()));
        assert_eq!(host("s3://minio:9000/b", "s3"), Host::Server("http://minio:9000".to_owned()));
        assert_eq!(host("https://s3.example/b", "s3"), Host::Server("https://s3.example".to_owned()));
        assert_eq!(host("https://s3.us-east-1.amazonaws.com/b", "s3"), Host::Aws(Some("us-east-1".to_owned())));
        assert_eq!(host("s3://s3.amazonaws.com/b", "s3"), Host::Aws(None));
        assert_eq!(
            host("dynamodb://dynamodb.cn-north-1.amazonaws.com.cn", "dynamodb"),
            Host::Aws(Some("cn-north-1".to_owned()))
        );
        assert_eq!(
            host("s3://vpce-1.s3.us-east-1.vpce.amazonaws.com/b", "s3"),
            Host::Server("https://vpce-1.s3.us-east-1.vpce.amazonaws.com".to_owned())
        );
    }
}
