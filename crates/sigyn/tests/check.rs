//! `sigyn check` against real servers over HTTP.

use std::process::Command;

use sigyn_servers::{ACCESS_KEY_ID, DynamoDbServer, S3Server, SECRET_ACCESS_KEY};

/// Runs the binary away from the surroundings of this machine; gives status, what it printed and what it complained of.
fn sigyn(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sigyn"))
        .args(arguments)
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("S3_SECRET", SECRET_ACCESS_KEY)
        .output()
        .expect("the binary runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

struct World {
    s3: S3Server,
    _dynamodb: DynamoDbServer,
    directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let s3 = S3Server::start("logs").await.expect("it starts");
        let dynamodb = DynamoDbServer::start().await.expect("it starts");
        let directory = tempfile::tempdir().expect("a directory");
        let settings = format!(
            "storage:\n  bucket: s3://logs/sigyn\n  catalog: dynamodb://eu-west-1/sigyn_\n  s3:\n    endpoint: {}\n    region: us-east-1\n    access_key_id: {ACCESS_KEY_ID}\n    secret_access_key: ${{S3_SECRET}}\n  dynamodb:\n    endpoint: {}\n",
            s3.endpoint(),
            dynamodb.endpoint(),
        );
        std::fs::write(directory.path().join("sigyn.yaml"), settings).expect("it can be written");
        Self { s3, _dynamodb: dynamodb, directory }
    }

    fn file(&self) -> String {
        self.directory.path().join("sigyn.yaml").display().to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_check_is_a_line_and_the_bill_follows() {
    let world = World::new().await;
    let file = world.file();
    let (code, out, problems) = sigyn(&["check", "--ingest-mb-s=10", &file]);
    assert_eq!((code, problems.as_str()), (Some(0), ""), "{out}");
    for expected in [
        "ok    bucket: settings",
        "region us-east-1 (from storage.s3.region), credentials of storage.s3.access_key_id",
        "ok    bucket: put",
        "ok    bucket: get",
        "ok    bucket: delete",
        "ok    catalog",
        "DynamoDB table sigyn_catalog",
        "region eu-west-1 (from storage.catalog)",
        "A month in US East (N. Virginia)",
        "DynamoDB write units",
    ] {
        assert!(out.contains(expected), "{expected}\nis not in\n{out}");
    }
    assert!(world.s3.keys("").is_empty(), "nothing is left behind");
    let (code, out, _) = sigyn(&["check", &file, "-target=read"]);
    assert_eq!((code, out.contains("ok    bucket: list"), out.contains("put")), (Some(0), true, false), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_ends_it_with_the_remedy() {
    let world = World::new().await;
    let file = world.file();
    let (code, out, problems) = sigyn(&["check", &file, "-storage.bucket=s3://nowhere"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.contains("FAIL  bucket: put") && out.contains("it does not exist; create it, or correct storage.bucket")
    );
    assert_eq!(problems, "sigyn: the storage does not work (bucket: put)\n");
    let (code, out, problems) = sigyn(&["check", &file, "-storage.s3.secret-access-key=plant/ed+"]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("the credentials are refused (SignatureDoesNotMatch); check storage.s3.access_key_id"),
        "{out}"
    );
    assert!(!out.contains("plant/ed+") && !problems.contains("plant/ed+"));
    let (code, out, _) = sigyn(&["check", "-storage.bucket=s3://logs"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("no region: set storage.s3.region or AWS_REGION"), "{out}");
}

#[test]
fn an_estimate_needs_no_storage() {
    let arguments = ["check", "--estimate-only", "--ingest-mb-s=5", "-storage.bucket=s3://nowhere"];
    let (code, out, problems) = sigyn(&arguments);
    assert_eq!((code, problems.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("S3 puts") && !out.contains("DynamoDB"), "the catalog is in the bucket:\n{out}");
    let (code, _, problems) = sigyn(&["check", "--estimate-only", "--ingest-mb-s=5", "--price-region=mars-1"]);
    assert_eq!(code, Some(1));
    assert!(problems.contains("no prices for region mars-1; give some with --prices"), "{problems}");
    let (code, _, problems) = sigyn(&["check", "--estimate-only"]);
    assert_eq!((code, problems.contains("--ingest-mb-s")), (Some(2), true), "{problems}");
}
