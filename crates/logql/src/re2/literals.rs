//! What can be known of a pattern without running it: the literals it is made of, or needs.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Repetition};

/// Texts that a pattern may be expanded to, and characters of one text.
const TEXTS_MAX: usize = 64;
const TEXT_CHARS_MAX: usize = 256;

/// A literal that a pattern is made of or needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    pub text: String,
    /// Compare under simple Unicode case folding (`text` is then lower case).
    /// ASCII `k` and `s` also fold with U+212A and U+017F; every other ASCII letter only with its own capital.
    pub ignore_case: bool,
}

/// What can be known of a pattern without running it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Analysis {
    /// The unanchored pattern matches exactly the texts that contain one of these; one empty literal means every text.
    pub contains_any: Option<Vec<Literal>>,
    /// Every match contains this literal, the longest found; never empty.
    pub required: Option<Literal>,
}

pub(super) fn analyse(hir: &Hir) -> Analysis {
    Analysis { contains_any: contains_any(hir).and_then(|texts| to_literals(&texts)), required: required(hir) }
}

pub(super) fn equals_any(hir: &Hir) -> Option<Vec<Literal>> {
    to_literals(&texts_of(hir)?)
}

/// One character of a text, and how it compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unit {
    c: char,
    case: Case,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// The character has no other case.
    None,
    /// Only this case.
    Exact,
    /// Any case.
    Folded,
}

type Text = Vec<Unit>;

/// The set of texts the pattern matches, if it is small and has no look-around.
fn texts_of(hir: &Hir) -> Option<Vec<Text>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![Text::new()]),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok().filter(|text| text.len() <= TEXT_CHARS_MAX)?;
            Some(vec![text.chars().map(exact).collect()])
        }
        HirKind::Class(Class::Unicode(class)) => units_of(class),
        HirKind::Capture(capture) => texts_of(&capture.sub),
        HirKind::Concat(parts) => {
            parts.iter().try_fold(vec![Text::new()], |texts, part| product(&texts, &texts_of(part)?))
        }
        HirKind::Alternation(branches) => union(branches, texts_of),
        HirKind::Repetition(Repetition { min, max: Some(max), sub, .. }) if min == max && *max <= 16 => {
            let once = texts_of(sub)?;
            (0..*max).try_fold(vec![Text::new()], |texts, _| product(&texts, &once))
        }
        HirKind::Class(Class::Bytes(_)) | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

fn product(heads: &[Text], tails: &[Text]) -> Option<Vec<Text>> {
    if heads.len() * tails.len() > TEXTS_MAX {
        return None;
    }
    let mut texts = Vec::with_capacity(heads.len() * tails.len());
    for head in heads {
        for tail in tails {
            if head.len() + tail.len() > TEXT_CHARS_MAX {
                return None;
            }
            texts.push(head.iter().chain(tail).copied().collect());
        }
    }
    Some(texts)
}

fn union(branches: &[Hir], texts_of: impl Fn(&Hir) -> Option<Vec<Text>>) -> Option<Vec<Text>> {
    let mut texts = Vec::new();
    for branch in branches {
        texts.extend(texts_of(branch)?);
        if texts.len() > TEXTS_MAX {
            return None;
        }
    }
    Some(texts)
}

/// The cases of one character as one folded unit, or each character of a small class.
fn units_of(class: &ClassUnicode) -> Option<Vec<Text>> {
    let count: usize = class.iter().map(ClassUnicodeRange::len).sum();
    if count > 8 {
        return None;
    }
    let members = class.iter().flat_map(|range| range.start()..=range.end());
    let first = class.iter().next()?.start();
    if count > 1 && *class == cases_of(first) {
        let lower = first.to_lowercase().next().unwrap_or(first);
        return Some(vec![vec![Unit { c: lower, case: Case::Folded }]]);
    }
    Some(members.map(|c| vec![exact(c)]).collect())
}

fn exact(c: char) -> Unit {
    let has_cases = cases_of(c).iter().map(ClassUnicodeRange::len).sum::<usize>() > 1;
    Unit { c, case: if has_cases { Case::Exact } else { Case::None } }
}

/// The characters that equal `c` under simple case folding.
fn cases_of(c: char) -> ClassUnicode {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    let _ = class.try_case_fold_simple();
    class
}

