//! Go's dialect: what matches, what is refused, and what needs no regex.

use super::*;

fn matches(pattern: &str, text: &str) -> bool {
    compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).is_match(text.as_bytes())
}

#[test]
fn reads_patterns_as_go_does() {
    for (pattern, yes, no) in [
        (r"^\d$", "3", "٣"),
        (r"^\w$", "e", "é"),
        (r"^\s$", " ", "\u{b}"),
        (r"^\S$", "\u{b}", "\t"),
        (r"^[\s]$", "\n", "\u{b}"),
        (r"a\b", "aé", "ab"),
        (r"^\Qa.b*\E+$", "a.b**", "axb"),
        (r"\Q(((", "(((", "(("),
        (r"^[\w-.]$", "-", "+"),
        (r"^[a&&b]$", "&", "&&"),
        (r"^[+--b]$", ",", "c"),
        (r"^[[a]b]$", "[b]", "a"),
        (r"^[]a]$", "]", "b"),
        (r"^[^]a]$", "b", "]"),
        (r"^[a-]$", "-", "b"),
        (r"^x{,2}$", "x{,2}", "xx"),
        (r"^x{2}{$", "xx{", "xx"),
        (r"^a{01}$", "a{01}", "a"),
        (r"^\123$", "S", "s"),
        (r"^\x41\x{e9}$", "Aé", "A"),
        (r"^\<\_\-$", "<_-", "a"),
        (r"^(?i)straße$", "STRAßE", "STRASSE"),
        (r"^(?i:a)b$", "Ab", "AB"),
        (r"(?s)a.b", "a\nb", "ab"),
        (r"a.b", "axb", "a\nb"),
        (r"(?m)^b$", "a\nb", "ab"),
        (r"^b$", "b", "a\nb"),
        (r"a$", "a", "a\n"),
        (r"^(?P<n>a)(?P<n>b)(?<m>c)(?P<1>d)$", "abcd", "abc"),
        (r"^(?U)a+$", "aa", "b"),
        (r"^\pL\p{Cyrillic}\P{Greek}[\pN]$", "жжж5", "5ж5"),
        (r"^[[:alpha:][:^digit:]]$", "a", "5"),
        (r"^\D\S\W$", "aa-", "5aa"),
        (r"^[^\D5]$", "4", "5"),
        (r"^x*?$", "xx", "y"),
        (r"^a{2,3}?$", "aaa", "a"),
        (r"^(|a)$", "", "b"),
        (r"x{1000}", &"x".repeat(1000), "x"),
        (r"^#~ &$", "#~ &", "#"),
        (r"\bfoo\B", "food", "foo"),
    ] {
        assert!(matches(pattern, yes), "{pattern} should match {yes}");
        assert!(!matches(pattern, no), "{pattern} should not match {no}");
    }
}

