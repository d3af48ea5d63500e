//! Where new data goes: the object store of the last period, under `sigyn/` so that it stays apart from Loki's own objects.

use super::NoteKind;
use super::schema::Period;
use super::url::{Address, Host};
use super::work::Work;

/// What Sigyn's objects lie under in a bucket that Loki uses too.
const PREFIX: &str = "sigyn";

/// A block of settings for one object store, wherever it may be written; the first place that has a key wins.
struct Block {
    places: Vec<String>,
    /// Where to write a key that is missing.
    home: String,
}

impl Block {
    /// The path of the first place that has one of the keys.
    fn path(&self, work: &Work<'_>, keys: &[&str]) -> Option<String> {
        let paths = self.places.iter().flat_map(|place| keys.iter().map(move |key| format!("{place}.{key}")));
        // Every place is looked at, so that none counts as unread.
        let found: Vec<String> = paths.filter(|path| work.find(path).is_some()).collect();
        found.into_iter().next()
    }

    fn text(&self, work: &Work<'_>, keys: &[&str]) -> Option<(String, String)> {
        let path = self.path(work, keys)?;
        work.text(&path).map(|text| (path, text))
    }

    fn copy(&self, work: &mut Work<'_>, keys: &[&str], target: &str) {
        if let Some(path) = self.path(work, keys) {
            work.copy(&path, target);
        }
    }
}

pub(super) fn translate(work: &mut Work<'_>, period: &Period) {
    let key = format!("{}.object_store", period.path);
    let name = period.object_store.as_str();
    let Some((kind, block)) = choose(work, name) else {
        return work.problem(
            &key,
            format_args!("is '{name}', which is neither an object store nor one of storage_config.named_stores; write s3, gcs, azure or filesystem"),
        );
    };
    match kind {
        "aws" | "s3" | "aws-dynamo" => s3(work, &block, period),
        "gcs" => gcs(work, &block),
        "azure" => azure(work, &block),
        "filesystem" => directory(work, &block),
        "inmemory" => memory(work, &key, "inmemory keeps everything in this process: it is lost when the process ends"),
        "" => work.problem(&key, "is missing; write s3, gcs, azure or filesystem"),
        other => work.problem(
            &key,
            format_args!("is {other}, which is not supported; most such stores speak S3 as well: write object_store: s3 with storage_config.aws.endpoint"),
        ),
    }
}

/// The kind of an object store, and where its settings may be.
fn choose(work: &Work<'_>, name: &str) -> Option<(&'static str, Block)> {
    const KINDS: [(&str, &str, &str); 16] = [
        ("aws", "aws", "s3"),
        ("s3", "aws", "s3"),
        ("aws-dynamo", "aws", "s3"),
        ("gcs", "gcs", "gcs"),
        ("azure", "azure", "azure"),
        ("filesystem", "filesystem", "filesystem"),
        ("inmemory", "", ""),
        ("swift", "swift", "swift"),
        ("cos", "cos", "cos"),
        ("bos", "bos", "bos"),
        ("alibabacloud", "alibabacloud", "alibabacloud"),
        ("noop", "", ""),
        ("gcp", "", ""),
        ("gcp-columnkey", "", ""),
        ("cassandra", "", ""),
        ("", "", ""),
    ];
    let thanos = work.is_true("storage_config.use_thanos_objstore");
    if let Some((kind, own, shared)) = KINDS.iter().find(|(kind, _, _)| *kind == name) {
        let places = if thanos {
            vec![format!("storage_config.object_store.{shared}"), format!("common.storage.object_store.{shared}")]
        } else {
            vec![format!("storage_config.{own}"), format!("common.storage.{shared}")]
        };
        // Name the place the file already uses.
        let home = places.iter().find(|place| work.has(place)).unwrap_or(&places[0]).clone();
        return Some((kind, Block { places, home }));
    }
    let named = if thanos { "storage_config.object_store.named_stores" } else { "storage_config.named_stores" };
    KINDS.iter().find_map(|(kind, own, shared)| {
        let place = format!("{named}.{}.{name}", if thanos { shared } else { own });
        (!own.is_empty() && work.has(&place)).then(|| (*kind, Block { places: vec![place.clone()], home: place }))
    })
}

/// `scheme://bucket/…/sigyn`, below the prefix that Loki's own objects have.
fn set_bucket(work: &mut Work<'_>, scheme: &str, bucket: &str, from: &str) {
    let mut parts = vec![bucket.trim_matches('/').to_owned()];
    let prefixes = [
        "storage_config.object_prefix",
        "storage_config.object_store.storage_prefix",
        "common.storage.object_store.storage_prefix",
    ];
    if let Some(prefix) = prefixes.iter().find_map(|key| work.text(key)) {
        parts.push(prefix.trim_matches('/').to_owned());
    }
    parts.push(PREFIX.to_owned());
    work.set("storage.bucket", format!("{scheme}://{}", parts.join("/")), from);
}

fn memory(work: &mut Work<'_>, key: &str, why: &str) {
    work.set("storage.bucket", "memory:", key);
    work.note(NoteKind::Changed, key, why);
}