/// As [`texts_of`], for a search anywhere in a text: what may be empty at either end does not matter.
fn contains_any(hir: &Hir) -> Option<Vec<Text>> {
    let may_be_empty = |hir: &Hir| {
        let properties = hir.properties();
        properties.minimum_len() == Some(0) && properties.look_set().is_empty()
    };
    if may_be_empty(hir) {
        return Some(vec![Text::new()]);
    }
    // An alternative that may be empty makes the whole so: no union below holds an empty text among others.
    match hir.kind() {
        HirKind::Capture(capture) => contains_any(&capture.sub),
        HirKind::Alternation(branches) => union(branches, contains_any),
        HirKind::Concat(parts) => {
            let first = parts.iter().position(|part| !may_be_empty(part))?;
            let last = parts.iter().rposition(|part| !may_be_empty(part))?;
            if first == last {
                return contains_any(&parts[first]);
            }
            let core = &parts[first..=last];
            core.iter().try_fold(vec![Text::new()], |texts, part| product(&texts, &texts_of(part)?))
        }
        HirKind::Repetition(repetition) if repetition.min == 1 => contains_any(&repetition.sub),
        _ => texts_of(hir),
    }
}

/// `None` when there are too many: a text that mixes cases that count with cases that do not is spelled out.
fn to_literals(texts: &[Text]) -> Option<Vec<Literal>> {
    let mut literals = Vec::with_capacity(texts.len());
    for text in texts {
        match to_literal(text) {
            Some(literal) => literals.push(literal),
            None => literals.extend(spell_out(text)?.iter().filter_map(|text| to_literal(text))),
        }
        if literals.len() > TEXTS_MAX {
            return None;
        }
    }
    Some(literals)
}

/// Every spelling of a text in exact characters.
fn spell_out(text: &[Unit]) -> Option<Vec<Text>> {
    text.iter().try_fold(vec![Text::new()], |texts, unit| match unit.case {
        Case::None | Case::Exact => product(&texts, &[vec![*unit]]),
        Case::Folded => {
            let members = cases_of(unit.c);
            let each: Vec<Text> =
                members.iter().flat_map(|range| range.start()..=range.end()).map(|c| vec![exact(c)]).collect();
            product(&texts, &each)
        }
    })
}

fn to_literal(text: &[Unit]) -> Option<Literal> {
    let has = |case: Case| text.iter().any(|unit| unit.case == case);
    let ignore_case = has(Case::Folded);
    if ignore_case && has(Case::Exact) {
        return None;
    }
    Some(Literal { text: text.iter().map(|unit| unit.c).collect(), ignore_case })
}

/// The longest literal that every match contains.
fn required(hir: &Hir) -> Option<Literal> {
    let mut best: Option<Literal> = None;
    let mut run = Text::new();
    collect_required(hir, &mut run, &mut best);
    offer(&run, &mut best);
    best
}

/// Extends `run`, the literal text that ends where `hir` begins; offers it to `best` where it cannot go on.
fn collect_required(hir: &Hir, run: &mut Text, best: &mut Option<Literal>) {
    if let Some([text]) = texts_of(hir).as_deref() {
        run.extend(text);
        return;
    }
    match hir.kind() {
        // Look-around takes no room: text before and after it is adjacent.
        HirKind::Look(_) => {}
        HirKind::Capture(capture) => collect_required(&capture.sub, run, best),
        HirKind::Concat(parts) => parts.iter().for_each(|part| collect_required(part, run, best)),
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            offer(run, best);
            run.clear();
            collect_required(&repetition.sub, run, best);
            offer(run, best);
            run.clear();
        }
        _ => {
            offer(run, best);
            run.clear();
        }
    }
}

/// Keeps the longest stretch of `run` whose characters all compare the same way.
fn offer(run: &[Unit], best: &mut Option<Literal>) {
    let mut start = 0;
    for end in 1..=run.len() {
        let literal = match to_literal(&run[start..end]) {
            Some(literal) => literal,
            None => {
                start = (start..end).rfind(|at| to_literal(&run[*at..end]).is_none()).map_or(end - 1, |at| at + 1);
                continue;
            }
        };
        if best.as_ref().is_none_or(|best| best.text.len() < literal.text.len()) {
            *best = Some(literal);
        }
    }
}
