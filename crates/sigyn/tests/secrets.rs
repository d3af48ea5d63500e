//! Planted secrets are searched for in everything that the binary prints, logs and answers.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// With a slash, a plus and a percent-encoded slash, so that whatever cuts an address at one of them leaves a piece.
const PIECES: [&str; 3] = ["hunTer2a", "hunTer2b", "hunTer2c"];
const SECRET: &str = "hunTer2a/hunTer2b+hunTer2c";

fn run(arguments: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_sigyn")).args(arguments).stdin(Stdio::null()).output().expect("it runs");
    String::from_utf8([output.stdout, output.stderr].concat()).expect("output is UTF-8")
}

#[track_caller]
fn assert_hidden(what: &str, told: &str) {
    for piece in PIECES {
        assert!(!told.contains(piece), "{what} shows {piece}:\n{told}");
    }
}

/// Files of both forms, whole and broken, with the secret wherever one may be.
fn files() -> Vec<(&'static str, String)> {
    let schema = "schema_config: {configs: [{from: 2024-01-01, store: aws, object_store: s3, index: {prefix: i_, period: 24h}}]}\n";
    let encoded = SECRET.replace('/', "%2F").replace('+', "%2B");
    let own = |rest: &str| format!("storage:\n  bucket: 'memory:'\n{rest}");
    let loki = |rest: &str| format!("{schema}storage_config:\n  aws:\n{rest}");
    vec![
        (
            "keys",
            own(&format!(
                "  s3: {{access_key_id: K{SECRET}, secret_access_key: {SECRET}, session_token: {SECRET}}}\n  dynamodb: {{access_key_id: {SECRET}, secret_access_key: {SECRET}}}\n  azure: {{account_key: {SECRET}, client_secret: {SECRET}}}\n  gcs: {{service_account: '{{\"private_key\": \"{SECRET}\"}}'}}\n"
            )),
        ),
        ("bucket address", format!("storage:\n  bucket: s3://KEY:{SECRET}@eu-west-1/b\n")),
        ("catalog address", own(&format!("  catalog: dynamodb://KEY:{SECRET}@eu-west-1/x_\n"))),
        ("endpoint", own(&format!("  s3: {{endpoint: 'http://KEY:{SECRET}@minio:9000'}}\n"))),
        ("secret of the wrong type", own(&format!("  s3: {{secret_access_key: [{SECRET}]}}\n"))),
        ("secret as a section", own(&format!("  s3: {{secret_access_key: {{x: {SECRET}}}}}\n"))),
        ("broken", own(&format!("  s3:\n    secret_access_key: {SECRET}\n   region: x\n"))),
        ("not closed", own(&format!("  s3: {{secret_access_key: '{SECRET}\n"))),
        ("twice", own(&format!("  s3: {{secret_access_key: {SECRET}, secret_access_key: {SECRET}}}\n"))),
        (
            "loki address",
            loki(&format!(
                "    s3: s3://KEY:{SECRET}@eu-west-1/b\n    dynamodb: {{dynamodb_url: 'dynamodb://KEY:{SECRET}@eu-west-1'}}\n"
            )),
        ),
        (
            "loki address encoded",
            loki(&format!(
                "    s3: s3://KEY:{encoded}@eu-west-1/b\n    dynamodb: {{dynamodb_url: 'dynamodb://KEY:{encoded}@eu-west-1'}}\n"
            )),
        ),
        (
            "loki address in memory",
            loki(&format!(
                "    s3: inmemory://KEY:{SECRET}@x/b\n    dynamodb: {{dynamodb_url: 'inmemory://KEY:{SECRET}@x'}}\n"
            )),
        ),
        (
            "loki address without a scheme",
            loki(&format!("    s3: KEY:{SECRET}@eu-west-1/b\n    dynamodb: 'KEY:{SECRET}@eu-west-1'\n")),
        ),
        (
            "loki address of another scheme",
            loki(&format!(
                "    s3: s4://KEY:{SECRET}@eu-west-1/b\n    dynamodbconfig: {{dynamodb: 'x://KEY:{SECRET}@eu-west-1'}}\n"
            )),
        ),
        (
            "loki keys",
            loki(&format!(
                "    bucketnames: b\n    region: r\n    access_key_id: {SECRET}\n    secret_access_key: {SECRET}\n    session_token: {SECRET}\n"
            )),
        ),
        ("loki half a pair", loki(&format!("    bucketnames: b\n    secret_access_key: {SECRET}\n"))),
        ("loki broken", loki(&format!("    s3: s3://KEY:{SECRET}@eu-west-1/b\n   x: y\n"))),
        (
            "loki kept elsewhere",
            loki(&format!(
                "    bucketnames: b\n    region: r\nruler: {{alertmanager_client: {{basic_auth_password: {SECRET}}}, storage: {{s3: {{s3: 's3://KEY:{SECRET}@x/y'}}}}}}\nmemberlist: {{}}\nchunk_store_config: {{chunk_cache_config: {{redis: {{password: {SECRET}}}}}}}\n"
            )),
        ),
        (
            "loki azure",
            format!(
                "{}storage_config: {{azure: {{connection_string: 'AccountName=a;AccountKey={SECRET};Nonsense=1'}}}}\n",
                schema.replace("s3", "azure").replace("aws", "tsdb")
            ),
        ),
        (
            "loki server",
            loki(&format!("    bucketnames: b\n    region: r\nserver: {{http_tls_config: {{key: {SECRET}}}}}\n")),
        ),
        (
            "values",
            format!(
                "loki:\n  storage: {{bucketNames: {{chunks: b}}, s3: {{region: r, accessKeyId: {SECRET}, secretAccessKey: {SECRET}, s3: 's3://KEY:{SECRET}@r/b'}}}}\n  structuredConfig: {{storage_config: {{aws: {{secret_access_key: {SECRET}}}}}}}\nminio: {{rootPassword: {SECRET}}}\ngateway: {{basicAuth: {{password: {SECRET}}}}}\n"
            ),
        ),
    ]
}

