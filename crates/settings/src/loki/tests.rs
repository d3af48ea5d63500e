use serde_json::json;

use super::*;
use crate::tree;

fn read(text: &str) -> Translation {
    with(text, &[], &[])
}

fn with(text: &str, flags: &[(&str, &str)], environment: &[(&str, &str)]) -> Translation {
    let flags: Vec<_> = flags.iter().map(|(flag, value)| ((*flag).to_owned(), (*value).to_owned())).collect();
    let variable =
        |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    translate(tree::parse(text).expect("YAML"), &flags, &variable)
}

const SCHEMA: &str = "schema_config: {configs: [{from: 2024-01-01, store: aws, object_store: s3, index: {prefix: loki_, period: 24h}}]}\n";

fn storage(aws: &str) -> serde_json::Value {
    let translation = read(&format!("{SCHEMA}storage_config:\n  aws: {{{aws}}}\n"));
    assert_eq!(translation.problems, [""; 0], "{aws}");
    translation.settings.value()["storage"].clone()
}

fn problem(aws: &str) -> String {
    let translation = read(&format!("{SCHEMA}storage_config:\n  aws: {{{aws}}}\n"));
    assert_eq!(translation.problems.len(), 1, "{aws}: {:?}", translation.problems);
    translation.problems[0].clone()
}

#[test]
fn every_spelling_of_the_address_means_the_same() {
    let expected = json!({
        "bucket": "s3://logs/sigyn", "catalog": "dynamodb://eu-west-1/sigyn_loki_",
        "s3": {"region": "eu-west-1", "access_key_id": "KEY", "secret_access_key": "SE/CR+ET"},
        "dynamodb": {"access_key_id": "KEY", "secret_access_key": "SE/CR+ET"},
    });
    for aws in [
        "s3: 's3://KEY:SE/CR+ET@eu-west-1/logs', dynamodb: {dynamodb_url: 'dynamodb://KEY:SE/CR+ET@eu-west-1'}",
        "s3: 's3://KEY:SE%2FCR%2BET@eu-west-1/logs', dynamodb: {dynamodb_url: 'dynamodb://KEY:SE%2FCR%2BET@eu-west-1'}",
        "s3: 's3://KEY:SE/CR+ET@eu-west-1/logs', dynamodb: 'dynamodb://KEY:SE/CR+ET@eu-west-1'",
        "s3: 's3://KEY:SE/CR+ET@eu-west-1/logs', dynamodbconfig: {dynamodb: 'dynamodb://KEY:SE/CR+ET@eu-west-1'}",
        "bucketnames: logs, region: eu-west-1, access_key_id: KEY, secret_access_key: SE/CR+ET, dynamodb: {dynamodb_url: 'dynamodb://KEY:SE/CR+ET@eu-west-1'}",
        "bucketnames: logs, s3: 's3://KEY:SE/CR+ET@eu-west-1/other', dynamodb: {dynamodb_url: 'dynamodb://KEY:SE/CR+ET@dynamodb.eu-west-1.amazonaws.com'}",
    ] {
        assert_eq!(storage(aws), expected, "{aws}");
    }
    assert_eq!(
        storage("s3: s3://eu-west-1/logs, dynamodb: {dynamodb_url: 'dynamodb://eu-west-1'}"),
        json!({"bucket": "s3://logs/sigyn", "catalog": "dynamodb://eu-west-1/sigyn_loki_", "s3": {"region": "eu-west-1"}})
    );
}

#[test]
fn servers_of_other_people() {
    assert_eq!(
        storage(
            "bucketnames: logs, endpoint: 'minio:9000', insecure: true, s3forcepathstyle: true, region: x, dynamodb: {dynamodb_url: 'http://dynamo.local:8000'}"
        ),
        json!({
            "bucket": "s3://logs/sigyn", "catalog": "dynamodb://x/sigyn_loki_",
            "s3": {"region": "x", "endpoint": "http://minio:9000", "path_style": true},
            "dynamodb": {"endpoint": "http://dynamo.local:8000"},
        })
    );
    assert_eq!(storage("s3: 'http://a:b@minio.local:9000/logs/deep', region: x")["bucket"], "s3://logs/deep/sigyn");
    assert_eq!(storage("s3: 'inmemory:///x', region: x")["bucket"], "memory:");
    assert_eq!(storage("bucketnames: 'a,b', region: x, endpoint: s3.x.amazonaws.com")["s3"], json!({"region": "x"}));
    assert_eq!(
        storage("bucketnames: a, region: x, dynamodbconfig: {dynamodb: 'inmemory:///i'}"),
        json!({"bucket": "s3://a/sigyn", "s3": {"region": "x"}})
    );
}

