//! The few templates that random queries use: text, fields, `if`/`else`/`end`, and calls joined by pipes.

/// The text of a template. Errors: it fails on this entry.
pub(super) fn expand(template: &str, line: &str, label: &dyn Fn(&str) -> String) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    // Whether text is written, for each open `if`.
    let mut written = vec![true];
    while !rest.is_empty() {
        let (text, action) = rest.split_at(rest.find("{{").unwrap_or(rest.len()));
        let is_on = |written: &[bool]| written.iter().all(|on| *on);
        if is_on(&written) {
            out.push_str(text);
        }
        let Some((action, after)) = action.strip_prefix("{{").and_then(|action| action.split_once("}}")) else {
            break;
        };
        rest = after;
        match action.trim() {
            "end" => drop(written.pop()),
            "else" => {
                let last = written.last_mut().expect("else is inside if");
                *last = !*last;
            }
            action if action.starts_with("if ") => {
                let holds = !is_on(&written) || !pipe(&action[3..], line, label)?.is_empty();
                written.push(holds);
            }
            action if is_on(&written) => out.push_str(&pipe(action, line, label)?),
            _ => {}
        }
    }
    Ok(out)
}

fn pipe(action: &str, line: &str, label: &dyn Fn(&str) -> String) -> Result<String, String> {
    let mut piped: Option<String> = None;
    for call in action.split('|') {
        let mut words = call.split_whitespace();
        let first = words.next().expect("a call has a word");
        let mut arguments = words.map(|word| term(word, line, label)).collect::<Result<Vec<_>, _>>()?;
        arguments.extend(piped.take());
        piped =
            Some(if first.starts_with(['.', '"', '_']) { term(first, line, label)? } else { run(first, &arguments) });
    }
    piped.ok_or_else(|| "an empty action".to_owned())
}

fn term(word: &str, line: &str, label: &dyn Fn(&str) -> String) -> Result<String, String> {
    match word.strip_prefix('.') {
        Some(path) if path.contains('.') => Err("a text has no fields".to_owned()),
        Some(name) => Ok(label(name)),
        None if word == "__line__" => Ok(line.to_owned()),
        None => Ok(word.trim_matches('"').to_owned()),
    }
}

fn run(function: &str, arguments: &[String]) -> String {
    let text = arguments.last().expect("every function takes a text");
    match function {
        "ToUpper" | "upper" => text.to_uppercase(),
        "ToLower" | "lower" => text.to_lowercase(),
        "len" => text.len().to_string(),
        "default" => {
            if text.is_empty() {
                arguments[0].clone()
            } else {
                text.clone()
            }
        }
        "trunc" => text.chars().take(arguments[0].parse().expect("a number")).collect(),
        "replace" => text.replace(&arguments[0], &arguments[1]),
        "trimPrefix" => text.strip_prefix(arguments[0].as_str()).unwrap_or(text).to_owned(),
        "repeat" => text.repeat(arguments[0].parse().expect("a number")),
        other => panic!("no reference for {other}"),
    }
}
