//! What is in force, in a few lines, for the log of a start.

use serde_json::Value;
use sigyn_model::Limits;
use sigyn_settings::loki::NoteKind;
use sigyn_settings::mask;

use super::load::Loaded;
use super::{Config, check};

/// Old periods that have a line each; more are counted.
const PERIODS_MAX: usize = 3;
/// Limits that are named; more are counted.
const LIMITS_MAX: usize = 12;

impl Loaded {
    /// At most 15 lines. `storage` is what the storage says of itself once it is open.
    pub(crate) fn summary(&self, storage: &str) -> Vec<String> {
        let config = &self.config;
        let mut lines = vec![
            format!("settings: {}{}", self.name, if self.loki.is_some() { ", a configuration of Loki" } else { "" }),
            format!("storage: {storage} ({})", self.origin("storage.bucket")),
            self.catalog(),
        ];
        lines.extend(self.region());
        lines.push(self.credentials());
        let auth = if config.auth_enabled { "tenants by X-Scope-OrgID" } else { "one tenant, fake" };
        lines.push(format!("auth: {auth} ({})", self.origin("auth_enabled")));
        lines.push(format!("parts: {} ({})", String::from(config.target), self.origin("target")));
        lines.extend(self.cluster());
        lines.push(self.retention());
        lines.push(format!("limits that differ from the defaults: {}", differing_limits(&config.limits)));
        if !config.runtime_config.file.is_empty() {
            lines.push(format!(
                "limits of tenants: {}, looked at every {}",
                config.runtime_config.file, config.runtime_config.period
            ));
        }
        lines.extend(self.of_loki());
        lines.into_iter().map(|line| mask::urls(&line)).collect()
    }

    fn catalog(&self) -> String {
        match self.config.storage.catalog.as_deref() {
            None | Some("" | "bucket") => format!("catalog: in the bucket ({})", self.origin("storage.catalog")),
            Some(catalog) => format!("catalog: {catalog} ({})", self.origin("storage.catalog")),
        }
    }

    fn region(&self) -> Option<String> {
        let storage = &self.config.storage;
        if !storage.bucket.starts_with("s3://") {
            return None;
        }
        let region = match storage.s3.region.as_str() {
            "" => match ["AWS_REGION", "AWS_DEFAULT_REGION"]
                .iter()
                .find_map(|name| Some((name, std::env::var(name).ok()?)))
            {
                Some((name, region)) => format!("{region} (the environment, {name})"),
                None => "from the AWS profile or the instance's metadata".to_owned(),
            },
            region => format!("{region} ({})", self.origin("storage.s3.region")),
        };
        let endpoint = match storage.s3.endpoint.as_str() {
            "" => String::new(),
            endpoint => format!(", endpoint {endpoint} ({})", self.origin("storage.s3.endpoint")),
        };
        Some(format!("region: {region}{endpoint}"))
    }

    fn credentials(&self) -> String {
        let secrets = [
            "storage.s3.secret_access_key",
            "storage.dynamodb.secret_access_key",
            "storage.gcs.service_account",
            "storage.azure.account_key",
        ];
        let written: Vec<String> = secrets
            .iter()
            .filter(|path| self.places.find(path).is_some())
            .map(|path| format!("{path} ({})", self.origin(path)))
            .collect();
        if written.is_empty() {
            "credentials: none written; those of the environment, a role or the machine".to_owned()
        } else {
            format!("credentials: {}", written.join(", "))
        }
    }

    fn cluster(&self) -> Option<String> {
        let address = self.config.cluster.address()?;
        let secret = if self.config.cluster.secret.is_empty() { ", without a secret" } else { "" };
        Some(format!("cluster: known as {address}{secret} ({})", self.origin("cluster.advertise_address")))
    }

    fn retention(&self) -> String {
        let (limits, backend) = (&self.config.limits, &self.config.backend);
        if !backend.retention_enabled {
            return format!("retention: off, everything is kept ({})", self.origin("backend.retention_enabled"));
        }
        match limits.retention_period.nanos() {
            0 => format!("retention: everything is kept ({})", self.origin("limits.retention_period")),
            _ => format!("retention: {} ({})", limits.retention_period, self.origin("limits.retention_period")),
        }
    }

    /// What is to be known of a file of Loki.
    fn of_loki(&self) -> Vec<String> {
        let Some(loki) = &self.loki else { return Vec::new() };
        let mut lines = Vec::new();
        let count = |kind: NoteKind| loki.notes.iter().filter(|note| note.kind == kind).count();
        lines.push(format!(
            "keys of Loki: {} not needed, {} without effect in this version, {} read in another way; `sigyn config check` names them",
            count(NoteKind::NotNeeded),
            count(NoteKind::Missing),
            count(NoteKind::Changed)
        ));
        let periods = &loki.old_periods;
        for period in periods.iter().rev().take(PERIODS_MAX).rev() {
            lines.push(format!("Loki's own data, not read yet: {period}"));
        }
        if periods.len() > PERIODS_MAX {
            lines.push(format!("and {} periods of Loki before these", periods.len() - PERIODS_MAX));
        }
        lines
    }
}

fn differing_limits(limits: &Limits) -> String {
    let (now, default) = (check::as_value(limits), check::as_value(&Config::default().limits));
    let Value::Object(now) = now else { return String::new() };
    let differ: Vec<String> = now
        .iter()
        .filter(|(key, value)| default.get(*key) != Some(*value))
        .map(|(key, value)| format!("{key} {}", short(value)))
        .collect();
    match differ.len() {
        0 => "none".to_owned(),
        count if count > LIMITS_MAX => format!("{}, and {} more", differ[..LIMITS_MAX].join(", "), count - LIMITS_MAX),
        _ => differ.join(", "),
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(short).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}
