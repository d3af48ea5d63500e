use serde_json::json;

use super::*;
use crate::tree;

fn read(text: &str) -> Values {
    translate(&tree::parse(text).expect("YAML"), &|_| None)
}

#[test]
fn a_single_binary_on_a_disk() {
    let values = read(
        "deploymentMode: SingleBinary\nloki:\n  auth_enabled: false\n  commonConfig: {replication_factor: 1}\n  storage: {type: filesystem}\n  useTestSchema: true\n\
         singleBinary: {replicas: 1, persistence: {size: 10Gi}, resources: {limits: {memory: 1Gi}}}\nwrite: {replicas: 0}\nread: {replicas: 0}\nbackend: {replicas: 0}\nchunksCache: {enabled: false}\nresultsCache: {allocatedMemory: 500}\n",
    );
    assert_eq!(values.problems, [""; 0]);
    assert_eq!(
        values.values.value(),
        json!({"deployment": "single", "single": {"replicas": 1, "persistence": {"size": "10Gi"}, "resources": {"limits": {"memory": "1Gi"}}}})
    );
    assert_eq!(values.config.value()["storage"], json!({"bucket": "file:///var/lib/sigyn"}));
    assert_eq!(values.config.value()["auth_enabled"], json!(false));
    let told = |key: &str| values.notes.iter().any(|note| note.key.starts_with(key));
    assert!(told("resultsCache") && !told("chunksCache") && told("common.replication_factor"), "{:?}", values.notes);
}

const SCALABLE: &str = "\
loki:
  schemaConfig:
    configs:
      - {from: 2024-04-01, store: aws, object_store: s3, schema: v13, index: {prefix: loki_, period: 24h}}
  storage:
    type: s3
    bucketNames: {chunks: my-chunks, ruler: my-rules, admin: my-admin}
    s3: {region: eu-west-1, accessKeyId: '${KEY}', secretAccessKey: hunter2}
  storage_config: {aws: {dynamodb: {dynamodb_url: dynamodb://eu-west-1}}}
  limits_config: {ingestion_rate_mb: 20}
  structuredConfig: {limits_config: {max_line_size: 1MB}, ingester: {chunk_idle_period: 1h}}
serviceAccount: {annotations: {'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/x'}}
write: {replicas: 3, autoscaling: {enabled: true, maxReplicas: 6}, extraEnvFrom: [{secretRef: {name: s}}], extraArgs: ['-config.expand-env=true'], persistence: {size: 1Gi}}
read: {replicas: 2, extraEnvFrom: [{secretRef: {name: s}}]}
backend: {replicas: 2}
gateway: {enabled: true, basicAuth: {enabled: true}, ingress: {enabled: true, hosts: [{host: loki.example.com, paths: [{path: /}]}]}}
lokiCanary: {enabled: true}
monitoring: {serviceMonitor: {enabled: true}, selfMonitoring: {enabled: true}}
";

#[test]
fn a_scalable_one_on_s3_and_dynamodb() {
    let values = read(SCALABLE);
    assert_eq!(values.problems, [""; 0]);
    assert_eq!(
        values.values.value(),
        json!({
            "deployment": "scalable",
            "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}},
            "write": {"replicas": 3, "autoscaling": {"enabled": true, "maxReplicas": 6}},
            "read": {"replicas": 2}, "backend": {"replicas": 2},
            "ingress": {"enabled": true, "hosts": ["loki.example.com"]},
            "canary": {"enabled": true}, "serviceMonitor": {"enabled": true},
            "extraEnvFrom": [{"secretRef": {"name": "s"}}],
        })
    );
    let config = values.config.value();
    assert_eq!(config["storage"]["bucket"], "s3://my-chunks/sigyn");
    assert_eq!(config["storage"]["catalog"], "dynamodb://eu-west-1/sigyn_loki_");
    assert_eq!(config["limits"], json!({"ingestion_rate_mb": 20, "max_line_size": "1MB"}));
    let told: Vec<&str> = values.notes.iter().map(|note| note.key.as_str()).collect();
    for key in [
        "gateway.basicAuth",
        "write.persistence",
        "ingester.chunk_idle_period",
        "monitoring.selfMonitoring",
        "loki.storage.bucketNames.ruler",
    ] {
        assert!(told.contains(&key), "{key} in {told:?}");
    }
    let text = values.print();
    assert!(
        text.contains("access_key_id: \"${KEY}\"") && text.contains("secret_access_key: ${S3_SECRET_ACCESS_KEY}"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
    let printed = tree::parse(&text).expect("YAML").value();
    assert_eq!(printed["config"]["storage"]["catalog"], "dynamodb://eu-west-1/sigyn_loki_");
}

#[test]
fn misplaced_keys_are_refused_with_their_place() {
    let values = read(
        "schema_config: {configs: []}\nstorage_config: {aws: {}}\ntable_manager: {}\ntableManager: {enabled: true}\nloki: {storage: {type: s3}, schema_config: {}}\nwirte: {}\n",
    );
    for problem in [
        "line 1: unknown key schema_config, did you mean loki.schemaConfig?",
        "line 2: unknown key storage_config, did you mean loki.storage_config?",
        "line 3: unknown key table_manager, did you mean tableManager?",
        "line 5: unknown key loki.schema_config, did you mean loki.schemaConfig?",
        "line 6: unknown key wirte, did you mean write?",
        "loki.storage.bucketNames.chunks is missing: segments are kept in a bucket; name one here, or in s3: s3://region/bucket",
    ] {
        assert!(values.problems.iter().any(|told| told == problem), "{problem} in {:#?}", values.problems);
    }
}
