//! Hides secrets in whatever is shown to somebody.

/// What stands in a secret's place.
pub const MASK: &str = "********";

/// Last words of keys whose values are secrets, in Sigyn's files and in Loki's.
const SECRET_KEYS: [&str; 17] = [
    "secret",
    "access_key_id",
    "secret_access_key",
    "access_key_secret",
    "session_token",
    "access_key",
    "secret_key",
    "account_key",
    "client_secret",
    "connection_string",
    "service_account",
    "application_credential_secret",
    "api_key",
    "acl_token",
    "basic_auth_password",
    "password",
    "credentials",
];

/// Whether the value of a key must not be shown.
#[must_use]
pub fn is_secret(path: &str) -> bool {
    let key = path.rsplit('.').next().unwrap_or(path);
    SECRET_KEYS.contains(&key)
}

/// The text with the user and the password of every URL in it hidden: `s3://********@host/bucket`.
///
/// Secrets of AWS hold slashes, so whatever lies between `://` and the last `@` before white space is hidden.
#[must_use]
pub fn urls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || c == '"' || c == '\'').unwrap_or(after.len());
        // Another URL in the same word is not part of this one.
        let end = after[..end].find("://").map_or(end, |next| after[..next].rfind([',', ';']).map_or(end, |at| at));
        if let Some(user_end) = after[..end].rfind('@') {
            out.push_str(MASK);
            rest = &after[user_end..];
        } else {
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_urls_are_hidden() {
        for (text, shown) in [
            ("bucket 's3://KEY:SE/CR+ET@eu-west-1/logs' is odd", "bucket 's3://********@eu-west-1/logs' is odd"),
            ("http://a:b@c http://d/e", "http://********@c http://d/e"),
            ("http://a:b@c,http://d:e@f", "http://********@c,http://********@f"),
            ("dynamodb://KEY@x", "dynamodb://********@x"),
            ("no url, a@b", "no url, a@b"),
            ("s3://bucket/x", "s3://bucket/x"),
        ] {
            assert_eq!(urls(text), shown, "{text}");
        }
    }

    #[test]
    fn secret_keys_are_known() {
        assert!(is_secret("storage.s3.secret_access_key") && is_secret("password"));
        assert!(!is_secret("storage.s3.region") && !is_secret("storage.gcs.service_account_file"));
    }
}
