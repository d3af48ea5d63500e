//! Texts put together again from templates and the values of their slots.

use std::ops::Range;

use sigyn_model::StringColumn;

use super::node::{Members, Templates};
use super::section::Stored;
use super::times::ClockFormat;
use super::write::{Cursor, copy_text};
use crate::Result;
use crate::varint::Reader;

/// The static texts of templates.
#[derive(Debug)]
pub(super) struct Outlines {
    bytes: Vec<u8>,
    templates: Vec<Outline>,
}

#[derive(Debug)]
struct Outline {
    /// Before each slot and after the last.
    texts: Vec<Range<usize>>,
    /// Among the slots of all templates.
    slots: Range<usize>,
    length: u64,
}

/// One template's texts and values, ready to be put together.
#[derive(Debug)]
pub(super) struct Woven {
    pub(super) parts: Vec<Part>,
    pub(super) last: Vec<u8>,
}

/// Static text and the values that follow it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) text: Vec<u8>,
    pub(super) value: Value,
}

/// Values of a slot. Numbers have been checked to be in range.
#[derive(Debug)]
pub(super) enum Value {
    /// `indexed` unless the nth text has value n.
    Text {
        column: StringColumn,
        indexed: bool,
    },
    Decimal(Vec<i64>),
    Padded {
        width: usize,
        values: Vec<i64>,
    },
    Clock {
        format: ClockFormat,
        values: Vec<i64>,
    },
    Hex {
        width: usize,
        table: &'static [[u8; 2]; 256],
        packed: Vec<u8>,
    },
}

impl Outlines {
    pub(super) fn read(templates: &Templates, stored: &Stored) -> Result<Self> {
        // Every static byte is in at least one line, and between two slots there is one: see `check`.
        let max = stored.text_max().saturating_mul(8).saturating_add(templates.count as u64 * 16);
        let bytes = stored.section(&templates.texts, max)?.into_owned();
        let mut reader = Reader::new(&bytes, super::REGION);
        let mut slots = 0;
        let mut outlines = Vec::with_capacity(templates.count);
        for _ in 0..templates.count {
            let count = reader.count("slots")?;
            let mut texts = Vec::with_capacity(count + 1);
            for at in 0..=count {
                let length = reader.varint()?;
                let start = bytes.len() - reader.left();
                reader.bytes(length)?;
                if length == 0 && at > 0 && at < count {
                    return Err(stored.corrupt("two slots of a template touch"));
                }
                texts.push(start..start + length as usize);
            }
            let length = texts.iter().map(|text| text.len() as u64).sum();
            outlines.push(Outline { texts, slots: slots..slots + count, length });
            slots += count;
        }
        reader.end()?;
        if slots != templates.slots.len() {
            return Err(stored.corrupt(format!("templates have {slots} slots, there are {}", templates.slots.len())));
        }
        Ok(Self { bytes, templates: outlines })
    }

    /// Static text alone must not take more than all lines: this bounds the number of values, too.
    pub(super) fn check(&self, stored: &Stored, members: impl Fn(usize) -> usize) -> Result<()> {
        let total = (0..).zip(&self.templates).map(|(at, outline)| outline.length.saturating_mul(members(at) as u64));
        if total.fold(0_u64, u64::saturating_add) > stored.text_max() {
            return Err(stored.corrupt("the static text of templates is longer than all lines"));
        }
        Ok(())
    }

    pub(super) fn slots(&self, template: usize) -> Range<usize> {
        self.templates[template].slots.clone()
    }

    pub(super) fn texts(&self, template: usize) -> impl ExactSizeIterator<Item = &[u8]> {
        self.templates[template].texts.iter().map(|range| &self.bytes[range.clone()])
    }
}

/// The texts of all templates in the order of their members, each followed by `separator`: their bytes, and where they start.
///
/// They are made a template and a part at a time, so that the processor does the same thing again and again.
///
/// Errors: `Corrupt` when they are longer than all lines together.
pub(super) fn weave(
    stored: &Stored,
    templates: &[Woven],
    members: &Members,
    separator: &[u8],
) -> Result<(Vec<u8>, Vec<u32>)> {
    let mut offsets = vec![0_u32; members.count() + 1];
    for (template, woven) in templates.iter().enumerate() {
        let positions = members.of_template(template);
        for (position, length) in positions.iter().zip(lengths(woven, positions.len())) {
            offsets[*position as usize + 1] = length;
        }
    }
    let mut end = 0_u64;
    for offset in &mut offsets[1..] {
        end += u64::from(*offset) + separator.len() as u64;
        *offset = end as u32;
    }
    if end > stored.text_max() {
        return Err(stored.corrupt(format!("texts take {end} bytes, lines {}", stored.text_max())));
    }
    let mut bytes = vec![0; end as usize];
    for (template, woven) in templates.iter().enumerate() {
        for (nth, positions) in members.of_template(template).chunks(CHUNK).enumerate() {
            let of = |position: &u32| Cursor {
                at: offsets[*position as usize] as usize,
                end: offsets[*position as usize + 1] as usize - separator.len(),
            };
            let mut cursors: Vec<Cursor> = positions.iter().map(of).collect();
            for part in &woven.parts {
                copy_text(&mut bytes, &mut cursors, &part.text);
                part.value.write(nth * CHUNK, &mut bytes, &mut cursors);
            }
            copy_text(&mut bytes, &mut cursors, &woven.last);
        }
    }
    if let [separator] = separator {
        offsets[1..].iter().for_each(|end| bytes[*end as usize - 1] = *separator);
    }
    Ok((bytes, offsets))
}

/// Texts that are made at a time: they should stay in the processor's cache.
const CHUNK: usize = 512;

/// Length of each text of a template; of those that are too long, something too long.
fn lengths(woven: &Woven, count: usize) -> Vec<u32> {
    let fixed = woven.last.len() + woven.parts.iter().map(|part| part.text.len()).sum::<usize>();
    let mut lengths = vec![u32::try_from(fixed).unwrap_or(LENGTH_MAX).min(LENGTH_MAX); count];
    woven.parts.iter().for_each(|part| part.value.add_lengths(&mut lengths));
    lengths
}

/// Longer than any text may be, and far from overflowing.
const LENGTH_MAX: u32 = 1 << 30;