#[test]
fn what_is_missing_is_named() {
    for (aws, expected) in [
        (
            "dynamodb: {dynamodb_url: 'dynamodb://x'}",
            "storage_config.aws.bucketnames is missing: segments are kept in a bucket; name one here, or in s3: s3://region/bucket",
        ),
        (
            "bucketnames: a",
            "storage_config.aws.dynamodb.dynamodb_url is missing, and no region is known; write dynamodb://REGION here, or set AWS_REGION",
        ),
        (
            "bucketnames: a, dynamodb: {dynamodb_url: 'dynamodb://'}",
            "line 3: storage_config.aws.dynamodb.dynamodb_url names no region; write dynamodb://REGION here, or set AWS_REGION",
        ),
        (
            "bucketnames: a, dynamodb: {dynamodb_url: 'dynamodb://dynamo.example'}",
            "line 3: storage_config.aws.dynamodb.dynamodb_url names a server and no region: an endpoint and a region are two settings; write storage_config.aws.region, or set AWS_REGION",
        ),
        (
            "bucketnames: a, region: x, access_key_id: K",
            "line 3: storage_config.aws.access_key_id is written without secret_access_key; write both, or neither to use the environment or a role",
        ),
        (
            "bucketnames: a, region: x, dynamodb: {dynamodb_url: KEY:SECRET}",
            "line 3: storage_config.aws.dynamodb.dynamodb_url is no address; write dynamodb://REGION",
        ),
        (
            "bucketnames: a, region: x, http_config: {insecure_skip_verify: true}",
            "line 3: storage_config.aws.http_config.insecure_skip_verify is not supported: certificates are always checked; give the server a certificate that the system trusts (SSL_CERT_FILE), or use http:// inside a trusted network",
        ),
    ] {
        assert_eq!(problem(aws), expected, "{aws}");
    }
    let translation =
        with(&format!("{SCHEMA}storage_config: {{aws: {{bucketnames: a}}}}\n"), &[], &[("AWS_REGION", "eu-west-1")]);
    assert_eq!(translation.settings.value()["storage"]["catalog"], "dynamodb://eu-west-1/sigyn_loki_");
}

#[test]
fn stores_are_known_by_name() {
    let catalog = |store: &str| {
        let text = format!(
            "schema_config: {{configs: [{{from: 2024-01-01, store: {store}, object_store: s3, index: {{prefix: i_}}}}]}}\nstorage_config: {{aws: {{s3: s3://r/b}}}}\n"
        );
        let translation = read(&text);
        (translation.settings.value()["storage"]["catalog"].as_str().map(str::to_owned), translation.problems)
    };
    for store in ["aws", "aws-dynamo", "dynamo", "dynamodb"] {
        assert_eq!(catalog(store), (Some("dynamodb://r/sigyn_i_".to_owned()), vec![]), "{store}");
    }
    for store in ["tsdb", "boltdb-shipper", "boltdb", "cassandra", "inmemory"] {
        assert_eq!(catalog(store), (None, vec![]), "{store}");
    }
    assert_eq!(
        catalog("dynamite").1,
        [
            "line 1: schema_config.configs[0].store is 'dynamite', which is no kind of index; write aws, aws-dynamo, dynamo, dynamodb, boltdb-shipper or tsdb"
        ]
    );
}

