//! `${VAR}` and `${VAR:default}` in the settings file.

/// Replaces references outside comments. `$${` stands for `${`.
///
/// Errors: every variable that is not set and has no default, and every reference that does not end, with its line.
pub fn variables(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<String, Vec<String>> {
    let mut problems = Vec::new();
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let (code, comment) = line.split_at(comment_start(line));
        expand_line(code, at + 1, &variable, &mut out, &mut problems);
        out.push_str(comment);
    }
    if problems.is_empty() { Ok(out) } else { Err(problems) }
}

/// Where the comment begins: a `#` at the start or after white space. Inside quotes this may be wrong, which only
/// leaves a reference after `" #"` in a string alone.
pub(crate) fn comment_start(line: &str) -> usize {
    let starts_comment = |(at, _): &(usize, &str)| *at == 0 || line[..*at].ends_with([' ', '\t']);
    line.match_indices('#').find(starts_comment).map_or(line.len(), |(at, _)| at)
}

fn expand_line(
    mut line: &str,
    number: usize,
    variable: &impl Fn(&str) -> Option<String>,
    out: &mut String,
    problems: &mut Vec<String>,
) {
    while let Some(at) = line.find("${") {
        let escaped = line[..at].ends_with('$');
        out.push_str(&line[..at - usize::from(escaped)]);
        let reference = &line[at + 2..];
        if escaped {
            out.push_str("${");
            line = reference;
            continue;
        }
        let Some(end) = reference.find('}') else {
            problems.push(format!("line {number}: '${{' without '}}'"));
            return;
        };
        let (name, default) = match reference[..end].split_once(':') {
            Some((name, default)) => (name, Some(default.strip_prefix('-').unwrap_or(default))),
            None => (&reference[..end], None),
        };
        match variable(name).filter(|value| !value.is_empty() || default.is_none()).as_deref().or(default) {
            Some(value) => out.push_str(value),
            None => problems.push(format!(
                "line {number}: the environment variable {name} is not set; set it or write ${{{name}:default}}"
            )),
        }
        line = &reference[end + 1..];
    }
    out.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Result<String, Vec<String>> {
        variables(text, |name| match name {
            "PORT" => Some("3200".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn references_are_replaced() {
        for (text, expected) in [
            ("a: ${PORT}\nb: x${PORT:1}y${NOPE:z}\n", "a: 3200\nb: x3200yz\n"),
            ("a: ${NOPE:-file:///x}", "a: file:///x"),
            ("a: ${EMPTY:x}${EMPTY}", "a: x"),
            ("a: $${PORT} $5", "a: ${PORT} $5"),
            ("a: b # ${NOPE}\n# ${\n", "a: b # ${NOPE}\n# ${\n"),
            ("a: b#${PORT}", "a: b#3200"),
        ] {
            assert_eq!(expand(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn every_problem_is_named() {
        let problems = expand("a: ${NOPE}\nb: ${NADA}\nc: ${PORT").expect_err("three problems");
        assert_eq!(
            problems,
            [
                "line 1: the environment variable NOPE is not set; set it or write ${NOPE:default}",
                "line 2: the environment variable NADA is not set; set it or write ${NADA:default}",
                "line 3: '${' without '}'",
            ]
        );
    }
}
