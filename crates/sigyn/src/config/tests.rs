use super::*;

fn parse(text: &str) -> Result<Config, Vec<String>> {
    with_flags(text, &[])
}

fn with_flags(text: &str, flags: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let flags: Vec<_> = flags.iter().map(|(flag, value)| ((*flag).to_owned(), (*value).to_owned())).collect();
    Config::parse(text, &flags, |name| (name == "PORT").then(|| "3200".to_owned())).map_err(|e| match e {
        Unusable::Problems(problems) => problems,
        Unusable::LokiFile => vec!["a file of Loki".to_owned()],
    })
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

#[test]
fn a_file_of_loki_is_told_apart() {
    assert_eq!(problems("auth_enabled: false\nschema_config:\n  configs: []\n"), ["a file of Loki"]);
}

#[test]
fn what_is_printed_reads_back() {
    let mut config = Config::default();
    config.limits.enforced_labels = vec!["a b".to_owned(), "#".to_owned()];
    config.storage.bucket = "file:///var/lib/x y".to_owned();
    config.target = Targets { write: false, read: true, backend: true };
    assert_eq!(parse(&config.to_yaml()), Ok(config));
}