#[test]
fn refuses_with_gos_words() {
    for (pattern, expected) in [
        ("(", "missing closing ): `(`"),
        ("a(b", "missing closing ): `a(b`"),
        ("a)", "unexpected ): `a)`"),
        ("[a", "missing closing ]: `[a`"),
        ("x[", "missing closing ]: `[`"),
        ("[]", "missing closing ]: `[]`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("[a--b]", "invalid character class range: `a--`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
        (r"\pX", r"invalid character class range: `\pX`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("a|+?", "missing argument to repetition operator: `+?`"),
        ("(?i)*", "missing argument to repetition operator: `*`"),
        ("{2}", "missing argument to repetition operator: `{2}`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a*{2}", "invalid nested repetition operator: `*{2}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("a{99999999999}", "invalid repeat count: `{99999999999}`"),
        ("((a{100}){100}){100}", "invalid repeat count: `{100}`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        (r"\y", r"invalid escape sequence: `\y`"),
        (r"\Z", r"invalid escape sequence: `\Z`"),
        (r"\C", r"invalid escape sequence: `\C`"),
        (r"[\b]", r"invalid escape sequence: `\b`"),
        (r"\x4g", r"invalid escape sequence: `\x4g`"),
        (r"\x{110000}", r"invalid escape sequence: `\x{110000}`"),
        (r"a\", "trailing backslash at end of expression: ``"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?<=a)", "invalid named capture: `(?<=a)`"),
        ("(?P<a b>c)", "invalid named capture: `(?P<a b>`"),
        ("(?P<>c)", "invalid named capture: `(?P<>`"),
    ] {
        let error = compile(pattern).expect_err(pattern);
        assert_eq!(error, format!("error parsing regexp: {expected}"), "{pattern}");
    }
}

#[test]
fn hostile_patterns_end_in_errors() {
    for pattern in [
        "(".repeat(100_000) + &")".repeat(100_000),
        r"(?i)(\pL{30}){30}".to_owned(),
        r"[\pL\pN]{1000}".to_owned(),
        "a|".repeat(1000) + r"\pL{900}",
    ] {
        let error = compile(&pattern).expect_err("too large");
        assert!(error.contains("too large") || error.contains("too deeply"), "{}", &error[..100.min(error.len())]);
    }
    // Long and odd, but linear.
    for piece in ["{", "[[:a]", "(?P<a>b)", "\\Qa\\E", "[^a]"] {
        let _ = check(&piece.repeat(15_000));
    }
    assert!(check(&format!("[{} ]", "[:".repeat(50_000))).is_ok());
    let nested = "(".repeat(250) + "a" + &")+".repeat(250);
    assert!(compile(&nested).is_ok() && analyse(&nested).is_ok());
    assert!(compile(&format!("{}z", "a?".repeat(5000))).is_ok());
}

/// `i:` marks folded literals.
fn show(literal: &Literal) -> String {
    format!("{}{}", if literal.ignore_case { "i:" } else { "" }, literal.text)
}

#[test]
fn finds_what_needs_no_regex() {
    for (pattern, contains_any, required) in [
        ("error", "error", "error"),
        ("err|warn", "err warn", ""),
        ("err.*", "err", "err"),
        (".*err.*", "err", "err"),
        ("(err|warn).*", "err warn", ""),
        ("(?i)error", "i:error", "i:error"),
        ("(?i)CAFÉ 1", "i:café 1", "i:café 1"),
        ("[Ee]rror", "Error error", "rror"),
        ("a[bc]d", "abd acd", "a"),
        ("a(?i)b", "aB ab", "a"),
        (".*", "/", ""),
        ("", "/", ""),
        ("a|.*", "/", ""),
        (".+", "-", ""),
        ("^foo", "-", "foo"),
        (r"blk_-?\d+ terminating", "-", " terminating"),
        (r"user=(alice|bob) x", "user=alice x user=bob x", "user="),
        (r"(foo)+bar", "-", "foo"),
        (r"\bfoo\b", "-", "foo"),
        (r"a\.b\*c", "a.b*c", "a.b*c"),
        ("x{3}y", "xxxy", "xxxy"),
    ] {
        let analysis = analyse(pattern).expect(pattern);
        let any = match &analysis.contains_any {
            None => "-".to_owned(),
            Some(literals) if literals.iter().any(|literal| literal.text.is_empty()) => "/".to_owned(),
            Some(literals) => literals.iter().map(show).collect::<Vec<_>>().join(" "),
        };
        assert_eq!(any, contains_any, "{pattern}");
        assert_eq!(analysis.required.as_ref().map(show).unwrap_or_default(), required, "{pattern}");
    }
}

#[test]
fn folded_literals_keep_their_odd_cases_in_mind() {
    let analysis = analyse("(?i)Disk").expect("valid");
    assert_eq!(analysis.required.as_ref().map(show).as_deref(), Some("i:disk"));
    assert!(matches("(?i)Disk", "DI\u{17f}\u{212a}"));
}

#[test]
fn anchored_patterns_cover_the_whole_text() {
    let anchored = compile_anchored("a.b|c").expect("valid");
    assert!(anchored.is_match(b"a\nb") && anchored.is_match(b"c") && !anchored.is_match(b"cc"));
    for (pattern, empty) in [(".*", true), (".+", false), ("|a", true), ("^$", true), (r"\b", false), ("(a?)b*", true)]
    {
        assert_eq!(matches_empty(pattern), Ok(empty), "{pattern}");
        assert_eq!(compile_anchored(pattern).expect(pattern).is_match(b""), empty, "{pattern}");
    }
    let texts = equals_any("api|web-(1|2)").expect("valid").expect("few");
    assert_eq!(texts.iter().map(show).collect::<Vec<_>>(), ["api", "web-1", "web-2"]);
    assert_eq!(equals_any("api.*"), Ok(None));
}
