//! Files that are written from the code: the reference of all settings, from the doc comments of the `Config` structs,
//! and the schema of the Helm chart's values.

pub(crate) mod schema;
mod types;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) const PAGE: &str = "docs/configuration.md";

/// A section of the file: its name, where its struct is, and a sentence.
struct Section {
    name: &'static str,
    file: &'static str,
    structure: &'static str,
    about: &'static str,
}

const SECTIONS: [Section; 14] = [
    Section { name: "", file: "crates/sigyn/src/config.rs", structure: "Config", about: "At the top of the file." },
    Section {
        name: "server",
        file: "crates/sigyn/src/config.rs",
        structure: "ServerConfig",
        about: "The HTTP server.",
    },
    Section {
        name: "cluster",
        file: "crates/sigyn/src/config/cluster.rs",
        structure: "ClusterConfig",
        about: "How this process is known to the others on the same catalog; see [multi-cluster.md](operations/multi-cluster.md).",
    },
    Section {
        name: "storage",
        file: "crates/storage/src/config.rs",
        structure: "StorageConfig",
        about: "Where data and catalog live.",
    },
    Section {
        name: "storage.s3",
        file: "crates/storage/src/config/s3.rs",
        structure: "S3Config",
        about: "How to reach an S3 bucket, when `storage.bucket` is `s3://…`.",
    },
    Section {
        name: "storage.gcs",
        file: "crates/storage/src/config/gcs.rs",
        structure: "GcsConfig",
        about: "How to reach Google Cloud Storage, when `storage.bucket` is `gs://…`.",
    },
    Section {
        name: "storage.azure",
        file: "crates/storage/src/config/azure.rs",
        structure: "AzureConfig",
        about: "How to reach Azure Blob Storage, when `storage.bucket` is `az://…`.",
    },
    Section {
        name: "storage.dynamodb",
        file: "crates/storage/src/config/dynamodb.rs",
        structure: "DynamoDbConfig",
        about: "How to reach and keep the catalog's table, when `storage.catalog` is `dynamodb://…`.",
    },
    Section {
        name: "write",
        file: "crates/write/src/config.rs",
        structure: "WriteConfig",
        about: "When pushes become an object. The defaults suit a local disk.",
    },
    Section { name: "read", file: "crates/read/src/config.rs", structure: "ReadConfig", about: "Queries and caches." },
    Section {
        name: "backend",
        file: "crates/backend/src/config.rs",
        structure: "BackendConfig",
        about: "Background work: compaction, retention, garbage collection.",
    },
    Section {
        name: "runtime_config",
        file: "crates/sigyn/src/config.rs",
        structure: "RuntimeConfig",
        about: "Limits of single tenants, in a file that is read again while the process runs.",
    },
    Section {
        name: "log",
        file: "crates/sigyn/src/config.rs",
        structure: "LogConfig",
        about: "What the process says on standard error.",
    },
    Section {
        name: "limits",
        file: "crates/model/src/limits.rs",
        structure: "Limits",
        about: "What a tenant may do, under the names and with the defaults of Loki's `limits_config`.",
    },
];

const HEAD: &str = "\
# Configuration

<!-- Written by `make codegen` from the doc comments of the code; change it there. -->

Settings are YAML, in the file that `-config.file=FILE` names; everything has a default.
Each key is also a flag: `-server.http-listen-port=3200` sets `http_listen_port` under `server`, and a flag wins over the file.
`${VAR}` and `${VAR:default}` in the file are replaced from the environment.

Unknown keys are refused, all problems are told at once, and `-verify-config` or `sigyn config check FILE` tells them without starting.
`sigyn config show FILE` prints the settings in force, each with where it comes from; `GET /config` and `-print-config-stderr` print them as a running process has them.
Secrets are masked everywhere.

A configuration of Loki is read as it is; [migrate-from-loki.md](migrate-from-loki.md) tells what becomes of its keys.

Durations are written `250ms`, `1h30m`, `7d`; sizes `512KB`, `64MiB`, or plain bytes, and KB, MB and so on are powers of 1024, as in Loki.
";

pub(crate) fn run(_args: &Args) -> Result<()> {
    let root = crate::root();
    fs::write(root.join(PAGE), configuration_page(root)?).with_context(|| format!("writing {PAGE}"))?;
    fs::write(root.join(schema::FILE), schema::values_schema(root)?)
        .with_context(|| format!("writing {}", schema::FILE))?;
    println!("wrote {PAGE} and {}", schema::FILE);
    Ok(())
}

/// The whole text of [`PAGE`].
pub(crate) fn configuration_page(root: &Path) -> Result<String> {
    let mut page = HEAD.to_owned();
    for section in &SECTIONS {
        let source =
            fs::read_to_string(root.join(section.file)).with_context(|| format!("reading {}", section.file))?;
        let title = if section.name.is_empty() { "Top level" } else { section.name };
        page.push_str(&format!("\n## {title}\n\n{}\n\n| key | meaning |\n|---|---|\n", section.about));
        let keys = keys(&source, section.structure);
        if keys.is_empty() {
            bail!("{} has no struct {} with keys", section.file, section.structure);
        }
        for (key, meaning) in keys {
            page.push_str(&format!("| `{key}` | {} |\n", meaning.replace('|', "\\|")));
        }
    }
    Ok(page)
}

/// Fields of a struct with their doc comments; those without are sections of their own.
fn keys(source: &str, structure: &str) -> Vec<(String, String)> {
    let opening = format!("struct {structure} {{");
    let body = source.lines().skip_while(|line| !line.ends_with(&opening)).skip(1).take_while(|line| *line != "}");
    let (mut keys, mut doc) = (Vec::new(), Vec::new());
    for line in body.map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
        } else if let Some((name, _)) = line.split_once(": ") {
            let name = name.rsplit(' ').next().unwrap_or(name);
            if !doc.is_empty() {
                keys.push((name.to_owned(), doc.join(" ")));
            }
            doc.clear();
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fields_with_their_comments() {
        let source = "/// A.\npub struct A {\n    // Part.\n    /// One\n    /// thing.\n    pub(crate) one: u8,\n    pub two: B,\n}\nstruct B {\n    /// No.\n    x: u8,\n}\n";
        assert_eq!(keys(source, "A"), [("one".to_owned(), "One thing.".to_owned())]);
        assert_eq!(keys(source, "C"), []);
    }
}
