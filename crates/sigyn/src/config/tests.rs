use super::*;
use crate::flags::Flags;

fn parse(text: &str) -> Result<Config, Vec<String>> {
    with_flags(text, &[])
}

fn with_flags(text: &str, flags: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    load(text, flags, &[("PORT", "3200")]).map(|loaded| loaded.config)
}

fn load(text: &str, settings: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Loaded, Vec<String>> {
    let mut flags = Flags::parse(["-config.expand-env=true".to_owned()]).expect("a flag");
    flags.settings = settings.iter().map(|(flag, value)| ((*flag).to_owned(), (*value).to_owned())).collect();
    let variable =
        |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    load::read("x.yaml", text, &flags, &variable)
}

fn problems(text: &str) -> Vec<String> {
    parse(text).expect_err("it has problems")
}

#[test]
fn nothing_means_the_defaults() {
    for text in ["", "\n", "# only a comment\n", "server:\nlimits:\n"] {
        assert_eq!(parse(text), Ok(Config::default()), "{text}");
    }
}

#[test]
fn a_whole_file() {
    let config = parse(
        "target: write,read\nauth_enabled: true\nserver:\n  http_listen_address: 0.0.0.0\n  http_listen_port: ${PORT:1}\n\
         storage:\n  bucket: 'memory:'\nlimits:\n  max_line_size: 1MB\n  reject_old_samples_max_age: 2w\n  required_labels: [app]\n\
         log:\n  level: debug\n  format: json\n",
    )
    .expect("valid");
    assert_eq!(config.target, Targets { write: true, read: true, backend: false });
    assert!(config.auth_enabled);
    assert_eq!((config.server.http_listen_address.as_str(), config.server.http_listen_port), ("0.0.0.0", 3200));
    assert_eq!(config.storage.bucket, "memory:");
    assert_eq!(config.limits.max_line_size, ByteSize::mib(1));
    assert_eq!(config.limits.reject_old_samples_max_age, Span::seconds(14 * 24 * 3600));
    assert_eq!(config.limits.required_labels, ["app"]);
    assert_eq!((config.log.level, config.log.format), (LogLevel::Debug, LogFormat::Json));
}

#[test]
fn flags_win_over_the_file() {
    let config = with_flags(
        "server:\n  http_listen_port: 1\n",
        &[
            ("server.http-listen-port", "2"),
            ("storage.bucket", "memory:"),
            ("target", "read"),
            ("auth-enabled", "true"),
        ],
    )
    .expect("valid");
    assert_eq!(config.server.http_listen_port, 2);
    assert_eq!(config.storage.bucket, "memory:");
    assert_eq!(config.target.names(), ["read"]);
    assert!(config.auth_enabled);
}

#[test]
fn all_problems_come_at_once_with_their_lines() {
    assert_eq!(
        problems(
            "targt: all\nserver:\n  http_listen_port: 99999999\nlimits:\n  max_lin_size: 1MB\n  max_line_size: huge\n\
             bucket: x\nnonsense: 1\n"
        ),
        [
            "line 1: unknown key targt, did you mean target?",
            "line 5: unknown key limits.max_lin_size, did you mean limits.max_line_size?",
            "line 7: unknown key bucket, did you mean storage.bucket?",
            "line 8: unknown key nonsense",
            "line 3: server.http_listen_port: invalid value: integer `99999999`, expected u16",
            "line 6: limits.max_line_size: 'huge' is not a size; write for example 512KB, 64MiB or 1048576",
        ]
    );
    assert_eq!(
        with_flags("", &[("server.http-port", "1")]).expect_err("unknown"),
        ["flag -server.http-port: unknown key server.http_port"]
    );
}

#[test]
fn values_are_checked_against_each_other() {
    assert_eq!(
        problems("limits:\n  retention_period: 1h\n"),
        ["line 2: limits.retention_period is 1h; it must be 0s (keep for ever) or at least 24h"]
    );
    assert_eq!(problems("storage:\n  bucket: ftp://x\n").len(), 1);
}

#[test]
fn wrong_shapes() {
    assert_eq!(problems("server: 5\n"), ["line 1: server is a section; put its keys below it, indented"]);
    assert_eq!(
        problems("target: reed\n"),
        ["line 1: target: 'reed' is not a target; write all, or a comma list of write, read, backend"]
    );
    assert_eq!(problems("just text\n").len(), 1);
    assert_eq!(problems("a: [\n").len(), 1);
    assert_eq!(problems("log:\n  level: info\n  level: warn\n").len(), 1);
}

const LOKI: &str = "\
auth_enabled: false
server:
  http_listen_port: ${PORT:-3100}
common:
  path_prefix: /loki
  replication_factor: 1
  ring: {kvstore: {store: inmemory}}
  storage:
    filesystem: {chunks_directory: /loki/chunks, rules_directory: /loki/rules}
schema_config:
  configs:
    - from: 2024-04-01
      store: tsdb
      object_store: filesystem
      schema: v13
      index: {prefix: index_, period: 24h}
limits_config:
  max_line_size: 1MB
  retention_period: 744h
ruler:
  alertmanager_url: http://localhost:9093
";

#[test]
fn a_file_of_loki_is_read_as_it_is() {
    let loaded = load(LOKI, &[("log.level", "debug")], &[("PORT", "3200")]).expect("valid");
    let config = &loaded.config;
    assert!(!config.auth_enabled && !config.backend.retention_enabled);
    assert_eq!((config.server.http_listen_address.as_str(), config.server.http_listen_port), ("0.0.0.0", 3200));
    assert_eq!((config.storage.bucket.as_str(), &config.storage.catalog), ("file:///loki/chunks/sigyn", &None));
    assert_eq!(
        (config.limits.max_line_size, config.limits.retention_period),
        (ByteSize::mib(1), Span::seconds(744 * 3600))
    );
    assert_eq!(config.log.level, LogLevel::Debug);
    for (path, origin) in [
        ("server.http_listen_port", "x.yaml:3, from the environment, server.http_listen_port"),
        ("server.http_listen_address", "Loki listens on every interface unless told otherwise"),
        ("storage.bucket", "x.yaml:9, common.storage.filesystem.chunks_directory"),
        ("log.level", "flag -log.level, server.log_level"),
        ("limits.max_query_series", "default"),
    ] {
        assert_eq!(loaded.origin(path), origin, "{path}");
    }
}

#[test]
fn problems_of_a_file_of_loki_name_its_keys() {
    let text = LOKI.replace("max_line_size: 1MB", "max_line_size: huge\n  max_lin_size: 1").replace("744h", "1h");
    assert_eq!(
        load(&text, &[], &[]).expect_err("problems"),
        [
            "line 19: unknown key limits_config.max_lin_size, did you mean limits_config.max_line_size?",
            "line 18, limits_config.max_line_size: limits.max_line_size: 'huge' is not a size; write for example 512KB, 64MiB or 1048576",
        ]
    );
    assert_eq!(
        load(&LOKI.replace("744h", "1h"), &[], &[]).expect_err("a problem"),
        [
            "line 19, limits_config.retention_period: limits.retention_period is 1h; it must be 0s (keep for ever) or at least 24h"
        ]
    );
    let mut flags = Flags::parse([]).expect("no flags");
    flags.settings.clear();
    assert_eq!(
        load::read("x.yaml", LOKI, &flags, &|_| None).expect_err("not replaced")[0],
        "line 3: ${…} is replaced only with the flag -config.expand-env=true"
    );
}

#[test]
fn a_translation_means_the_same() {
    let loaded = load(LOKI, &[], &[("PORT", "3200")]).expect("valid");
    let file = load::File { name: "x.yaml".to_owned(), text: LOKI.to_owned() };
    let loki = loaded.loki.as_ref().expect("it is a file of Loki");
    let text = translate::in_own_words(&loaded, loki, &file);
    assert!(
        text.contains("# Loki's own data, not read yet: 2024-04-01 to now: index tsdb, chunks filesystem."),
        "{text}"
    );
    assert!(
        text.contains("bucket: file:///loki/chunks/sigyn  # common.storage.filesystem.chunks_directory, line 9"),
        "{text}"
    );
    assert!(text.contains("#   ruler.alertmanager_url\n#     because rules are not evaluated"), "{text}");
    let again = load(&text, &[], &[]).expect("valid");
    assert!(again.loki.is_none());
    assert_eq!(again.config, loaded.config);
}

#[test]
fn what_is_shown_names_its_origin() {
    let text = "storage:\n  bucket: 'memory:'\n  s3: {secret_access_key: '${PORT}', region: x}\n";
    let shown = load(text, &[("log.level", "debug")], &[("PORT", "hunter2")]).expect("valid").show();
    for line in [
        "  level: debug  # flag -log.level",
        "  format: logfmt  # default",
        "  bucket: \"memory:\"  # x.yaml:2",
        "    region: x  # x.yaml:3, from the environment",
        "    secret_access_key: \"********\"  # x.yaml:3, from the environment",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in\n{shown}");
    }
    assert!(!shown.contains("hunter2"));
}

#[test]
fn what_is_printed_reads_back() {
    let mut config = Config::default();
    config.limits.enforced_labels = vec!["a b".to_owned(), "#".to_owned()];
    config.storage.bucket = "file:///var/lib/x y".to_owned();
    config.target = Targets { write: false, read: true, backend: true };
    assert_eq!(parse(&config.to_yaml()), Ok(config));
}

#[test]
fn a_start_is_summed_up_in_few_lines() {
    let periods: String =
        (1..9).map(|day| format!("    - {{from: 2024-01-0{day}, store: tsdb, object_store: filesystem}}\n")).collect();
    let text = LOKI.replace("schema_config:\n  configs:\n", &format!("schema_config:\n  configs:\n{periods}"));
    let text = format!("{text}compactor: {{retention_enabled: true}}\nruntime_config: {{file: /etc/overrides.yaml}}\n");
    let lines = load(&text, &[], &[]).expect("valid").summary("file:///loki/chunks/sigyn");
    assert!(lines.len() <= 15, "{lines:#?}");
    for line in [
        "settings: x.yaml, a configuration of Loki",
        "storage: file:///loki/chunks/sigyn (x.yaml:9, common.storage.filesystem.chunks_directory)",
        "catalog: in the bucket (default)",
        "auth: one tenant, fake (x.yaml:1, auth_enabled)",
        "parts: all (default)",
        "retention: 31d (x.yaml:27, limits_config.retention_period)",
        "limits that differ from the defaults: max_line_size 1MiB, retention_period 31d",
        "limits of tenants: /etc/overrides.yaml, looked at every 10s",
        "Loki's own data, not read yet: 2024-04-01 to now: index tsdb, chunks filesystem",
        "and 6 periods of Loki before these",
    ] {
        assert!(lines.iter().any(|told| told == line), "{line} in {lines:#?}");
    }
}