#[test]
fn other_object_stores() {
    let bucket = |object_store: &str, config: &str| {
        let text = format!(
            "schema_config: {{configs: [{{from: 2024-01-01, store: tsdb, object_store: {object_store}}}]}}\n{config}\n"
        );
        let translation = read(&text);
        assert_eq!(translation.problems, [""; 0], "{text}");
        translation.settings.value()["storage"].clone()
    };
    assert_eq!(bucket("gcs", "storage_config: {gcs: {bucket_name: a}}"), json!({"bucket": "gs://a/sigyn"}));
    assert_eq!(
        bucket("filesystem", "common: {storage: {filesystem: {chunks_directory: /loki/chunks, rules_directory: /r}}}"),
        json!({"bucket": "file:///loki/chunks/sigyn"})
    );
    assert_eq!(
        bucket("filesystem", "storage_config: {filesystem: {directory: chunks/}, object_prefix: a/}"),
        json!({"bucket": "file://./chunks/sigyn"})
    );
    assert_eq!(
        bucket("azure", "common: {storage: {azure: {account_name: n, account_key: k, environment: AzureChinaCloud}}}"),
        json!({"bucket": "az://loki/sigyn", "azure": {"account_name": "n", "account_key": "k", "endpoint": "https://n.blob.core.chinacloudapi.cn"}})
    );
    assert_eq!(
        bucket(
            "azure",
            "storage_config: {azure: {container_name: c, connection_string: 'DefaultEndpointsProtocol=https;AccountName=n;AccountKey=k==;EndpointSuffix=x'}}"
        ),
        json!({"bucket": "az://c/sigyn", "azure": {"account_name": "n", "account_key": "k=="}})
    );
    assert_eq!(
        bucket(
            "archive",
            "storage_config: {named_stores: {aws: {archive: {bucketnames: old, region: r}}}, object_prefix: p/}"
        ),
        json!({"bucket": "s3://old/p/sigyn", "s3": {"region": "r"}})
    );
    assert_eq!(
        bucket(
            "s3",
            "common: {storage: {object_store: {s3: {bucket_name: b, endpoint: minio, insecure: true, bucket_lookup_type: path}, storage_prefix: q}}}\nstorage_config: {use_thanos_objstore: true}"
        ),
        json!({"bucket": "s3://b/q/sigyn", "s3": {"endpoint": "http://minio", "path_style": true}})
    );
}

#[test]
fn units_and_tags() {
    let tables = |tables: &str| {
        let text = format!(
            "schema_config: {{configs: [{{from: 2024-01-01, store: aws, object_store: s3, index: {{prefix: i_, tags: {{team: a}}}}}}]}}\nstorage_config: {{aws: {{s3: s3://r/b}}}}\ntable_manager: {{index_tables_provisioning: {{{tables}}}}}\n"
        );
        let translation = read(&text);
        assert_eq!(translation.problems, [""; 0], "{text}");
        translation.settings.value()["storage"]["dynamodb"].clone()
    };
    assert_eq!(tables(""), json!({"tags": {"team": "a"}}));
    assert_eq!(
        tables("provisioned_write_throughput: 10, provisioned_read_throughput: 20, inactive_read_throughput: 1"),
        json!({"tags": {"team": "a"}, "billing": "provisioned", "write_units": 10, "read_units": 20})
    );
    for demand in [
        "enable_ondemand_throughput_mode: true, provisioned_write_throughput: 0, provisioned_read_throughput: 0",
        "provisioned_write_throughput: 0, provisioned_read_throughput: 0",
        "provisioned_write_throughput: 3000, write_scale: {enabled: true, min_capacity: 3000}",
    ] {
        assert_eq!(tables(demand), json!({"tags": {"team": "a"}, "billing": "on_demand"}), "{demand}");
    }
}

const TSDB: &str = "schema_config: {configs: [{from: 2024-01-01, store: tsdb, object_store: filesystem, index: {prefix: i_, period: 24h}}]}\nstorage_config: {filesystem: {directory: /d}}\n";

#[test]
fn retention_holds_only_when_loki_would_delete() {
    let settings = |more: &str| {
        let translation = read(&format!("{TSDB}{more}"));
        assert_eq!(translation.problems, [""; 0], "{more}");
        let settings = translation.settings.value();
        (
            settings["limits"]["retention_period"].as_str().map(str::to_owned),
            settings["backend"]["retention_enabled"].as_bool(),
        )
    };
    let week = Some("168h".to_owned());
    assert_eq!(
        settings("compactor: {retention_enabled: true}\nlimits_config: {retention_period: 168h}\n"),
        (week.clone(), None)
    );
    assert_eq!(settings("limits_config: {retention_period: 168h}\n"), (week.clone(), Some(false)));
    assert_eq!(settings("runtime_config: {file: x}\n"), (None, Some(false)));
    assert_eq!(settings("table_manager: {retention_deletes_enabled: true, retention_period: 168h}\n"), (week, None));
    assert_eq!(settings("table_manager: {retention_period: 168h}\n"), (None, None));
    assert_eq!(settings(""), (None, None));
    let streams = "limits_config: {retention_stream: [{selector: '{a=\"b\"}', period: 24h}]}\n";
    assert_eq!(settings(streams), (None, None));
    assert_eq!(read(&format!("{TSDB}{streams}compactor: {{retention_enabled: true}}\n")).problems.len(), 1);
}

