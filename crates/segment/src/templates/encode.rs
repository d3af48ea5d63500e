//! From the lines of a block to the bytes of its lines column.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::hash_table::{Entry, HashTable};

use super::digits::{self, Case};
use super::kinds::{Kinds, look};
use super::learn::{Learned, Shape, learn};
use super::numbers;
use super::times::{ClockFormat, Forecast, parse_clock};
use super::tokens::{Grain, Span};
use crate::compression::put_section;
use crate::{Codec, Result, format, varint};

/// Encodes columns of texts that are ranges of `bytes`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Encoder<'a> {
    pub(super) bytes: &'a [u8],
    /// Of the block's rows.
    pub(super) times: &'a [i64],
    pub(super) codec: Codec,
}

/// Texts, and the row of the block that each is from; `None` for texts of no one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a> {
    pub(super) spans: &'a [Span],
    pub(super) rows: Option<&'a [u32]>,
}

/// Templates within slots, at most.
const DEPTH_MAX: usize = 3;
/// With so few distinct texts, nothing is cheaper than a table of them.
const WORDS_FEW: usize = 48;
const _: () = assert!(DEPTH_MAX < format::TEMPLATES_DEPTH_MAX);

impl Encoder<'_> {
    /// The column of whole lines; `None` when they have too little in common.
    pub(super) fn lines(&self, lines: Texts) -> Result<Option<Vec<u8>>> {
        let Some(learned) = learn(self.bytes, lines.spans, Grain::Line) else { return Ok(None) };
        let mut out = Vec::new();
        self.put_templates(&mut out, &learned, lines, 0)?;
        Ok(Some(out))
    }

    /// Appends a column of texts in the cheapest way found. There is at least one text.
    fn put_strings(&self, out: &mut Vec<u8>, texts: Texts, depth: usize) -> Result<()> {
        let first = texts.spans.first().map_or(&[][..], |span| span.of(self.bytes));
        let kinds = look(self.bytes, texts.spans);
        if kinds.same {
            out.push(format::STRINGS_SAME);
            varint::put(out, first.len() as u64);
            out.extend_from_slice(first);
            return Ok(());
        }
        if kinds.digits && kinds.max <= digits::DIGITS_MAX && (!kinds.padded || kinds.min == kinds.max) {
            return self.put_digits(out, texts, &kinds);
        }
        if let Some(format) = self.clock(texts.spans, &kinds) {
            return self.put_clock(out, texts, format);
        }
        let words = Words::of(self.bytes, texts.spans);
        if let Some(words) = &words
            && words.firsts.len() <= WORDS_FEW
            && words.firsts.len() * 16 <= texts.spans.len()
        {
            return self.put_words(out, words, depth);
        }
        self.put_best(out, texts, words.as_ref(), &kinds, depth)
    }

    fn put_best(
        &self,
        out: &mut Vec<u8>,
        texts: Texts,
        words: Option<&Words>,
        kinds: &Kinds,
        depth: usize,
    ) -> Result<()> {
        let mut best: Option<Vec<u8>> = None;
        let mut offer = |candidate: Vec<u8>| {
            if best.as_ref().is_none_or(|best| candidate.len() < best.len()) {
                best = Some(candidate);
            }
        };
        if let Some(words) = words {
            let mut candidate = Vec::new();
            self.put_words(&mut candidate, words, depth)?;
            offer(candidate);
        }
        let hex = kinds.hex();
        if let Some(case) = hex {
            let mut candidate = Vec::new();
            self.put_hex(&mut candidate, texts.spans, kinds.max, case)?;
            offer(candidate);
        }
        let mut plain = hex.is_none();
        if hex.is_none()
            && depth < DEPTH_MAX
            && let Some(learned) = learn(self.bytes, texts.spans, Grain::Value)
        {
            let whole = learned.whole.map_or(0, |whole| learned.shapes[whole].members.len());
            // Taken apart into itself: there is nothing to gain.
            if learned.shapes.iter().any(|shape| shape.texts.iter().any(|text| text.len() > 0)) {
                let mut candidate = Vec::new();
                self.put_templates(&mut candidate, &learned, texts, depth)?;
                offer(candidate);
                plain = whole * 4 > texts.spans.len();
            }
        }
        if plain {
            let mut candidate = Vec::new();
            self.put_text(&mut candidate, texts.spans)?;
            offer(candidate);
        }
        out.extend_from_slice(&best.unwrap_or_default());
        Ok(())
    }

    fn put_digits(&self, out: &mut Vec<u8>, texts: Texts, kinds: &Kinds) -> Result<()> {
        let values: Vec<i64> = texts.spans.iter().map(|span| digits::parse(span.of(self.bytes))).collect();
        let width = kinds.max as u8;
        let forecast = if kinds.padded {
            out.extend_from_slice(&[format::STRINGS_PADDED, width]);
            (width <= super::times::DIGITS_MAX).then_some(Forecast::Fraction(width))
        } else {
            out.push(format::STRINGS_DECIMAL);
            match width {
                3 | 6 | 9 if kinds.min == kinds.max => Some(Forecast::Fraction(width)),
                10 if kinds.min == kinds.max => Some(Forecast::Epoch(0)),
                13 if kinds.min == kinds.max => Some(Forecast::Epoch(3)),
                16 if kinds.min == kinds.max => Some(Forecast::Epoch(6)),
                _ => None,
            }
        };
        self.put_numbers(out, &values, texts.rows, forecast)
    }

    fn put_numbers(
        &self,
        out: &mut Vec<u8>,
        values: &[i64],
        rows: Option<&[u32]>,
        forecast: Option<Forecast>,
    ) -> Result<()> {
        let mut times = rows.map(|rows| rows.iter().filter_map(|row| self.times.get(*row as usize).copied()));
        let forecast = forecast.zip(times.as_mut().map(|times| times as &mut dyn Iterator<Item = i64>));
        numbers::put(out, values, forecast, self.codec)
    }

    /// The one way in which all texts are times of day.
    fn clock(&self, spans: &[Span], kinds: &Kinds) -> Option<ClockFormat> {
        if kinds.min != kinds.max || kinds.digits {
            return None;
        }
        let mut texts = spans.iter().map(|span| parse_clock(span.of(self.bytes)));
        let (format, _) = texts.next()??;
        (format.length() == kinds.max && texts.all(|text| text.is_some_and(|(other, _)| other == format)))
            .then_some(format)
    }

    fn put_clock(&self, out: &mut Vec<u8>, texts: Texts, format: ClockFormat) -> Result<()> {
        out.extend_from_slice(&[format::STRINGS_CLOCK, format.digits]);
        if format.digits > 0 {
            out.push(format.separator);
        }
        let values = texts.spans.iter().map(|span| parse_clock(span.of(self.bytes)).map_or(0, |(_, value)| value));
        let values: Vec<i64> = values.collect();
        self.put_numbers(out, &values, texts.rows, Some(Forecast::Clock(format.digits)))
    }

    fn put_hex(&self, out: &mut Vec<u8>, spans: &[Span], width: usize, case: Case) -> Result<()> {
        let mut packed = Vec::with_capacity(spans.len() * width.div_ceil(2));
        for span in spans {
            let text = span.of(self.bytes);
            let (odd, pairs) = text.split_at(width % 2);
            packed.extend(odd.iter().map(|digit| digits::nibble(*digit)));
            packed.extend(pairs.chunks_exact(2).map(|pair| digits::nibble(pair[0]) << 4 | digits::nibble(pair[1])));
        }
        out.push(match case {
            Case::Lower => format::STRINGS_HEX_LOWER,
            Case::Upper => format::STRINGS_HEX_UPPER,
        });
        varint::put(out, width as u64);
        put_section(out, &packed, self.codec)
    }

    fn put_text(&self, out: &mut Vec<u8>, spans: &[Span]) -> Result<()> {
        out.push(format::STRINGS_TEXT);
        let lengths: Vec<u32> = spans.iter().map(|span| span.len() as u32).collect();
        numbers::put_ids(out, &lengths, self.codec)?;
        let mut text = Vec::with_capacity(lengths.iter().map(|length| *length as usize).sum());
        spans.iter().for_each(|span| text.extend_from_slice(span.of(self.bytes)));
        put_section(out, &text, self.codec)
    }

    fn put_words(&self, out: &mut Vec<u8>, words: &Words, depth: usize) -> Result<()> {
        out.push(format::STRINGS_WORDS);
        varint::put(out, words.firsts.len() as u64);
        // Words of words never pay.
        let texts = Texts { spans: &words.firsts, rows: None };
        if words.firsts.len() < 32 {
            self.put_text(out, texts.spans)?;
        } else {
            self.put_strings(out, texts, depth + 1)?;
        }
        numbers::put_ids(out, &words.ids, self.codec)
    }

    fn put_templates(&self, out: &mut Vec<u8>, learned: &Learned, texts: Texts, depth: usize) -> Result<()> {
        let slots: usize = learned.shapes.iter().map(|shape| shape.slots.len()).sum();
        let mut static_texts = Vec::new();
        for shape in &learned.shapes {
            varint::put(&mut static_texts, shape.slots.len() as u64);
            for text in &shape.texts {
                varint::put(&mut static_texts, text.len() as u64);
                static_texts.extend_from_slice(text.of(self.bytes));
            }
        }
        out.push(format::STRINGS_TEMPLATES);
        varint::put(out, learned.shapes.len() as u64);
        varint::put(out, slots as u64);
        put_section(out, &static_texts, self.codec)?;
        let ids: Vec<u32> = learned.ids.iter().map(|id| u32::from(*id)).collect();
        numbers::put_ids(out, &ids, self.codec)?;
        for (at, shape) in learned.shapes.iter().enumerate() {
            let rows = rows_of(shape, texts.rows);
            for slot in &shape.slots {
                let texts = Texts { spans: slot, rows: rows.as_deref() };
                let depth = if learned.whole == Some(at) { DEPTH_MAX } else { depth + 1 };
                self.put_strings(out, texts, depth)?;
            }
        }
        Ok(())
    }
}

