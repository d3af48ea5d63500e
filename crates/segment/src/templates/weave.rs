//! Texts put together again from templates and the values of their slots.

use std::ops::Range;

use sigyn_model::StringColumn;

use super::node::{Members, Templates};
use super::section::Stored;
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
pub(super) struct Woven<'a> {
    texts: Vec<&'a [u8]>,
    values: Vec<&'a StringColumn>,
    /// Texts of it put together so far.
    done: usize,
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
    pub(super) fn check(&self, stored: &Stored, members: &Members) -> Result<()> {
        let total =
            (0..).zip(&self.templates).map(|(at, outline)| outline.length * members.of_template(at).len() as u64);
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

    pub(super) fn woven<'a>(&'a self, template: usize, values: &[&'a StringColumn]) -> Woven<'a> {
        Woven { texts: self.texts(template).collect(), values: values.to_vec(), done: 0 }
    }
}

impl Woven<'_> {
    fn length(&self, members: usize) -> u64 {
        let texts: u64 = self.texts.iter().map(|text| text.len() as u64).sum();
        let value = |column: &StringColumn, id: &u32| {
            u64::from(column.offsets[*id as usize + 1] - column.offsets[*id as usize])
        };
        let values: u64 =
            self.values.iter().map(|column| column.ids.iter().map(|id| value(column, id)).sum::<u64>()).sum();
        texts * members as u64 + values
    }
}

/// The texts of `ids`, in that order, each followed by `separator`: their bytes, and where they start.
///
/// Errors: `Corrupt` when they are longer than all lines together.
pub(super) fn weave(
    stored: &Stored,
    mut templates: Vec<Woven>,
    members: &Members,
    ids: &[u16],
    separator: &[u8],
) -> Result<(Vec<u8>, Vec<u32>)> {
    let lengths = (0..).zip(&templates).map(|(at, woven)| woven.length(members.of_template(at).len()));
    let total = lengths.fold(0_u64, u64::saturating_add) + (ids.len() * separator.len()) as u64;
    if total > stored.text_max() {
        return Err(stored.corrupt(format!("texts take {total} bytes, lines {}", stored.text_max())));
    }
    let mut bytes = vec![0; total as usize + SLACK];
    let mut offsets = Vec::with_capacity(ids.len() + 1);
    let mut at = 0;
    offsets.push(0);
    for id in ids {
        let woven = &mut templates[usize::from(*id)];
        let row = woven.done;
        woven.done += 1;
        for (text, column) in woven.texts.iter().zip(&woven.values) {
            at = copy(&mut bytes, at, text, 0, text.len());
            let value = column.ids[row] as usize;
            let (start, end) = (column.offsets[value] as usize, column.offsets[value + 1] as usize);
            at = copy(&mut bytes, at, &column.bytes, start, end);
        }
        if let Some(text) = woven.texts.last() {
            at = copy(&mut bytes, at, text, 0, text.len());
        }
        if !separator.is_empty() {
            bytes[at] = separator[0];
            at += 1;
        }
        offsets.push(at as u32);
    }
    bytes.truncate(at);
    Ok((bytes, offsets))
}

/// Copies of up to this many bytes are made in one go, whatever their length.
const SLACK: usize = 16;

/// Copies `from[start..end]` to `to[at..]` and returns the end there. What follows the end may be overwritten.
#[inline(always)]
fn copy(to: &mut [u8], at: usize, from: &[u8], start: usize, end: usize) -> usize {
    let length = end - start;
    if length <= SLACK
        && let (Some(to), Some(from)) = (to.get_mut(at..at + SLACK), from.get(start..start + SLACK))
    {
        to.copy_from_slice(from);
    } else {
        to[at..at + length].copy_from_slice(&from[start..end]);
    }
    at + length
}
