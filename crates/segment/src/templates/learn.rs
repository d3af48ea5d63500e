//! Which texts share a template, and where their slots are.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::hash_table::{Entry, HashTable};
use hashbrown::{HashMap, HashSet};

use super::tokens::{Grain, Span, Token, tokenise};
use crate::format;

/// Texts of one template, whose slots are columns of their own.
#[derive(Debug)]
pub(super) struct Shape {
    /// One more than slots: what stands before each slot and after the last.
    pub(super) texts: Vec<Span>,
    /// Each with one span per member.
    pub(super) slots: Vec<Vec<Span>>,
    /// Positions of its texts, ascending.
    pub(super) members: Vec<u32>,
}

/// Texts by template.
#[derive(Debug)]
pub(super) struct Learned {
    pub(super) shapes: Vec<Shape>,
    /// Shape of each text.
    pub(super) ids: Vec<u16>,
    /// The shape of one slot alone, of texts that are stored whole.
    pub(super) whole: Option<usize>,
}

/// In a skeleton: a value. Texts that hold this byte or the next between values are stored whole.
const VALUE: u8 = 0;
/// In an outline: a word.
const WORD: u8 = 1;
/// A template of fewer texts does not pay for its columns.
const MEMBERS_MIN: usize = 8;
/// Templates that differ in words alone are left apart when they have this many texts each …
const MEMBERS_PLENTY: usize = 1024;
/// … or when there are no more than this.
const SIBLINGS_FEW: usize = 3;
/// Skeleton of a text that is stored whole.
const NONE: u32 = u32::MAX;

/// A way of saying things down to the words.
#[derive(Debug)]
struct Skeleton {
    /// In the arena.
    start: usize,
    end: usize,
    hash: u64,
    /// A text of it.
    example: u32,
    members: u32,
}

/// What a slot of a shape holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The nth value of the text.
    Value(u32),
    /// Words of the skeleton, from the first token to the second, both included.
    Words(u32, u32),
}

/// A skeleton's place among shapes.
#[derive(Debug, Clone, Default)]
struct Place {
    shape: Option<usize>,
    /// Of the skeleton's example: where its words that are slots stand.
    words: Vec<Span>,
}

#[derive(Debug, Default)]
struct Skeletons {
    arena: Vec<u8>,
    table: HashTable<u32>,
    all: Vec<Skeleton>,
}

