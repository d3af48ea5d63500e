//! The known word, or key, that somebody probably meant.

/// The closest of `known`, if it is close enough to be worth suggesting. Dashes count as underscores.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close_enough = (word.len() / 3).clamp(1, 4);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= close_enough)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    let letters =
        |word: &str| word.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect::<Vec<_>>();
    let (a, b) = (letters(a), letters(b));
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(previous[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous[b.len()]
}

/// The known key whose last word is nearest; one in another section must be nearer by as much as one edit.
pub fn nearest_path<'a>(path: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (section, key) = split(path);
    let close_enough = (key.len() / 3).clamp(1, 4);
    known
        .into_iter()
        .filter_map(|candidate| {
            let (candidate_section, candidate_key) = split(candidate);
            // The words' lengths alone tell most candidates apart.
            if key.len().abs_diff(candidate_key.len()) > close_enough {
                return None;
            }
            let elsewhere = usize::from(section != candidate_section);
            Some(((distance(key, candidate_key) + elsewhere, shared(section, candidate_section)), candidate))
        })
        .filter(|((edits, _), _)| *edits <= close_enough)
        .min_by_key(|((edits, shared), _)| (*edits, std::cmp::Reverse(*shared)))
        .map(|(_, candidate)| candidate)
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

/// How many sections two keys have in common, from the outside.
fn shared(a: &str, b: &str) -> usize {
    a.split('.').zip(b.split('.')).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (a, b, edits) in
            [("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3), ("a-b", "A_b", 0)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["bucket", "catalog"];
        assert_eq!(nearest("buket", known), Some("bucket"));
        assert_eq!(nearest("wholly_different", known), None);
    }

    #[test]
    fn keys_of_the_same_section_come_first() {
        let known = ["a.size", "b.size", "b.sizes", "b.c.size"];
        assert_eq!(nearest_path("b.sise", known), Some("b.size"));
        assert_eq!(nearest_path("size", known), Some("a.size"));
        assert_eq!(nearest_path("b.c.d.size", known), Some("b.c.size"));
        assert_eq!(nearest_path("b.nonsense", known), None);
    }
}
