//! One log query as many, one for each stream; for when one instant holds more entries than an answer may.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};

use super::answer::{LabelSet, Listed};
use super::client::Client;

/// The query for each stream that its selector matches around `time`, together the same as the query.
pub(super) fn by_stream(client: &Client, query: &str, time: i64) -> Result<Vec<String>> {
    let (from, to) = selector(query).with_context(|| format!("'{query}' has no selector"))?;
    let around = vec![
        ("match[]", query[from..to].to_owned()),
        ("start", time.to_string()),
        ("end", time.saturating_add(1_000_000_000).to_string()),
    ];
    let streams: Listed<LabelSet> = client.get("/loki/api/v1/series", &around)?;
    Ok(selectors(&streams.data).into_iter().map(|one| format!("{}{one}{}", &query[..from], &query[to..])).collect())
}

/// A selector for each stream. A label that only others have must be empty, or it would select those too.
fn selectors(streams: &[LabelSet]) -> Vec<String> {
    let names: BTreeSet<&String> = streams.iter().flat_map(|stream| stream.0.keys()).collect();
    let selector = |stream: &LabelSet| {
        let pair = |name: &&String| ((*name).clone(), stream.0.get(*name).cloned().unwrap_or_default());
        LabelSet(names.iter().map(pair).collect()).to_string()
    };
    streams.iter().map(selector).collect()
}

/// Where the first `{…}` begins and ends, strings and comments left aside.
fn selector(query: &str) -> Option<(usize, usize)> {
    let mut from = None;
    let mut characters = query.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '{' if from.is_none() => from = Some(at),
            '}' => return from.map(|from| (from, at + 1)),
            '#' => while characters.next().is_some_and(|(_, next)| next != '\n') {},
            '`' => while characters.next().is_some_and(|(_, next)| next != '`') {},
            '"' => {
                while let Some((_, next)) = characters.next() {
                    match next {
                        '"' => break,
                        '\\' => {
                            characters.next();
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selector_is_found() {
        for (query, expected) in [
            (r#"{app="x"}"#, Some(r#"{app="x"}"#)),
            (r#"( {app="}\"{", b=~`}`} |= "{")"#, Some(r#"{app="}\"{", b=~`}`}"#)),
            ("# {no}\n{a=\"b\"}", Some("{a=\"b\"}")),
            ("{a=\"b\"", None),
            ("vector(1)", None),
        ] {
            assert_eq!(selector(query).map(|(from, to)| &query[from..to]), expected, "{query}");
        }
    }

    #[test]
    fn streams_are_told_apart() {
        let stream = |pairs: &[(&str, &str)]| {
            LabelSet(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
        };
        let streams = [stream(&[("a", "x")]), stream(&[("a", "x"), ("b", "\"y\"")])];
        assert_eq!(selectors(&streams), [r#"{a="x", b=""}"#, r#"{a="x", b="\"y\""}"#]);
    }
}
