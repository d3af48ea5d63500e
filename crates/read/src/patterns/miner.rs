//! Groups lines that differ in few words, after the idea of Drain: by number of chunks, then by their first word,
//! then by likeness. A group's pattern has a gap `<_>` wherever its lines differ.

use std::collections::{BTreeMap, HashMap};

use super::chunk::{Chunk, chunks};

/// Lines longer than this are cut before they are looked at.
const LINE_BYTES_MAX: usize = 4096;
/// Groups that are compared with a line at most.
const NEIGHBOURS_MAX: usize = 64;
/// Different first words per number of chunks; further ones share a place.
const FIRST_WORDS_MAX: usize = 64;
/// Groups altogether; lines that fit none are not counted beyond it.
const GROUPS_MAX: usize = 4000;
/// Likeness, in percent, from which a line belongs to a group.
const LIKENESS_MIN: usize = 60;

/// Lines of one shape: pattern and weight by time bucket.
#[derive(Debug)]
pub(super) struct Group {
    chunks: Vec<Chunk<'static>>,
    /// The line goes on before and after what was looked at.
    inside: bool,
    pub(super) weights: BTreeMap<i64, f64>,
}

#[derive(Debug, Default)]
pub(super) struct Miner {
    groups: Vec<Group>,
    places: HashMap<(bool, usize), Place>,
}

/// Groups with one number of chunks.
#[derive(Debug, Default)]
struct Place {
    by_first_word: HashMap<String, Vec<usize>>,
    others: Vec<usize>,
}

impl Place {
    fn neighbours(&mut self, first_word: &str) -> &mut Vec<usize> {
        // Looked up twice: a borrow that is returned from one arm cannot be given up in the other.
        if self.by_first_word.contains_key(first_word) || self.by_first_word.len() < FIRST_WORDS_MAX {
            return self.by_first_word.entry(first_word.to_owned()).or_default();
        }
        &mut self.others
    }
}

impl Miner {
    /// Adds a line. `inside`: it is only a part of what was logged, such as the message of a JSON object.
    pub(super) fn add(&mut self, line: &str, inside: bool, bucket: i64, weight: f64) {
        let cut = &line[..line.floor_char_boundary(LINE_BYTES_MAX)];
        let mut found = Vec::new();
        chunks(cut, &mut found);
        if cut.len() < line.len()
            && let Some(last) = found.last_mut()
        {
            *last = Chunk { before: "".into(), after: "".into(), gap: true };
        }
        if found.iter().all(|chunk| chunk.before.is_empty() && !chunk.gap) {
            return;
        }
        let first_word = found.iter().map(Chunk::first_word).find(|word| !word.is_empty()).unwrap_or("");
        let place = self.places.entry((inside, found.len())).or_default();
        let neighbours = place.neighbours(first_word);
        let best = best_of(&self.groups, neighbours, &found);
        let group = match best {
            Some(at) => {
                let group = &mut self.groups[at];
                for (chunk, other) in group.chunks.iter_mut().zip(&found) {
                    chunk.widen(other);
                }
                group
            }
            None if neighbours.len() < NEIGHBOURS_MAX && self.groups.len() < GROUPS_MAX => {
                neighbours.push(self.groups.len());
                let chunks = found.into_iter().map(Chunk::into_owned).collect();
                self.groups.push(Group { chunks, inside, weights: BTreeMap::new() });
                let last = self.groups.len() - 1;
                &mut self.groups[last]
            }
            None => return,
        };
        *group.weights.entry(bucket).or_default() += weight;
    }

    /// Groups by pattern; those that have grown into the same pattern are one.
    pub(super) fn finish(self) -> BTreeMap<String, BTreeMap<i64, f64>> {
        let mut patterns: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
        for group in self.groups {
            let weights = patterns.entry(group.pattern()).or_default();
            for (bucket, weight) in group.weights {
                *weights.entry(bucket).or_default() += weight;
            }
        }
        patterns
    }
}

