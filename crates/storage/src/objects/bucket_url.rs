//! Where a bucket is, as written in the settings.

use std::fmt;
use std::path::PathBuf;

use crate::{Error, Result};

/// A bucket's place, checked but not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketUrl {
    /// A directory of the local file system.
    Directory(PathBuf),
    /// This process's memory, gone when it ends.
    Memory,
    /// A bucket of a cloud's object store.
    Cloud { cloud: Cloud, bucket: String, prefix: String },
}

/// Whose object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Amazon S3 or a server that speaks its API.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

impl Cloud {
    const ALL: [(&'static str, Self); 6] = [
        ("s3", Self::S3),
        ("s3a", Self::S3),
        ("gs", Self::Gcs),
        ("az", Self::Azure),
        ("azure", Self::Azure),
        ("abfs", Self::Azure),
    ];

    /// As its URLs begin, and the section of its settings.
    fn scheme_and_section(self) -> (&'static str, &'static str) {
        match self {
            Self::S3 => ("s3", "storage.s3"),
            Self::Gcs => ("gs", "storage.gcs"),
            Self::Azure => ("az", "storage.azure"),
        }
    }

    /// Reads `bucket/prefix`.
    fn bucket(self, rest: &str) -> Result<BucketUrl, String> {
        let (scheme, section) = self.scheme_and_section();
        let form = format!("write {scheme}://bucket or {scheme}://bucket/prefix");
        // A secret may hold slashes, so the `@` behind it may be anywhere.
        if rest.contains('@') {
            return Err(format!("secrets do not belong in URLs; put them into {section}, and {form}"));
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(format!("the bucket's name is missing; {form}"));
        }
        if bucket.contains(':')
            || [".amazonaws.com", ".windows.net", ".googleapis.com"].iter().any(|e| bucket.contains(e))
        {
            return Err(format!("'{bucket}' is an address, not a bucket; put it into {section}.endpoint, and {form}"));
        }
        if let Some(bad) = bucket.chars().find(|c| !(c.is_ascii_alphanumeric() || "._-".contains(*c))) {
            return Err(format!("'{bad}' cannot stand in the name of a bucket; {form}"));
        }
        Ok(BucketUrl::Cloud { cloud: self, bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
    }
}

impl BucketUrl {
    /// Reads `file:///abs/path`, `file://./relative`, a plain path, or `memory:`; `Invalid` for anything else.
    pub fn parse(url: &str) -> Result<Self> {
        let invalid = |reason: &str| Error::Bucket { url: url.to_owned(), reason: reason.to_owned() };
        let trimmed = url.trim();
        if trimmed.is_empty() {
            return Err(invalid("it is empty; write for example file:///var/lib/sigyn or ./sigyn-data"));
        }
        if matches!(trimmed, "memory:" | "memory://" | "inmemory:///" | "memory:///") {
            return Ok(Self::Memory);
        }
        let Some((scheme, rest)) = trimmed.split_once("://") else {
            return Ok(Self::Directory(PathBuf::from(trimmed.strip_prefix("file:").unwrap_or(trimmed))));
        };
        match scheme {
            "file" if rest.is_empty() => Err(invalid("the path is missing; write for example file:///var/lib/sigyn")),
            "file" if rest.starts_with('/') || rest.starts_with('.') => Ok(Self::Directory(PathBuf::from(rest))),
            "file" => {
                Err(invalid("a file URL names an absolute path (file:///data) or a relative one (file://./data)"))
            }
            _ => match Cloud::ALL.iter().find(|(known, _)| *known == scheme) {
                // The URL is not repeated: it may hold a secret.
                Some((_, cloud)) => {
                    cloud.bucket(rest).map_err(|reason| Error::Bucket { url: format!("{scheme}://…"), reason })
                }
                None => Err(invalid(
                    "the scheme is not known; use s3://, gs://, az://, file:///path, a plain path or memory:",
                )),
            },
        }
    }

    /// Whether every request crosses a network, takes tens of milliseconds and is paid for.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Cloud { .. })
    }
}

/// As it would be written in the settings.
impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Cloud { cloud, bucket, prefix } => {
                let (scheme, _) = cloud.scheme_and_section();
                write!(f, "{scheme}://{bucket}")?;
                if prefix.is_empty() { Ok(()) } else { write!(f, "/{prefix}") }
            }
            Self::Directory(path) if path.is_absolute() => write!(f, "file://{}", path.display()),
            Self::Directory(path) => match std::env::current_dir() {
                Ok(here) => write!(f, "file://{}", here.join(path).components().collect::<PathBuf>().display()),
                Err(_) => write!(f, "file://./{}", path.display()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_settings_allow() {
        for (url, path) in [
            ("file:///var/lib/sigyn", "/var/lib/sigyn"),
            ("file://./sigyn-data", "./sigyn-data"),
            ("./sigyn-data", "./sigyn-data"),
            ("data", "data"),
            ("/abs", "/abs"),
        ] {
            assert_eq!(BucketUrl::parse(url).ok(), Some(BucketUrl::Directory(PathBuf::from(path))), "{url}");
        }
        assert_eq!(BucketUrl::parse("memory:").ok(), Some(BucketUrl::Memory));
        for (url, shown) in [
            ("s3://logs", "s3://logs"),
            ("s3a://logs/a/b/", "s3://logs/a/b"),
            ("gs://logs/x", "gs://logs/x"),
            ("azure://logs", "az://logs"),
        ] {
            let parsed = BucketUrl::parse(url).expect(url);
            assert!(parsed.is_remote());
            assert_eq!(parsed.to_string(), shown);
        }
    }

    #[test]
    fn refusals_say_what_to_write() {
        let reason = |url: &str| BucketUrl::parse(url).expect_err(url).to_string();
        assert_eq!(
            reason("s3://key:se/cret@eu-west-1/logs"),
            "bucket 's3://…': secrets do not belong in URLs; put them into storage.s3, and write s3://bucket or s3://bucket/prefix"
        );
        assert!(reason("s3://s3.us-east-1.amazonaws.com/logs").contains("storage.s3.endpoint"));
        assert!(reason("gs:///x").contains("name is missing") && reason("az://a b").contains("cannot stand"));
        assert!(reason("").contains("it is empty") && reason("file://").contains("missing"));
        assert!(reason("file://host/path").contains("absolute path") && reason("ftp://x").contains("not known"));
    }

    #[test]
    fn prints_the_whole_path() {
        let here = std::env::current_dir().expect("tests have a working directory");
        let shown = BucketUrl::Directory(PathBuf::from("./x")).to_string();
        assert_eq!(shown, format!("file://{}", here.join("x").display()));
        assert_eq!(BucketUrl::Directory(PathBuf::from("/a/b")).to_string(), "file:///a/b");
    }
}
