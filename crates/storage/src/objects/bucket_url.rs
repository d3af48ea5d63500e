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
}

/// Object stores that this crate will speak to, by scheme.
const PLANNED_SCHEMES: [&str; 6] = ["s3", "s3a", "gs", "az", "azure", "abfs"];

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
            _ if PLANNED_SCHEMES.contains(&scheme) => {
                Err(invalid("this kind of object store is not supported yet; use file:///path or a plain path"))
            }
            _ => Err(invalid("the scheme is not known; use file:///path, a plain path or memory:")),
        }
    }
}

/// As it would be written in the settings.
impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
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
    }

    #[test]
    fn refusals_say_what_to_write() {
        let reason = |url: &str| BucketUrl::parse(url).expect_err(url).to_string();
        assert_eq!(
            reason("s3://logs/x"),
            "bucket 's3://logs/x': this kind of object store is not supported yet; use file:///path or a plain path"
        );
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
