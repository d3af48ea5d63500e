//! Templates against the answers Go gives.

use super::*;

struct Pairs(&'static [(&'static str, &'static str)]);

impl LabelSource for Pairs {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
    fn each(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.0.iter().for_each(|(name, value)| visit(name, value));
    }
}

const LABELS: Pairs = Pairs(&[
    ("app", "api"),
    ("n", "42"),
    ("x", "1.5"),
    ("empty", ""),
    ("json", r#"{"a":[1,"b",null],"c":{"d":true}}"#),
]);

fn run(template: &str) -> Result<String, String> {
    let mut out = String::new();
    let template = Template::parse("line", template)?;
    template.execute(
        &Entry { labels: &LABELS, line: "the line", timestamp: 1_700_000_000_000_000_000, now: 0 },
        &mut out,
    )?;
    Ok(out)
}

fn check_all(cases: &[(&str, &str)]) {
    for &(template, expected) in cases {
        let answer = run(template);
        if expected == "error" {
            assert!(answer.is_err(), "{template}: {answer:?}");
        } else {
            assert_eq!(answer.as_deref(), Ok(expected), "{template}");
        }
    }
}

#[test]
fn answers_of_go() {
    check_all(&[
        ("", ""),
        ("{{.app}} {{ .n }}", "api 42"),
        ("{{.missing}}|", "|"),
        ("a {{- .app -}} b", "aapib"),
        ("a{{/* comment */}}b{{- /* c */ -}} d", "abd"),
        ("{{if .app}}yes{{else}}no{{end}}{{if .empty}}yes{{else if .n}}n{{else}}no{{end}}", "yesn"),
        ("{{with .app}}{{.}}{{end}}{{with .empty}}x{{else}}y{{end}}", "apiy"),
        ("{{$v := .app}}{{$v}}{{$v = .n}}{{$v}} {{$.x}}", "api42 1.5"),
        ("{{range $i, $e := (fromJson .json).a}}{{$i}}={{$e}};{{end}}", "0=1;1=b;2=<no value>;"),
        ("{{range (fromJson .json).a}}{{if eq . \"b\"}}{{break}}{{end}}x{{end}}", "error"),
        ("{{range (fromJson .empty).a}}x{{else}}none{{end}}", "error"),
        ("{{ (fromJson .json).c.d }} {{ fromJson .json }}", "true map[a:[1 b <nil>] c:map[d:true]]"),
        ("{{ fromJson .app }}", "<no value>"),
        ("{{define \"t\"}}[{{.}}]{{end}}{{template \"t\" .app}}{{block \"b\" .n}}<{{.}}>{{end}}", "[api]<42>"),
        ("{{ .app | ToUpper | printf \"%-5s|%5s\" .n }}", "42   |  API"),
        ("{{ printf \"%d %05.1f %q %x %v %t %c %%\" 7 1.25 \"a\" 255 1.5 true 65 }}", "7 001.2 \"a\" ff 1.5 true A %"),
        ("{{ printf \"%d\" .n }}{{ printf \"%s\" }}{{ printf \"a\" 1 }}", "%!d(string=42)%!s(MISSING)a%!(EXTRA int=1)"),
        ("{{ print 1 2 \"a\" \"b\" 3 }}{{ println \"x\" 1 }}", "1 2ab3x 1\n"),
        ("{{ and .app .n }}{{ or .empty .n }}{{ not .empty }}", "4242true"),
        ("{{ eq .app \"x\" \"api\" }}{{ ne .app \"x\" }}{{ lt 1 2 }}{{ ge \"b\" \"a\" }}", "truetruetruetrue"),
        ("{{ len .app }} {{ index (fromJson .json).a 1 }} {{ slice .app 1 2 }} {{ index . \"n\" }}", "3 b p 42"),
        ("{{ Replace \"aaa\" \"a\" \"b\" 2 }} {{ replace \"a\" \"b\" \"aaa\" }}", "bba bbb"),
        (
            "{{ Trim \"xxaxx\" \"x\" }} {{ TrimLeft \"xa\" \"x\" }} {{ TrimRight \"ax\" \"x\" }} {{ trimAll \"x\" \"xax\" }}",
            "a a a a",
        ),
        (
            "{{ TrimPrefix .app \"a\" }} {{ trimPrefix \"a\" .app }} {{ TrimSuffix .app \"i\" }} {{ trimSuffix \"i\" .app }}",
            "pi pi ap ap",
        ),
        ("{{ TrimSpace \" a \" }}{{ trim \" b \" }}{{ title \"hello world\" }}", "abHello World"),
        (
            "{{ trunc 2 .app }} {{ trunc -2 .app }} {{ substr 1 2 .app }} {{ substr -1 2 .app }} {{ substr 1 -1 .app }}",
            "ap pi p ap pi",
        ),
        ("{{ contains \"p\" .app }} {{ hasPrefix \"a\" .app }} {{ hasSuffix \"x\" .app }}", "true true false"),
        ("{{ repeat 3 \"ab\" }} {{ indent 2 \"a\\nb\" }} {{ nindent 1 \"c\" }}", "ababab   a\n  b \n c"),
        (
            "{{ alignLeft 5 .app }}|{{ alignLeft 2 .app }}|{{ alignRight 5 .app }}|{{ alignRight 2 .app }}",
            "api  |ap|  api|pi",
        ),
        (
            "{{ regexReplaceAll \"a(.)i\" .app \"<$1>\" }} {{ regexReplaceAllLiteral \"p\" .app \"$0\" }} {{ count \"[ai]\" .app }}",
            "<p> a$0i 2",
        ),
        ("{{ urlencode \"a b&c\" }} {{ urldecode \"a+b%26c\" }} {{ urlquery \"x y\" }}", "a+b%26c a b&c x+y"),
        (
            "{{ b64enc \"hello\" }} {{ b64dec \"aGVsbG8=\" }} {{ b64dec \"a\" }}",
            "aGVsbG8= hello illegal base64 data at input byte 0",
        ),
    ]);
}

#[test]
fn answers_of_functions() {
    check_all(&[
        ("{{ bytes \"2KB\" }} {{ duration \"1m30s\" }} {{ duration_seconds \"250ms\" }}", "2000 90 0.25"),
        (
            "{{ int .n }} {{ float64 .x }} {{ int .app }} {{ add 1 2 .n }} {{ sub 5 2 }} {{ mul 2 3 4 }} {{ div 7 2 }} {{ mod 7 4 }}",
            "42 1.5 0 45 3 24 3 3",
        ),
        (
            "{{ addf 1.5 2 }} {{ subf 5 1.5 }} {{ mulf 1.5 2 }} {{ divf 3 2 }} {{ max 1 3 2 }} {{ min 3 1 2 }} {{ maxf 1.5 .n }} {{ minf 1.5 .n }}",
            "3.5 3.5 3 1.5 3 1 42 1.5",
        ),
        ("{{ ceil 1.2 }} {{ floor 1.8 }} {{ round 1.256 2 }} {{ round 1.25 1 0.6 }}", "2 1 1.26 1.2"),
        ("{{ __line__ }} {{ __line__ | len }}", "the line 8"),
        (
            "{{ __timestamp__.Unix }} {{ unixEpoch __timestamp__ }} {{ unixEpochMillis __timestamp__ }} {{ unixEpochNanos __timestamp__ }}",
            "1700000000 1700000000 1700000000000 1700000000000000000",
        ),
        (
            "{{ (unixToTime \"1700000000\").UTC.Format \"2006-01-02\" }} {{ (toDateInZone \"2006-01-02\" \"UTC\" \"2023-11-14\").Unix }}",
            "2023-11-14 1699920000",
        ),
        ("{{ date \"2006\" (toDateInZone \"2006\" \"UTC\" \"x\") }}", "0001"),
        ("{{ default \"d\" .empty }} {{ default \"d\" .app }} {{ default 0 }}", "d api 0"),
        ("{{ html \"<a&'b'>\" }} {{ js \"<'>\" }}", "&lt;a&amp;&#39;b&#39;&gt; \\u003C\\'\\u003E"),
        ("{{ `raw \"q\"` }} {{ 'a' }} {{ 0x1f }} {{ 1e3 }} {{ -5 }}", "raw \"q\" 97 31 1000 -5"),
        ("{{ range $k, $v := fromJson \"{\\\"b\\\":1,\\\"a\\\":2}\" }}{{$k}}{{$v}}{{end}}", "a2b1"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
    ]);
}

#[test]
fn parse_errors_read_as_go() {
    for (template, message) in [
        ("{{nofunc .x}}", "template: line:1: function \"nofunc\" not defined"),
        ("{{.x", "template: line:1: unclosed action"),
        ("\n{{if .x}}", "template: line:2: unexpected EOF"),
        ("{{end}}", "template: line:1: unexpected {{end}}"),
        ("{{$x}}", "template: line:1: undefined variable \"$x\""),
        ("{{break}}", "template: line:1: {{break}} outside {{range}}"),
        ("{{}}", "template: line:1: missing value for command"),
    ] {
        assert_eq!(run(template), Err(message.to_owned()), "{template}");
    }
}

#[test]
fn execution_errors_name_the_place() {
    for (template, message) in [
        ("{{.app.b}}", "template: line:1:6: executing \"line\" at <.app.b>: can't evaluate field b in type string"),
        (
            "{{ div 1 0 }}",
            "template: line:1:3: executing \"line\" at <div 1 0>: error calling div: runtime error: integer divide by zero",
        ),
        (
            "{{ trunc .app }}",
            "template: line:1:3: executing \"line\" at <trunc>: wrong number of args for trunc: want 2 got 1",
        ),
        (
            "{{ lt 1 \"a\" }}",
            "template: line:1:3: executing \"line\" at <lt 1 \"a\">: error calling lt: incompatible types for comparison",
        ),
        (
            "{{ unixToTime \"12\" }}",
            "template: line:1:3: executing \"line\" at <unixToTime \"12\">: error calling unixToTime: unable to parse time '12'",
        ),
    ] {
        assert_eq!(run(template), Err(message.to_owned()), "{template}");
    }
}

#[test]
fn hostile_templates_end_with_an_error() {
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(run(&deep).is_err_and(|e| e.contains("nested deeper")));
    let ifs = format!("{}{}", "{{if .app}}".repeat(5_000), "{{end}}".repeat(5_000));
    assert!(run(&ifs).is_err_and(|e| e.contains("nested deeper")));
    assert!(run("{{ repeat 1000000000 \"x\" }}").is_err_and(|e| e.contains("allowed")));
    assert!(
        run("{{define \"t\"}}{{template \"t\" .}}{{end}}{{template \"t\" .}}")
            .is_err_and(|e| e.contains("maximum template depth"))
    );
    assert!(run("{{range 999999999}}{{range 999999999}}x{{end}}{{end}}").is_err_and(|e| e.contains("more than")));
    assert!(run("{{ printf \"%999999999d\" 1 }}").is_err_and(|e| e.contains("allowed")));
}

#[test]
fn a_single_field_is_recognised() {
    let single = |text| Template::parse("line", text).expect("parses").as_single_field().map(str::to_owned);
    assert_eq!(single("{{.app}}"), Some("app".to_owned()));
    assert_eq!(single("{{ .app }} "), None);
    assert_eq!(single("{{.app.b}}"), None);
}
