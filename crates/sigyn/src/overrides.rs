//! Limits of single tenants, from `runtime_config.file`, read again whenever it has changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use anyhow::{Context as _, Result, bail};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::Value;
use sigyn_model::{Limits, TenantId, TenantLimits};
use sigyn_settings::{loki, mask};
use tokio_util::sync::CancellationToken;

use crate::config::RuntimeConfig;

/// The file's tenants, and how the last reading went.
#[derive(Debug)]
pub(crate) struct Overrides {
    config: RuntimeConfig,
    limits: Arc<TenantLimits>,
    /// The files as they were last read, good or bad.
    text: Vec<String>,
    succeeded: Gauge<i64, AtomicI64>,
    tenants: Gauge<i64, AtomicI64>,
}

impl Overrides {
    /// Reads the file for the first time; nothing when none is named. Errors: whatever is wrong with it.
    pub(crate) fn start(
        config: &RuntimeConfig,
        limits: &Arc<TenantLimits>,
        registry: &mut Registry,
    ) -> Result<Option<Self>> {
        if config.file.is_empty() {
            return Ok(None);
        }
        let (succeeded, tenants) = (Gauge::default(), Gauge::default());
        let help = "Whether the last reading of runtime_config.file succeeded";
        registry.register("sigyn_runtime_config_last_reload_successful", help, succeeded.clone());
        registry.register("sigyn_runtime_config_tenants", "Tenants with limits of their own", tenants.clone());
        let (config, limits) = (config.clone(), Arc::clone(limits));
        let mut overrides = Self { config, limits, text: Vec::new(), succeeded, tenants };
        overrides.reload()?;
        Ok(Some(overrides))
    }

    /// Looks at the file every period, until stopped. What it cannot use changes nothing.
    pub(crate) async fn watch(mut self, stopping: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.config.period.as_duration()) => {}
                () = stopping.cancelled() => return,
            }
            match self.reload() {
                Ok(false) => {}
                Ok(true) => tracing::info!(file = %self.config.file, "limits of tenants have changed"),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!(file = %self.config.file, error, "limits of tenants stay as they were");
                }
            }
        }
    }

    /// Whether anything has changed. An error is told once, not at every look.
    fn reload(&mut self) -> Result<bool> {
        let read = self.read();
        if read.as_ref().is_ok_and(|text| *text == self.text) {
            return Ok(false);
        }
        let own = read.and_then(|text| {
            self.text.clone_from(&text);
            own_limits(&self.config.file, &text, self.limits.default_limits())
        });
        self.succeeded.set(i64::from(own.is_ok()));
        let own = own?;
        self.tenants.set(i64::try_from(own.len()).unwrap_or(i64::MAX));
        self.limits.set_own(own);
        Ok(true)
    }

    fn read(&self) -> Result<Vec<String>> {
        let names = self.config.file.split(',').map(str::trim).filter(|name| !name.is_empty());
        names
            .map(|name| std::fs::read_to_string(name).with_context(|| format!("runtime_config.file: reading {name}")))
            .collect()
    }
}

/// The limits of every tenant that has its own; later files win key by key.
fn own_limits(names: &str, texts: &[String], default: &Limits) -> Result<HashMap<TenantId, Arc<Limits>>> {
    let default = serde_json::to_value(default).context("writing the limits")?;
    let mut merged: BTreeMap<String, Value> = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, text) in names.split(',').map(str::trim).zip(texts) {
        match loki::overrides(text, &|key| default.get(key).is_some()) {
            Err(more) => problems.extend(more.into_iter().map(|problem| format!("{name}: {problem}"))),
            Ok(file) => {
                for (tenant, limits) in file.tenants {
                    let all = merged.entry(tenant).or_insert_with(|| default.clone());
                    if let (Value::Object(all), Value::Object(own)) = (all, limits.value()) {
                        all.extend(own);
                    }
                }
                for note in file.notes {
                    tracing::info!(file = name, key = note.key, reason = note.text, "not honoured");
                }
            }
        }
    }
    let mut own = HashMap::new();
    for (tenant, limits) in merged {
        match checked(&tenant, limits) {
            Ok((tenant, limits)) => drop(own.insert(tenant, Arc::new(limits))),
            Err(more) => problems.extend(more),
        }
    }
    if !problems.is_empty() {
        let lines: String = problems.iter().map(|problem| format!("\n  {}", mask::urls(problem))).collect();
        bail!("runtime_config.file {names} cannot be used:{lines}");
    }
    Ok(own)
}

