//! What this build calls itself.

use sigyn_api::BuildInfo;

pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit, when the build was told (`SIGYN_REVISION`).
const REVISION: Option<&str> = option_env!("SIGYN_REVISION");

pub(crate) fn line() -> String {
    match REVISION {
        Some(revision) => format!("sigyn {VERSION} ({revision})"),
        None => format!("sigyn {VERSION}"),
    }
}

pub(crate) fn build_info() -> BuildInfo {
    BuildInfo {
        version: VERSION.to_owned(),
        revision: REVISION.unwrap_or("").to_owned(),
        branch: String::new(),
        build_user: String::new(),
        build_date: String::new(),
        go_version: String::new(),
    }
}