fn s3(work: &mut Work<'_>, block: &Block, period: &Period) {
    let url = block.text(work, &["s3"]);
    let address = match &url {
        None => None,
        Some((path, text)) => match Address::parse(text) {
            Ok(address) if address.scheme == "inmemory" => {
                return memory(
                    work,
                    path,
                    "inmemory:// keeps everything in this process: it is lost when the process ends",
                );
            }
            Ok(address) if matches!(address.scheme.as_str(), "s3" | "http" | "https") => Some((path.clone(), address)),
            Ok(address) => {
                return work.problem(
                    path,
                    format_args!("has the scheme '{}', which is not known; write s3://region/bucket", address.scheme),
                );
            }
            Err(why) => return work.problem(path, why),
        },
    };
    s3_bucket(work, block, address.as_ref(), period);
    s3_place(work, block, address.as_ref());
    s3_keys(work, block, address.as_ref());
    if block.path(work, &["s3forcepathstyle"]).is_some() {
        block.copy(work, &["s3forcepathstyle"], "storage.s3.path_style");
    } else if let Some((path, kind)) = block.text(work, &["bucket_lookup_type"])
        && matches!(kind.as_str(), "path" | "2")
    {
        work.set("storage.s3.path_style", true, &path);
    }
    block.copy(work, &["storage_class"], "storage.s3.storage_class");
    block.copy(work, &["backoff_config.max_retries", "max_retries"], "storage.s3.retries_max");
    if let Some((path, timeout)) = block.text(work, &["http_config.timeout"])
        && !timeout.starts_with('0')
    {
        work.copy(&path, "storage.s3.request_timeout");
    }
    encryption(work, block);
}

fn s3_bucket(work: &mut Work<'_>, block: &Block, address: Option<&(String, Address)>, period: &Period) {
    if let Some((path, names)) = block.text(work, &["bucketnames", "bucket_name"]) {
        let mut all = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let first = all.next().unwrap_or_default().to_owned();
        if all.next().is_some() {
            work.note(
                NoteKind::Changed,
                &path,
                format!("names several buckets, over which Loki spreads chunks; new data goes to the first, {first}"),
            );
        }
        return set_bucket(work, "s3", &first, &path);
    }
    match address {
        Some((path, address)) if !address.path.is_empty() => set_bucket(work, "s3", &address.path, path),
        _ => {
            let key = format!("{}.bucketnames", block.home);
            let why = if period.object_store == "aws-dynamo" {
                "is missing: DynamoDB keeps the catalog only, since its items hold at most 400 KB, and segments need a bucket; name one here"
            } else {
                "is missing: segments are kept in a bucket; name one here, or in s3: s3://region/bucket"
            };
            work.problem(&key, why);
        }
    }
    if period.object_store == "aws-dynamo" {
        work.note(
            NoteKind::Changed,
            &format!("{}.object_store", period.path),
            "Loki kept chunks in DynamoDB; new data goes to the bucket",
        );
    }
}

/// Region and endpoint.
fn s3_place(work: &mut Work<'_>, block: &Block, address: Option<&(String, Address)>) {
    let mut host = address.map(|(path, address)| (path.clone(), address.host("s3")));
    if let Some((path, endpoint)) = block.text(work, &["endpoint"]) {
        let insecure = block.path(work, &["insecure"]).is_some_and(|path| work.is_true(&path));
        let endpoint = match endpoint.contains("://") {
            true => endpoint,
            false => format!("{}://{endpoint}", if insecure { "http" } else { "https" }),
        };
        match Address::parse(&endpoint) {
            Ok(address) => {
                host = Some((
                    path,
                    match address.host("s3") {
                        // A single word is a server here, since the key says so.
                        Host::Region(name) => Host::Server(format!("{}://{name}", address.scheme)),
                        other => other,
                    },
                ));
            }
            Err(why) => work.problem(&path, why),
        }
    } else {
        // Read in any case: it changes nothing without an endpoint.
        block.path(work, &["insecure"]);
    }
    let region = block.text(work, &["region"]);
    match (&region, &host) {
        (Some((path, _)), _) => {
            let path = path.clone();
            work.copy(&path, "storage.s3.region");
        }
        (None, Some((path, Host::Region(region) | Host::Aws(Some(region))))) => {
            work.set("storage.s3.region", region.as_str(), path)
        }
        _ => {}
    }
    if let Some((path, Host::Server(server))) = &host {
        work.set("storage.s3.endpoint", server.as_str(), path);
    }
}