impl Skeletons {
    /// The skeleton in `arena[start..]`, which is taken back when it is known.
    fn intern(&mut self, start: usize, example: u32) -> u32 {
        let hash = hash(&self.arena[start..]);
        let (arena, all) = (&self.arena, &self.all);
        let same = |at: &u32| {
            let known = &all[*at as usize];
            known.hash == hash && arena[known.start..known.end] == arena[start..]
        };
        match self.table.entry(hash, same, |at| all[*at as usize].hash) {
            Entry::Occupied(entry) => {
                let at = *entry.get();
                self.arena.truncate(start);
                self.all[at as usize].members += 1;
                at
            }
            Entry::Vacant(entry) => {
                let at = self.all.len() as u32;
                entry.insert(at);
                self.all.push(Skeleton { start, end: self.arena.len(), hash, example, members: 1 });
                at
            }
        }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    FixedState::default().hash_one(bytes)
}

/// Sorts `texts`, ranges of `bytes`, into shapes. `None` when hardly any two are alike.
pub(super) fn learn(bytes: &[u8], texts: &[Span], grain: Grain) -> Option<Learned> {
    let mut skeletons = Skeletons::default();
    let mut tokens = Vec::new();
    let mut values: Vec<Span> = Vec::with_capacity(texts.len() * 8);
    // Of each text: its skeleton, and where its values start.
    let mut read: Vec<(u32, u32)> = Vec::with_capacity(texts.len());
    for (at, text) in (0..).zip(texts) {
        if at == GIVE_UP_AFTER && skeletons.all.len() as u32 > at - at / 16 {
            return None;
        }
        let first = values.len() as u32;
        let known = tokenise(bytes, *text, grain, &mut tokens);
        let start = skeletons.arena.len();
        if known && append_skeleton(bytes, *text, &tokens, &mut skeletons.arena) {
            read.push((skeletons.intern(start, at), first));
            values.extend(tokens.iter().filter(|token| !token.word).map(|token| token.span));
        } else {
            skeletons.arena.truncate(start);
            read.push((NONE, first));
        }
    }
    let (places, mut plans) = arrange(bytes, texts, grain, &skeletons.all);
    drop(skeletons);
    Some(gather(&Read { texts, read, values }, &places, &mut plans))
}

/// Texts after which it is asked whether there is anything to learn.
const GIVE_UP_AFTER: u32 = 2000;

fn append_skeleton(bytes: &[u8], text: Span, tokens: &[Token], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let mut from = text.start;
    let mut slots = 0;
    for token in tokens.iter().filter(|token| !token.word) {
        out.extend_from_slice(Span { start: from, end: token.span.start }.of(bytes));
        out.push(VALUE);
        from = token.span.end;
        slots += 1;
    }
    out.extend_from_slice(Span { start: from, end: text.end }.of(bytes));
    memchr::memchr2_iter(VALUE, WORD, &out[start..]).count() == slots
}

/// A skeleton with its words left open.
fn outline(bytes: &[u8], text: Span, tokens: &[Token], out: &mut Vec<u8>) {
    let mut from = text.start;
    for token in tokens {
        out.extend_from_slice(Span { start: from, end: token.span.start }.of(bytes));
        out.push(if token.word { WORD } else { VALUE });
        from = token.span.end;
    }
    out.extend_from_slice(Span { start: from, end: text.end }.of(bytes));
}

/// How a shape looks: its texts, and where its slots come from.
#[derive(Debug)]
struct Plan {
    texts: Vec<Span>,
    sources: Vec<Source>,
    members: usize,
}

/// Decides which skeletons share a shape.
fn arrange(bytes: &[u8], texts: &[Span], grain: Grain, skeletons: &[Skeleton]) -> (Vec<Place>, Vec<Plan>) {
    let mut tokens = Vec::new();
    let mut groups: HashMap<Vec<u8>, Vec<u32>, FixedState> = HashMap::default();
    let mut order: Vec<Vec<u8>> = Vec::new();
    let mut key = Vec::new();
    for (at, skeleton) in (0..).zip(skeletons) {
        let text = texts[skeleton.example as usize];
        tokenise(bytes, text, grain, &mut tokens);
        key.clear();
        outline(bytes, text, &tokens, &mut key);
        match groups.get_mut(&key) {
            Some(group) => group.push(at),
            None => {
                order.push(key.clone());
                groups.insert(key.clone(), vec![at]);
            }
        }
    }
    let mut places = vec![Place::default(); skeletons.len()];
    let mut plans: Vec<Plan> = Vec::new();
    for key in &order {
        let Some(group) = groups.get(key) else { continue };
        let members: Vec<Member> = group
            .iter()
            .map(|at| {
                let text = texts[skeletons[*at as usize].example as usize];
                tokenise(bytes, text, grain, &mut tokens);
                Member { skeleton: *at, rows: skeletons[*at as usize].members as usize, text, tokens: tokens.clone() }
            })
            .collect();
        arrange_group(bytes, &members, &mut places, &mut plans);
    }
    (places, plans)
}

/// A skeleton in its group: all of a group have the same tokens but for the words.
#[derive(Debug)]
struct Member {
    skeleton: u32,
    rows: usize,
    text: Span,
    tokens: Vec<Token>,
}

fn arrange_group(bytes: &[u8], members: &[Member], places: &mut [Place], plans: &mut Vec<Plan>) {
    let open = open_words(bytes, members);
    let mut shapes: HashMap<Vec<&[u8]>, usize, FixedState> = HashMap::default();
    for member in members {
        let words = member.tokens.iter().zip(&open).filter(|(token, open)| token.word && !**open);
        let key: Vec<&[u8]> = words.map(|(token, _)| token.span.of(bytes)).collect();
        let shape = *shapes.entry(key).or_insert_with(|| {
            plans.push(plan(bytes, member, &open));
            plans.len() - 1
        });
        plans[shape].members += member.rows;
        let words = plans[shape].sources.iter().filter_map(|source| match source {
            Source::Words(first, last) => {
                let (first, last) = (member.tokens[*first as usize].span, member.tokens[*last as usize].span);
                Some(Span { start: first.start, end: last.end })
            }
            Source::Value(_) => None,
        });
        places[member.skeleton as usize] = Place { shape: Some(shape), words: words.collect() };
    }
}

/// Which tokens are words that become slots, so that few shapes are left.
fn open_words(bytes: &[u8], members: &[Member]) -> Vec<bool> {
    let tokens = members.first().map_or(0, |member| member.tokens.len());
    let mut open = vec![false; tokens];
    let sample: Vec<&Member> = members.iter().step_by(members.len().div_ceil(SAMPLE)).collect();
    let rows: usize = sample.iter().map(|member| member.rows).sum();
    let word = |member: &Member, at: usize| member.tokens[at].span.of(bytes);
    let distinct = |at: usize| sample.iter().map(|member| word(member, at)).collect::<HashSet<_, FixedState>>().len();
    let mut by_variety: Vec<(usize, usize)> =
        (0..tokens).filter(|at| members[0].tokens[*at].word).map(|at| (distinct(at), at)).collect();
    by_variety.sort_unstable();
    loop {
        let closed: Vec<usize> = by_variety.iter().map(|(_, at)| *at).collect();
        let key = |member: &&Member| -> Vec<&[u8]> { closed.iter().map(|at| word(member, *at)).collect() };
        let shapes = sample.iter().map(key).collect::<HashSet<_, FixedState>>().len();
        if shapes <= SIBLINGS_FEW || rows / shapes >= MEMBERS_PLENTY {
            return open;
        }
        if by_variety.is_empty() {
            return open;
        }
        // Several at a time when there are many, because each round looks at all of them.
        let rest = by_variety.split_off(by_variety.len() - 1 - by_variety.len() / 8);
        rest.iter().for_each(|(_, token)| open[*token] = true);
    }
}

/// Skeletons of a group that are looked at to find out which words vary.
const SAMPLE: usize = 1024;

fn plan(bytes: &[u8], member: &Member, open: &[bool]) -> Plan {
    let mut plan = Plan { texts: Vec::new(), sources: Vec::new(), members: 0 };
    let mut from = member.text.start;
    let mut value = 0;
    for (at, (token, open)) in (0..).zip(member.tokens.iter().zip(open)) {
        if token.word && !open {
            continue;
        }
        let between = Span { start: from, end: token.span.start };
        match plan.sources.last_mut() {
            // Words that follow each other mostly go together.
            Some(Source::Words(_, last)) if token.word && *last + 1 == at && between.of(bytes) == b" " => *last = at,
            _ => {
                plan.texts.push(between);
                plan.sources.push(if token.word { Source::Words(at, at) } else { Source::Value(value) });
            }
        }
        value += u32::from(!token.word);
        from = token.span.end;
    }
    plan.texts.push(Span { start: from, end: member.text.end });
    plan
}

/// Texts with their skeletons and values.
#[derive(Debug)]
struct Read<'a> {
    texts: &'a [Span],
    read: Vec<(u32, u32)>,
    values: Vec<Span>,
}

