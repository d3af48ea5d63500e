//! The owner of data and limits.

use std::fmt;
use std::sync::Arc;

/// Longest tenant id accepted, in bytes.
pub const TENANT_ID_BYTES_MAX: usize = 150;

/// A validated tenant id, as sent in `X-Scope-OrgID`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantIdError {
    #[error("tenant ID is empty")]
    Empty,
    #[error("tenant ID is too long: max {TENANT_ID_BYTES_MAX} characters")]
    TooLong,
    #[error("tenant ID is '.' or '..'")]
    Unsafe,
    #[error("tenant ID '{id}' contains unsupported character '{character}'")]
    Character { id: String, character: char },
}

impl TenantId {
    /// The tenant of every request while authentication is off.
    #[must_use]
    pub fn single() -> Self {
        Self(Arc::from("fake"))
    }

    /// Accepts 1 to 150 characters of `a-zA-Z0-9!-_.*'()`, except `.` and `..`, which would escape a path.
    pub fn new(id: &str) -> Result<Self, TenantIdError> {
        if id.is_empty() {
            return Err(TenantIdError::Empty);
        }
        if let Some(character) = id.chars().find(|c| !is_allowed(*c)) {
            return Err(TenantIdError::Character { id: id.to_owned(), character });
        }
        if id.len() > TENANT_ID_BYTES_MAX {
            return Err(TenantIdError::TooLong);
        }
        if id == "." || id == ".." {
            return Err(TenantIdError::Unsafe);
        }
        Ok(Self(Arc::from(id)))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!-_.*'()".contains(c)
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_refuses_as_documented() {
        for good in ["fake", "a", "A-b_c.d*e'(f)!", "...", &"x".repeat(150)] {
            assert!(TenantId::new(good).is_ok(), "{good}");
        }
        let message = |id: &str| TenantId::new(id).expect_err(id).to_string();
        assert_eq!(message("a/b"), "tenant ID 'a/b' contains unsupported character '/'");
        assert_eq!(message(".."), "tenant ID is '.' or '..'");
        assert_eq!(message(&"x".repeat(151)), "tenant ID is too long: max 150 characters");
        assert_eq!(message(""), "tenant ID is empty");
    }
}
