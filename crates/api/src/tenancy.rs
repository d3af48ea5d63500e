//! Whose request it is: `X-Scope-OrgID`, by Loki's rules.

use axum::http::HeaderMap;
use sigyn_model::TenantId;
use sigyn_model::tenant::TenantIdError;

use crate::{Error, Result};

const HEADER: &str = "x-scope-orgid";

/// The one tenant of a push or a tail. While authentication is off the header is ignored.
pub(crate) fn single(headers: &HeaderMap, auth_enabled: bool) -> Result<TenantId> {
    if !auth_enabled {
        return Ok(TenantId::single());
    }
    let mut tenants = listed(headers, Error::Tenant)?;
    match (tenants.pop(), tenants.is_empty()) {
        (Some(tenant), true) => Ok(tenant),
        _ => Err(Error::ManyTenants),
    }
}

/// The tenants of a query: `a|b` asks for both. At least one; sorted, each once.
pub(crate) fn several(headers: &HeaderMap, auth_enabled: bool) -> Result<Vec<TenantId>> {
    if auth_enabled { listed(headers, Error::QueryTenant) } else { Ok(vec![TenantId::single()]) }
}

fn listed(headers: &HeaderMap, wrap: impl Fn(TenantIdError) -> Error) -> Result<Vec<TenantId>> {
    let value = headers.get(HEADER).map(|value| value.as_bytes()).unwrap_or_default();
    if value.is_empty() {
        return Err(Error::NoTenant);
    }
    let mut tenants = String::from_utf8_lossy(value)
        .split('|')
        .map(|id| id.split(':').next().unwrap_or(id))
        .map(|id| TenantId::new(id).map_err(&wrap))
        .collect::<Result<Vec<_>>>()?;
    tenants.sort();
    tenants.dedup();
    Ok(tenants)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HEADER.parse().expect("a name"), value.parse().expect("a value"))])
    }

    fn push(value: &str) -> Result<String, String> {
        single(&headers(value), true).map(|t| t.to_string()).map_err(|e| e.to_string())
    }

    fn query(value: &str) -> Result<String, String> {
        let names = |tenants: Vec<TenantId>| tenants.iter().map(TenantId::as_str).collect::<Vec<_>>().join(",");
        several(&headers(value), true).map(names).map_err(|e| e.to_string())
    }

    #[test]
    fn without_authentication_everyone_is_the_same() {
        assert_eq!(single(&headers("a/b"), false).expect("ignored").as_str(), "fake");
        assert_eq!(several(&HeaderMap::new(), false).expect("ignored").len(), 1);
    }

    #[test]
    fn pushes_have_one_tenant() {
        assert_eq!(push("a"), Ok("a".to_owned()));
        assert_eq!(push("a|a"), Ok("a".to_owned()));
        assert_eq!(push("a:sub"), Ok("a".to_owned()));
        assert_eq!(push("a|b"), Err("multiple org IDs present".to_owned()));
        assert_eq!(push("a/b"), Err("tenant ID 'a/b' contains unsupported character '/'".to_owned()));
        assert!(matches!(single(&HeaderMap::new(), true), Err(Error::NoTenant)));
        assert!(matches!(single(&headers(""), true), Err(Error::NoTenant)));
    }

    #[test]
    fn queries_have_one_or_more() {
        assert_eq!(query("b|a|b:x"), Ok("a,b".to_owned()));
        let problem = "rpc error: code = Code(400) desc = tenant ID 'a/b' contains unsupported character '/'";
        assert_eq!(query("a/b"), Err(problem.to_owned()));
        assert_eq!(query("a|"), Err("rpc error: code = Code(400) desc = tenant ID is empty".to_owned()));
    }
}