fn gather(read: &Read, places: &[Place], plans: &mut [Plan]) -> Learned {
    let mut shapes: Vec<Shape> = Vec::new();
    let mut numbers: Vec<Option<usize>> = vec![None; plans.len()];
    for (number, plan) in numbers.iter_mut().zip(plans.iter_mut()) {
        // One place is kept for the shape of whole texts.
        if plan.members >= MEMBERS_MIN.min(read.texts.len()) && shapes.len() + 1 < format::TEMPLATES_MAX as usize {
            *number = Some(shapes.len());
            let slots = plan.sources.iter().map(|_| Vec::with_capacity(plan.members)).collect();
            let members = Vec::with_capacity(plan.members);
            shapes.push(Shape { texts: std::mem::take(&mut plan.texts), slots, members });
        }
    }
    let mut whole = None;
    let mut ids = Vec::with_capacity(read.texts.len());
    for (at, (skeleton, first)) in (0..).zip(&read.read) {
        let place = places.get(*skeleton as usize);
        let planned = place.and_then(|place| place.shape).and_then(|plan| Some((plan, numbers[plan]?)));
        let Some((plan, number)) = planned else {
            let number = *whole.get_or_insert_with(|| {
                shapes.push(Shape { texts: vec![Span::default(); 2], slots: vec![Vec::new()], members: Vec::new() });
                shapes.len() - 1
            });
            shapes[number].members.push(at);
            shapes[number].slots[0].push(read.texts[at as usize]);
            ids.push(number as u16);
            continue;
        };
        let shape = &mut shapes[number];
        shape.members.push(at);
        let mut words = place.map_or(&[][..], |place| &place.words).iter();
        for (source, slot) in plans[plan].sources.iter().zip(&mut shape.slots) {
            slot.push(match source {
                Source::Value(value) => read.values[(first + value) as usize],
                Source::Words(..) => words.next().copied().unwrap_or_default(),
            });
        }
        ids.push(number as u16);
    }
    Learned { shapes, ids, whole }
}