#[test]
fn defaults_that_differ_are_written_out() {
    let translation = read(TSDB);
    let settings = translation.settings.value();
    assert_eq!(
        (&settings["auth_enabled"], &settings["server"]["http_listen_address"]),
        (&json!(true), &json!("0.0.0.0"))
    );
    assert_eq!(translation.old_periods, ["2024-01-01 to now: index tsdb, chunks filesystem"]);
}

#[test]
fn parts_have_new_names() {
    let target = |text: &str| {
        let translation = read(&format!("{TSDB}target: '{text}'\n"));
        translation.problems.first().cloned().ok_or(translation.settings.value()["target"].clone())
    };
    for (text, expected) in [
        ("all,table-manager", "all"),
        ("distributor", "write"),
        ("querier,query-frontend", "read"),
        ("compactor,index-gateway", "backend"),
        ("write,read", "write,read"),
    ] {
        assert_eq!(target(text), Err(json!(expected)), "{text}");
    }
    assert!(target("index-gateway").is_ok_and(|problem| problem.contains("do not start this process")));
    assert!(target("queryer").is_ok_and(|problem| problem.contains("no part of Loki")));
}

#[test]
fn lokis_flags_change_its_file() {
    let translation = with(
        &format!("{TSDB}server: {{log_level: warn}}\n"),
        &[
            ("auth.enabled", "false"),
            ("log.level", "debug"),
            ("server.http-listen-port", "3200"),
            ("limits.max-query-memory", "1GiB"),
        ],
        &[],
    );
    assert_eq!(translation.problems, [""; 0]);
    let settings = translation.settings.value();
    assert_eq!(settings["auth_enabled"], json!(false));
    assert_eq!(settings["log"], json!({"level": "debug"}));
    assert_eq!(settings["server"]["http_listen_port"], json!(3200));
    assert_eq!(settings["limits"], json!({"max_query_memory": "1GiB"}));
}

#[test]
fn two_indexes_at_once_are_refused() {
    let text = format!(
        "{SCHEMA}storage_config:\n  aws: {{s3: s3://r/b, dynamodb: {{dynamodb_url: 'dynamodb://r'}}}}\n  boltdb_shipper:\n    active_index_directory: /x\n"
    );
    let problems = read(&text).problems;
    assert_eq!(
        problems,
        [
            "line 5: storage_config.boltdb_shipper.active_index_directory is in the file beside storage_config.aws.dynamodb, but every period has its index in DynamoDB; remove the shipper's block"
        ]
    );
    // With a period for each it is a migration, as Loki's own pages describe it.
    let both = text.replace(
        "configs: [",
        "configs: [{from: 2023-01-01, store: boltdb-shipper, object_store: s3, index: {prefix: a_, period: 24h}}, ",
    );
    assert_eq!(read(&both).problems, [""; 0]);
}

#[test]
fn nothing_is_dropped_in_silence() {
    let translation = read(&format!(
        "{TSDB}ingester: {{chunk_idle_period: 1h, lifecycler: {{ring: {{kvstore: {{store: inmemory}}}}}}}}\nruler: {{alertmanager_url: http://a}}\nanalytics: {{reporting_enabled: false}}\nfrontend: {{downstream_url: ''}}\n"
    ));
    assert_eq!(translation.problems, [""; 0]);
    let told: Vec<&str> = translation.notes.iter().map(|note| note.key.as_str()).collect();
    for key in [
        "ingester.chunk_idle_period",
        "ingester.lifecycler.ring.kvstore.store",
        "ruler.alertmanager_url",
        "analytics.reporting_enabled",
        "frontend.downstream_url",
    ] {
        assert!(told.contains(&key), "{key}: {told:?}");
    }
}

#[test]
fn files_of_loki_are_told_apart() {
    let loki = |text: &str| is_loki(&tree::parse(text).expect("YAML"));
    assert!(loki(TSDB) && loki("limits_config: {}\n") && loki("schema_config: {}\nstorage: {}\n"));
    assert!(!loki("server: {}\ntarget: all\n") && !loki("storage: {}\nlimits_config: {}\n") && !loki(""));
}