fn s3_keys(work: &mut Work<'_>, block: &Block, address: Option<&(String, Address)>) {
    const ID: &str = "storage.s3.access_key_id";
    const SECRET: &str = "storage.s3.secret_access_key";
    let (id, secret) = (block.path(work, &["access_key_id"]), block.path(work, &["secret_access_key"]));
    match (id, secret) {
        (Some(id), Some(secret)) => {
            work.copy(&id, ID);
            work.copy(&secret, SECRET);
        }
        (Some(id), None) => work.problem(
            &id,
            "is written without secret_access_key; write both, or neither to use the environment or a role",
        ),
        (None, Some(secret)) => work.problem(
            &secret,
            "is written without access_key_id; write both, or neither to use the environment or a role",
        ),
        (None, None) => {
            if let Some((path, Address { user: Some((id, secret)), .. })) = address {
                work.set(ID, id.as_str(), path);
                work.set(SECRET, secret.as_str(), path);
                work.note(
                    NoteKind::Changed,
                    path,
                    "holds a secret; keys are better kept in the environment, or in a role",
                );
            }
        }
    }
    block.copy(work, &["session_token"], "storage.s3.session_token");
}

fn encryption(work: &mut Work<'_>, block: &Block) {
    const TARGET: &str = "storage.s3.server_side_encryption";
    block.copy(work, &["sse.kms_key_id"], "storage.s3.kms_key_id");
    if let Some((path, kind)) = block.text(work, &["sse.type"]) {
        match kind.as_str() {
            "SSE-S3" => work.set(TARGET, "AES256", &path),
            "SSE-KMS" => work.set(TARGET, "aws:kms", &path),
            other => work.problem(&path, format_args!("is '{other}'; write SSE-S3 or SSE-KMS")),
        }
    }
    if let Some(path) = block.path(work, &["sse_encryption"])
        && work.is_true(&path)
    {
        work.set(TARGET, "AES256", &path);
    }
}

fn gcs(work: &mut Work<'_>, block: &Block) {
    match block.text(work, &["bucket_name"]) {
        Some((path, name)) => set_bucket(work, "gs", &name, &path),
        None => work.problem(
            &format!("{}.bucket_name", block.home),
            "is missing: segments are kept in a bucket; name one here",
        ),
    }
    block.copy(work, &["endpoint"], "storage.gcs.endpoint");
    block.copy(work, &["service_account"], "storage.gcs.service_account");
}

fn azure(work: &mut Work<'_>, block: &Block) {
    match block.text(work, &["container_name"]) {
        Some((path, name)) => set_bucket(work, "az", &name, &path),
        None => {
            let key = format!("{}.container_name", block.home);
            set_bucket(work, "az", "loki", &key);
            work.note(NoteKind::Changed, &key, "is missing and taken to be loki, as Loki does");
        }
    }
    for key in ["account_name", "account_key", "client_id", "client_secret", "tenant_id"] {
        block.copy(work, &[key], &format!("storage.azure.{key}"));
    }
    connection_string(work, block);
    azure_endpoint(work, block);
}

/// `AccountName=…;AccountKey=…;BlobEndpoint=…`
fn connection_string(work: &mut Work<'_>, block: &Block) {
    let Some((path, text)) = block.text(work, &["connection_string"]) else { return };
    for part in text.split(';') {
        let Some((name, value)) = part.split_once('=') else { continue };
        match name.trim() {
            "AccountName" => work.set("storage.azure.account_name", value, &path),
            "AccountKey" => work.set("storage.azure.account_key", value, &path),
            "BlobEndpoint" => work.set("storage.azure.endpoint", value, &path),
            "DefaultEndpointsProtocol" | "EndpointSuffix" => {}
            _ => work.problem(&path, "has parts other than AccountName, AccountKey and BlobEndpoint; write account_name and account_key instead"),
        }
    }
}

/// Clouds other than the public one have names of their own.
fn azure_endpoint(work: &mut Work<'_>, block: &Block) {
    let suffix = block.text(work, &["endpoint_suffix"]);
    let cloud = block.text(work, &["environment"]);
    let (path, suffix) = match (suffix, cloud) {
        (Some((path, suffix)), _) => (path, suffix),
        (None, Some((path, cloud))) => match cloud.as_str() {
            "AzureGlobal" => return,
            "AzureChinaCloud" => (path, "blob.core.chinacloudapi.cn".to_owned()),
            "AzureUSGovernment" => (path, "blob.core.usgovcloudapi.net".to_owned()),
            "AzureGermanCloud" => (path, "blob.core.cloudapi.de".to_owned()),
            other => {
                return work
                    .problem(&path, format_args!("is '{other}', which is no cloud of Azure; write endpoint_suffix"));
            }
        },
        (None, None) => return,
    };
    match block.text(work, &["account_name"]) {
        Some((_, account)) => {
            work.set("storage.azure.endpoint", format!("https://{account}.{}", suffix.trim_start_matches('.')), &path)
        }
        None => work.problem(&path, "needs account_name beside it"),
    }
}

fn directory(work: &mut Work<'_>, block: &Block) {
    match block.text(work, &["directory", "chunks_directory", "dir"]) {
        Some((path, directory)) => {
            let directory = directory.trim_end_matches('/');
            let root = if directory.starts_with(['/', '.']) { String::new() } else { "./".to_owned() };
            work.set("storage.bucket", format!("file://{root}{directory}/{PREFIX}"), &path);
        }
        None => {
            work.problem(&format!("{}.directory", block.home), "is missing: write the directory that data is kept in")
        }
    }
}