#[test]
fn commands_show_no_secret() {
    let directory = tempfile::tempdir().expect("a directory");
    for (what, text) in files() {
        let path = directory.path().join("file.yaml").display().to_string();
        std::fs::write(&path, &text).expect("written");
        let flag = format!("-config.file={path}");
        for arguments in [
            &["config", "check", &path][..],
            &["config", "show", &path],
            &["config", "translate", &path],
            &["config", "from-loki-values", &path],
            &[&flag, "-verify-config"],
            &[&flag, "-config.expand-env=true", "-verify-config"],
        ] {
            assert_hidden(&format!("{what} {arguments:?}"), &run(arguments));
        }
    }
}

#[test]
fn flags_show_no_secret() {
    let address = format!("-storage.bucket=s3://KEY:{SECRET}@eu-west-1/b");
    let secret = format!("-storage.s3.secret-access-key={SECRET}");
    let misspelt = format!("-storage.s3.secret-access-kee={SECRET}");
    let list = format!("-storage.s3.secret-access-key=[{SECRET}]");
    for flag in [&address, &secret, &misspelt, &list] {
        assert_hidden(flag.split('=').next().unwrap_or_default(), &run(&[flag, "-verify-config"]));
    }
}

#[test]
fn a_running_server_shows_no_secret() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("sigyn.yaml");
    std::fs::write(&path, files().remove(0).1).expect("written");
    let (log, answers) = serve(&path);
    assert_hidden("the log", &log);
    for (path, answer) in answers {
        assert_hidden(path, &answer);
        assert!(path != "/config" || answer.contains("secret_access_key: \"********\""), "{answer}");
    }
}

#[test]
fn a_server_with_a_file_of_loki_shows_no_secret() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("loki.yaml");
    let in_memory = files().into_iter().find(|(what, _)| *what == "loki address in memory").expect("it is there").1;
    std::fs::write(&path, in_memory + &format!("ruler: {{alertmanager_client: {{basic_auth_password: {SECRET}}}}}\n"))
        .expect("written");
    let (log, answers) = serve(&path);
    assert!(log.contains("lost when the process ends"), "{log}");
    assert_hidden("the log", &log);
    for (path, answer) in answers {
        assert_hidden(path, &answer);
    }
}

/// Everything that a server logs at its most talkative, and what its pages say.
fn serve(config: &Path) -> (String, Vec<(&'static str, String)>) {
    let flag = format!("-config.file={}", config.display());
    let flags = [
        &flag,
        "-server.http-listen-port=0",
        "-server.http-listen-address=127.0.0.1",
        "-log.level=debug",
        "-print-config-stderr",
    ];
    let mut child = Command::new(env!("CARGO_BIN_EXE_sigyn"))
        .args(flags)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("standard error is piped"));
    let mut log = String::new();
    while !log.contains("sigyn is ready") {
        assert_ne!(stderr.read_line(&mut log).expect("it is text"), 0, "{log}");
    }
    let address = log.split("address=http").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an address");
    let address = format!("http{address}");
    let pages = [
        "/config",
        "/config?mode=diff",
        "/config?mode=defaults",
        "/metrics",
        "/services",
        "/ready",
        "/config/tenant/v1/limits",
    ];
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let answers = pages.map(|page| {
        let mut answer = agent.get(format!("{address}{page}")).header("X-Scope-OrgID", "a").call().expect(page);
        (page, answer.body_mut().read_to_string().expect("it is text"))
    });
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    stderr.read_to_string(&mut log).expect("it is text");
    (log, answers.into())
}