fn checked(tenant: &str, limits: Value) -> Result<(TenantId, Limits), Vec<String>> {
    let here = format!("overrides.{tenant}");
    let id = TenantId::new(tenant).map_err(|problem| vec![format!("{here}: {problem}")])?;
    let limits: Limits = serde_json::from_value(limits).map_err(|problem| vec![format!("{here}: {problem}")])?;
    let problems = limits.validate();
    if problems.is_empty() {
        return Ok((id, limits));
    }
    Err(problems.into_iter().map(|problem| problem.replace("limits.", &format!("{here}."))).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sigyn_model::ByteSize;
    use sigyn_model::duration::Span;

    use super::*;

    fn limits_of(limits: &TenantLimits, tenant: &str) -> Arc<Limits> {
        limits.get(&TenantId::new(tenant).expect("valid"))
    }

    fn overrides(files: &[&std::path::Path]) -> Result<(Overrides, Arc<TenantLimits>)> {
        let file = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(",");
        let limits = Arc::new(TenantLimits::new(Limits { max_query_series: 100, ..Limits::default() }));
        let config = RuntimeConfig { file, period: Span::seconds(1) };
        let overrides = Overrides::start(&config, &limits, &mut Registry::default())?.expect("a file is named");
        Ok((overrides, limits))
    }

    #[test]
    fn tenants_inherit_what_they_do_not_say() {
        let directory = tempfile::tempdir().expect("a directory");
        let (a, b) = (directory.path().join("a.yaml"), directory.path().join("b.yaml"));
        fs::write(
            &a,
            "overrides:\n  one: {max_line_size: 1MB, ingestion_rate_mb: 20}\n  two: {retention_period: 744h}\n",
        )
        .expect("written");
        fs::write(&b, "overrides:\n  one: {ingestion_rate_mb: 30}\n").expect("written");
        let (_, limits) = overrides(&[&a, &b]).expect("valid");
        let one = limits_of(&limits, "one");
        assert_eq!((one.max_line_size, one.ingestion_rate_mb, one.max_query_series), (ByteSize::mib(1), 30.0, 100));
        assert_eq!(limits_of(&limits, "two").retention_period, Span::seconds(744 * 3600));
        assert_eq!(limits_of(&limits, "three").max_line_size, ByteSize::kib(256));
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_is_read_again_and_a_bad_one_changes_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.yaml");
        fs::write(&file, "overrides: {a: {max_query_series: 1}}\n").expect("written");
        let (overrides, limits) = overrides(&[&file]).expect("valid");
        let succeeded = overrides.succeeded.clone();
        assert_eq!((limits_of(&limits, "a").max_query_series, succeeded.get()), (1, 1));
        let stopping = CancellationToken::new();
        let watching = tokio::spawn(overrides.watch(stopping.clone()));
        let after = |text: Option<&str>| {
            match text {
                Some(text) => fs::write(&file, text).expect("written"),
                None => fs::remove_file(&file).expect("removed"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(1100))
        };
        after(Some("overrides: {a: {max_query_series: 2}}\n")).await;
        assert_eq!((limits_of(&limits, "a").max_query_series, succeeded.get()), (2, 1));
        for bad in [
            Some("overrides: {a: {max_query_serie: 3}}\n"),
            Some("overrides: [\n"),
            Some("overrides: {a: {retention_period: 1h}}\n"),
            None,
        ] {
            after(bad).await;
            assert_eq!((limits_of(&limits, "a").max_query_series, succeeded.get()), (2, 0), "{bad:?}");
        }
        after(Some("overrides: {}\n")).await;
        assert_eq!((limits_of(&limits, "a").max_query_series, succeeded.get()), (100, 1));
        stopping.cancel();
        watching.await.expect("it stops");
    }

    #[test]
    fn a_bad_file_stops_the_start_with_all_its_problems() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.yaml");
        fs::write(&file, "overrides:\n  a: {max_lin_size: 1}\n  b: {retention_stream: [{selector: x}]}\n")
            .expect("written");
        let problem = format!("{:#}", overrides(&[&file]).expect_err("bad"));
        assert!(
            problem.contains("did you mean overrides.a.max_line_size?")
                && problem.contains("overrides.b.retention_stream"),
            "{problem}"
        );
        assert!(overrides(&[&directory.path().join("none.yaml")]).is_err());
    }
}
