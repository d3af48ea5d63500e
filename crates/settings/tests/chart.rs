//! What comes of values of Loki's chart fits the schema of Sigyn's, which refuses whatever it does not know.

use std::path::Path;

use serde_json::Value;
use sigyn_settings::{helm, tree};

const EVERYTHING: &str = "\
nameOverride: logs
imagePullSecrets: [{name: pull}]
deploymentMode: SimpleScalable
global: {priorityClassName: high, extraEnvFrom: [{secretRef: {name: s}}]}
serviceAccount: {create: true, name: sa, annotations: {a: b}, automountServiceAccountToken: true}
loki:
  storage: {type: s3, bucketNames: {chunks: c}, s3: {region: eu-west-1, accessKeyId: k, secretAccessKey: hidden, s3ForcePathStyle: false}}
  podAnnotations: {a: b}
  podLabels: {c: d}
  server: {http_listen_port: 3100, grpc_listen_port: 9095}
  limits_config: {retention_period: 744h, max_line_size: 1MB}
  compactor: {retention_enabled: true, delete_request_store: s3}
  querier: {max_concurrent: 4}
write: &part {replicas: 3, resources: {requests: {cpu: 1}}, nodeSelector: {x: y}, tolerations: [], affinity: {}, extraEnv: [{name: A, value: b}], topologySpreadConstraints: [], autoscaling: {enabled: true, minReplicas: 2, maxReplicas: 5, targetCPUUtilizationPercentage: 60, behavior: {}}}
read: *part
backend: *part
ingress: {enabled: true, ingressClassName: nginx, annotations: {a: b}, hosts: [logs.example.com], tls: [{hosts: [logs.example.com], secretName: t}]}
networkPolicy: {enabled: true, flavor: kubernetes}
lokiCanary: {enabled: true, resources: {}, nodeSelector: {}, tolerations: []}
monitoring: {serviceMonitor: {enabled: true, interval: 15s, labels: {a: b}}, dashboards: {enabled: true, labels: {a: b}, annotations: {a: b}}, rules: {enabled: true, labels: {a: b}}}
";

const SINGLE: &str = "\
deploymentMode: SingleBinary
loki: {storage: {type: filesystem}, auth_enabled: false}
singleBinary: {replicas: 1, persistence: {size: 10Gi, storageClass: fast, accessModes: [ReadWriteOnce], annotations: {a: b}}, autoscaling: {enabled: false}}
";

/// Every place where a value does not fit.
fn misfits(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        _ => "number",
    };
    let fits = |allowed: &str| allowed == kind || (allowed == "integer" && kind == "number");
    match &schema["type"] {
        Value::String(allowed) if !fits(allowed) => found.push(format!("{path} is no {allowed}")),
        Value::Array(allowed) if !allowed.iter().filter_map(Value::as_str).any(fits) => {
            found.push(format!("{path} is a {kind}"));
        }
        _ => {}
    }
    if let Value::Array(allowed) = &schema["enum"]
        && !allowed.contains(value)
    {
        found.push(format!("{path} is {value}"));
    }
    if let (Value::String(pattern), Value::String(text)) = (&schema["pattern"], value)
        && !regex::Regex::new(pattern).expect("a pattern").is_match(text)
    {
        found.push(format!("{path} does not match {pattern}"));
    }
    if let Value::Array(choices) = &schema["anyOf"] {
        let fits = |choice: &Value| {
            let mut found = Vec::new();
            misfits(choice, value, path, &mut found);
            found.is_empty()
        };
        if !choices.iter().any(fits) {
            found.push(format!("{path} fits none of its kinds"));
        }
    }
    let Value::Object(members) = value else { return };
    for (key, value) in members {
        let path = format!("{path}.{key}");
        match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Value::Null, Value::Bool(false)) => found.push(format!("{path} is unknown")),
            (Value::Null, open) => misfits(open, value, &path, found),
            (schema, _) => misfits(schema, value, &path, found),
        }
    }
}

#[test]
fn values_fit_the_schema_of_the_chart() {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/helm/sigyn/values.schema.json");
    let schema = std::fs::read_to_string(chart).expect("the schema");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let mut broken = Vec::new();
    misfits(
        &schema,
        &serde_json::json!({"config": {"storge": {}}, "single": {"replicas": "x"}}),
        "values",
        &mut broken,
    );
    assert_eq!(broken, ["values.config.storge is unknown", "values.single.replicas is no integer"]);
    for text in [EVERYTHING, SINGLE] {
        let values = helm::translate(&tree::parse(text).expect("YAML"), &|_| None);
        assert_eq!(values.problems, [""; 0]);
        let printed = tree::parse(&values.print()).expect("YAML").value();
        let mut found = Vec::new();
        misfits(&schema, &printed, "values", &mut found);
        assert_eq!(found, [""; 0], "{}", values.print());
    }
}