/// The group most like the line, if it is like enough.
fn best_of(groups: &[Group], neighbours: &[usize], line: &[Chunk<'_>]) -> Option<usize> {
    let most = 2 * line.len();
    let mut may_lack = most - (most * LIKENESS_MIN).div_ceil(100);
    let mut best = None;
    for &at in neighbours {
        let Some(lacking) = lacking(&groups[at].chunks, line, may_lack) else { continue };
        best = Some(at);
        if lacking == 0 {
            break;
        }
        may_lack = lacking - 1;
    }
    best
}

/// What is missing for the two to be equal, unless it is more than `most`.
fn lacking(group: &[Chunk<'_>], line: &[Chunk<'_>], most: usize) -> Option<usize> {
    let mut lacking = 0;
    for (a, b) in group.iter().zip(line) {
        lacking += 2 - a.likeness(b);
        if lacking > most {
            return None;
        }
    }
    Some(lacking)
}

impl Group {
    fn pattern(&self) -> String {
        let mut out = String::new();
        for (at, chunk) in self.chunks.iter().enumerate() {
            if at > 0 {
                out.push(' ');
            }
            chunk.write(&mut out);
        }
        if self.inside {
            for (is_there, at) in [(out.ends_with("<_>"), out.len()), (out.starts_with("<_>"), 0)] {
                if !is_there {
                    out.insert_str(at, "<_>");
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mine(lines: &[&str]) -> Vec<(String, f64)> {
        let mut miner = Miner::default();
        for line in lines {
            miner.add(line, false, 0, 1.0);
        }
        miner.finish().into_iter().map(|(pattern, weights)| (pattern, weights.values().sum())).collect()
    }

    fn check(lines: &[&str], expected: &[(&str, f64)]) {
        let expected: Vec<(String, f64)> =
            expected.iter().map(|(text, weight)| ((*text).to_owned(), *weight)).collect();
        assert_eq!(mine(lines), expected);
    }

    #[test]
    fn lines_of_one_shape_share_a_pattern() {
        check(
            &[
                "user=alice action=login status=ok latency=0.120",
                "user=bob action=login status=fail latency=1.75",
                "user=carol action=logout status=ok latency=0.003",
                "disk sda is full",
                "disk sdb is full",
                "disk /dev/sdb1 is full",
                "started",
                "",
                "  ",
            ],
            &[("disk <_> is full", 3.0), ("started", 1.0), ("user=<_> action=<_> status=<_> latency=<_>", 3.0)],
        );
    }

    #[test]
    fn different_sentences_stay_apart() {
        check(
            &["opened file for reading now", "closed door after a while"],
            &[("closed door after a while", 1.0), ("opened file for reading now", 1.0)],
        );
    }

    #[test]
    fn messages_inside_a_line_are_open_at_both_ends() {
        let mut miner = Miner::default();
        miner.add("request handled", true, 5, 2.0);
        miner.add("7 of 9", true, 5, 1.0);
        let patterns: Vec<String> = miner.finish().into_keys().collect();
        assert_eq!(patterns, ["<_> of <_>", "<_>request handled<_>"]);
    }

    #[test]
    fn work_is_bounded() {
        let mut miner = Miner::default();
        let word = |n: usize| format!("{}{}", ["a", "b", "c", "d", "e"][n % 5].repeat(n / 5 + 1), "x");
        for n in 0..20_000 {
            let text: Vec<String> = (0..6).map(|at| word((n * 7 + at * 13) % 400)).collect();
            miner.add(&text.join(" "), false, 0, 1.0);
        }
        miner.add(&"word ".repeat(100_000), false, 0, 1.0);
        assert!(miner.groups.len() <= GROUPS_MAX);
        assert!(miner.places.values().all(|place| place.by_first_word.len() <= FIRST_WORDS_MAX));
    }

    /// What `|>` does, for the texts of these tests.
    fn matches(pattern: &str, line: &str) -> bool {
        let mut rest = line;
        for (at, text) in pattern.split("<_>").enumerate() {
            match rest.find(text) {
                Some(0) => rest = &rest[text.len()..],
                Some(found) if at > 0 => rest = &rest[found + text.len()..],
                _ => return false,
            }
        }
        rest.is_empty() || pattern.ends_with("<_>")
    }

    #[test]
    fn patterns_cover_their_lines() {
        let lines: Vec<String> = (0..200)
            .map(|n| format!("ts={n} [worker-{}] {} id={n}x path=/a/{}/b done", n % 7, ["get", "put"][n % 2], n % 3))
            .collect();
        let patterns = mine(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        for line in &lines {
            assert!(patterns.iter().any(|(pattern, _)| matches(pattern, line)), "{line}: {patterns:?}");
        }
        assert_eq!(patterns.len(), 1, "{patterns:?}");
    }
}
