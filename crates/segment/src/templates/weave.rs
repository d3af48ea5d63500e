//! Texts put together again from templates and the values of their slots.

use std::ops::Range;

use sigyn_model::StringColumn;

use super::digits;
use super::node::Templates;
use super::section::Stored;
use super::times::ClockFormat;
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
    parts: Vec<Part>,
    last: Vec<u8>,
    /// No text of it is longer.
    length_max: usize,
    /// Texts of it put together so far.
    done: usize,
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

impl Woven {
    pub(super) fn new(parts: Vec<Part>, last: Vec<u8>) -> Self {
        let length_max = last.len() + parts.iter().map(|part| part.text.len() + part.value.length_max()).sum::<usize>();
        Self { parts, last, length_max, done: 0 }
    }
}

impl Value {
    fn length_max(&self) -> usize {
        match self {
            Self::Text { column, .. } => {
                column.offsets.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0) as usize
            }
            Self::Decimal(_) => digits::WINDOW,
            Self::Padded { width, .. } | Self::Hex { width, .. } => *width,
            Self::Clock { format, .. } => format.length(),
        }
    }

    /// Writes the text of the nth value to `to[at..]` and returns the end there; there is room for [`Value::length_max`] and slack.
    #[inline(always)]
    fn write(&self, row: usize, to: &mut [u8], at: usize) -> usize {
        match self {
            Self::Text { column, indexed } => {
                let value = if *indexed { column.ids[row] as usize } else { row };
                copy(to, at, &column.bytes, column.offsets[value] as usize, column.offsets[value + 1] as usize)
            }
            Self::Decimal(values) => at + digits::write(to, at, values[row] as u64),
            Self::Padded { width, values } => at + digits::write_padded(to, at, values[row] as u64, *width),
            Self::Clock { format, values } => at + format.write(to, at, values[row]),
            Self::Hex { width, table, packed } => {
                let stride = width.div_ceil(2);
                let (odd, pairs) = packed[row * stride..(row + 1) * stride].split_at(width % 2);
                let to = &mut to[at..at + width];
                let (first, rest) = to.split_at_mut(odd.len());
                first.iter_mut().zip(odd).for_each(|(to, digit)| *to = table[usize::from(*digit)][1]);
                rest.chunks_exact_mut(2)
                    .zip(pairs)
                    .for_each(|(to, pair)| to.copy_from_slice(&table[usize::from(*pair)]));
                at + width
            }
        }
    }
}

/// The texts of `ids`, in that order, each followed by `separator`: their bytes, and where they start. `guess` is how many bytes
/// there will be.
///
/// Errors: `Corrupt` when they are longer than all lines together.
pub(super) fn weave(
    stored: &Stored,
    mut templates: Vec<Woven>,
    ids: &[u16],
    separator: &[u8],
    guess: usize,
) -> Result<(Vec<u8>, Vec<u32>)> {
    let length_max = templates.iter().map(|woven| woven.length_max).max().unwrap_or(0);
    let room = length_max.saturating_add(SLACK + separator.len());
    let mut bytes = vec![0; guess + room];
    let mut offsets = Vec::with_capacity(ids.len() + 1);
    let mut at = 0;
    offsets.push(0);
    for id in ids {
        if bytes.len() - at < room {
            if at as u64 > stored.text_max() {
                break;
            }
            bytes.resize(bytes.len() * 2 + room, 0);
        }
        let woven = &mut templates[usize::from(*id)];
        let row = woven.done;
        woven.done += 1;
        for part in &woven.parts {
            at = copy(&mut bytes, at, &part.text, 0, part.text.len());
            at = part.value.write(row, &mut bytes, at);
        }
        at = copy(&mut bytes, at, &woven.last, 0, woven.last.len());
        if let [separator] = separator {
            bytes[at] = *separator;
            at += 1;
        }
        offsets.push(at as u32);
    }
    if at as u64 > stored.text_max() {
        return Err(stored.corrupt(format!("texts take more than the {} bytes of all lines", stored.text_max())));
    }
    bytes.truncate(at);
    Ok((bytes, offsets))
}

/// Bytes behind the longest text that may be overwritten: copies are made this many at a time.
const SLACK: usize = 24;
const STEP: usize = 16;
/// Longer texts are left to `memcpy`.
const STEPPED_MAX: usize = 64;

/// Copies `from[start..end]` to `to[at..]` and returns the end there. What follows the end may be overwritten.
#[inline(always)]
fn copy(to: &mut [u8], at: usize, from: &[u8], start: usize, end: usize) -> usize {
    let length = end - start;
    if length <= STEPPED_MAX {
        let mut done = 0;
        while done < length {
            let (Some(to), Some(from)) =
                (to.get_mut(at + done..at + done + STEP), from.get(start + done..start + done + STEP))
            else {
                break;
            };
            to.copy_from_slice(from);
            done += STEP;
        }
        if done >= length {
            return at + length;
        }
    }
    to[at..at + length].copy_from_slice(&from[start..end]);
    at + length
}