/// The block's rows of a shape's members.
fn rows_of(shape: &Shape, rows: Option<&[u32]>) -> Option<Vec<u32>> {
    rows.map(|rows| shape.members.iter().filter_map(|member| rows.get(*member as usize).copied()).collect())
}

/// Distinct texts, the frequent ones first, and which of them each text is.
#[derive(Debug)]
struct Words {
    firsts: Vec<Span>,
    ids: Vec<u32>,
}

impl Words {
    /// `None` when more than a third are distinct.
    fn of(bytes: &[u8], spans: &[Span]) -> Option<Self> {
        let limit = spans.len() / 3 + 1;
        let mut table: HashTable<u32> = HashTable::new();
        let mut words: Vec<(Span, u64, u32)> = Vec::new();
        let mut ids = Vec::with_capacity(spans.len());
        for span in spans {
            let text = span.of(bytes);
            let hash = hash(text);
            let same = |at: &u32| {
                let (word, known, _) = words[*at as usize];
                known == hash && word.of(bytes) == text
            };
            match table.entry(hash, same, |at| words[*at as usize].1) {
                Entry::Occupied(entry) => {
                    ids.push(*entry.get());
                    words[*entry.get() as usize].2 += 1;
                }
                Entry::Vacant(entry) => {
                    if words.len() >= limit || (ids.len() == EARLY && words.len() > EARLY * 15 / 16) {
                        return None;
                    }
                    entry.insert(words.len() as u32);
                    ids.push(words.len() as u32);
                    words.push((*span, hash, 1));
                }
            }
        }
        let mut order: Vec<u32> = (0..words.len() as u32).collect();
        order.sort_by_key(|at| std::cmp::Reverse(words[*at as usize].2));
        let mut rank = vec![0; words.len()];
        (0..).zip(&order).for_each(|(new, old)| rank[*old as usize] = new);
        ids.iter_mut().for_each(|id| *id = rank[*id as usize]);
        Some(Self { firsts: order.iter().map(|at| words[*at as usize].0).collect(), ids })
    }
}

/// Texts after which it is asked whether any come twice.
const EARLY: usize = 1024;

fn hash(text: &[u8]) -> u64 {
    FixedState::default().hash_one(text)
}
