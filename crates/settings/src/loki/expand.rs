//! `-config.expand-env=true`: what Loki replaces in its file before reading it.

/// Replaces `${VAR}`, `${VAR:-default}` and their relatives everywhere but in comments. `$$` is a dollar, `$VAR` is left alone.
///
/// A variable that is not set is empty, as in Loki. Errors: every form that is not known, and every reference without an end.
pub fn variables(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, Vec<String>> {
    let mut problems = Vec::new();
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split_inclusive('\n').enumerate() {
        let (mut rest, comment) = line.split_at(crate::expand::comment_start(line));
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            let after = &rest[dollar + 1..];
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some(reference) = after.strip_prefix('{') {
                let Some(end) = closing(reference) else {
                    problems.push(format!("line {}: '${{' without '}}'", at + 1));
                    rest = "";
                    break;
                };
                match value(&reference[..end], variable) {
                    Ok(value) => out.push_str(&value),
                    Err(why) => problems.push(format!("line {}: {why}", at + 1)),
                }
                rest = &reference[end + 1..];
            } else {
                out.push('$');
                rest = after;
            }
        }
        out.push_str(rest);
        out.push_str(comment);
    }
    if problems.is_empty() { Ok(out) } else { Err(problems) }
}

/// The brace that ends a reference; defaults may hold references of their own.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            '\n' => return None,
            _ => {}
        }
    }
    None
}

fn value(reference: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let value = |name: &str| variable(name).unwrap_or_default();
    if let Some(name) = reference.strip_prefix('#') {
        return Ok(value(name).chars().count().to_string());
    }
    let name_end = reference.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(reference.len());
    let (name, how) = reference.split_at(name_end);
    if name.is_empty() {
        return Err("'${' is followed by no name".to_owned());
    }
    let value = value(name);
    for operator in [":-", ":=", "-", "="] {
        if let Some(default) = how.strip_prefix(operator) {
            return if value.is_empty() {
                variables(default, variable).map_err(|problems| problems.join("; "))
            } else {
                Ok(value)
            };
        }
    }
    match how {
        "" => Ok(value),
        "^^" => Ok(value.to_uppercase()),
        ",," => Ok(value.to_lowercase()),
        "^" => Ok(first(&value, |c| c.to_uppercase().collect())),
        "," => Ok(first(&value, |c| c.to_lowercase().collect())),
        _ => piece(&value, how).ok_or_else(|| {
            format!("${{{name}…}} is written in a form that is not known; write ${{{name}}} or ${{{name}:-default}}")
        }),
    }
}

fn first(text: &str, change: impl Fn(char) -> String) -> String {
    let mut rest = text.chars();
    rest.next().map_or(String::new(), |c| change(c) + rest.as_str())
}

/// `:offset` and `:offset:length`, `/old/new` and `//old/new`.
fn piece(value: &str, how: &str) -> Option<String> {
    if let Some(numbers) = how.strip_prefix(':') {
        let (offset, length) =
            numbers.split_once(':').map_or((numbers, None), |(offset, length)| (offset, Some(length)));
        let rest = value.chars().skip(offset.parse().ok()?);
        return Some(match length {
            Some(length) => rest.take(length.parse().ok()?).collect(),
            None => rest.collect(),
        });
    }
    let all = how.strip_prefix("//");
    let (old, new) = all.or_else(|| how.strip_prefix('/'))?.split_once('/')?;
    if old.is_empty() || old.starts_with(['#', '%']) {
        return None;
    }
    Some(if all.is_some() { value.replace(old, new) } else { value.replacen(old, new, 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Result<String, Vec<String>> {
        variables(text, &|name| match name {
            "HOST" => Some("Minio".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn lokis_forms_are_replaced() {
        for (text, expected) in [
            ("a: ${HOST}:9000", "a: Minio:9000"),
            ("a: ${NOPE}|", "a: |"),
            ("a: ${NOPE:-x y}${EMPTY:=z}${HOST:-w}", "a: x yzMinio"),
            ("a: ${NOPE:-${HOST}}", "a: Minio"),
            ("a: $HOST $$ $${HOST} 5$", "a: $HOST $ ${HOST} 5$"),
            ("${#HOST} ${HOST^^} ${HOST,,} ${HOST,} ${NOPE^}", "5 MINIO minio minio "),
            ("${HOST:1} ${HOST:1:2} ${HOST/i/o} ${HOST//i/o}", "inio in Monio Monoo"),
            ("a: 1 # ${", "a: 1 # ${"),
        ] {
            assert_eq!(expand(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_told() {
        assert_eq!(
            expand("a: ${HOST%%o}\nb: ${HOST\nc: ${}\nd: ${HOST:2h}"),
            Err(vec![
                "line 1: ${HOST…} is written in a form that is not known; write ${HOST} or ${HOST:-default}".to_owned(),
                "line 2: '${' without '}'".to_owned(),
                "line 3: '${' is followed by no name".to_owned(),
                "line 4: ${HOST…} is written in a form that is not known; write ${HOST} or ${HOST:-default}".to_owned(),
            ])
        );
    }
}
