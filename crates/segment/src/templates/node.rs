//! An encoded column of texts: found without decoding, decoded when asked.

use std::ops::Range;

use sigyn_model::StringColumn;

use super::digits::{self, Case};
use super::numbers::Numbers;
use super::section::{Section, Stored};
use super::times::{ClockFormat, DIGITS_MAX};
use super::weave::{Outlines, Part, Value, Woven, weave};
use crate::varint::Reader;
use crate::{Result, format};

/// How the texts of a column are stored.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// All are this range of the column's bytes.
    Same(Range<usize>),
    Text {
        lengths: Numbers,
        text: Section,
    },
    Words {
        count: usize,
        words: Box<Node>,
        ids: Numbers,
    },
    Decimal(Numbers),
    Padded {
        width: u8,
        numbers: Numbers,
    },
    Hex {
        width: usize,
        case: Case,
        packed: Section,
    },
    Clock {
        format: ClockFormat,
        numbers: Numbers,
    },
    Templates(Box<Templates>),
}

/// Texts of a few templates, and the columns of their slots, one after another.
#[derive(Debug, Clone)]
pub(super) struct Templates {
    pub(super) count: usize,
    pub(super) texts: Section,
    pub(super) ids: Numbers,
    pub(super) slots: Vec<Node>,
}

impl Node {
    /// `length` is the whole column's, of which `reader` has read some.
    pub(super) fn read(reader: &mut Reader, length: usize, depth: usize) -> Result<Self> {
        if depth > format::TEMPLATES_DEPTH_MAX {
            return Err(reader.corrupt("templates within templates without end"));
        }
        let numbers = |reader: &mut Reader| Numbers::read(reader, length);
        Ok(match reader.u8()? {
            format::STRINGS_SAME => {
                let bytes = reader.varint()?;
                let start = length - reader.left();
                reader.bytes(bytes)?;
                Self::Same(start..start + bytes as usize)
            }
            format::STRINGS_TEXT => Self::Text { lengths: numbers(reader)?, text: Section::read(reader, length)? },
            format::STRINGS_WORDS => {
                let count = reader.varint()?;
                if count == 0 || count > format::ROWS_MAX {
                    return Err(reader.corrupt(format!("{count} words")));
                }
                let words = Box::new(Self::read(reader, length, depth + 1)?);
                Self::Words { count: count as usize, words, ids: numbers(reader)? }
            }
            format::STRINGS_DECIMAL => Self::Decimal(numbers(reader)?),
            format::STRINGS_PADDED => {
                let width = reader.u8()?;
                if !(1..=digits::DIGITS_MAX).contains(&usize::from(width)) {
                    return Err(reader.corrupt(format!("numbers of {width} digits")));
                }
                Self::Padded { width, numbers: numbers(reader)? }
            }
            kind @ (format::STRINGS_HEX_LOWER | format::STRINGS_HEX_UPPER) => {
                let width = reader.varint()?;
                if width == 0 || width > format::COLUMN_RAW_MAX {
                    return Err(reader.corrupt(format!("hexadecimal numbers of {width} digits")));
                }
                let case = if kind == format::STRINGS_HEX_LOWER { Case::Lower } else { Case::Upper };
                Self::Hex { width: width as usize, case, packed: Section::read(reader, length)? }
            }
            format::STRINGS_CLOCK => Self::Clock { format: read_clock(reader)?, numbers: numbers(reader)? },
            format::STRINGS_TEMPLATES => Self::Templates(Box::new(Templates::read(reader, length, depth)?)),
            other => return Err(reader.corrupt(format!("texts stored in way {other}"))),
        })
    }

    /// The texts; `rows` are those of the block that they are from.
    pub(super) fn decode(&self, stored: &Stored, count: usize, rows: Option<&[u32]>) -> Result<StringColumn> {
        match self.value(stored, count, rows)? {
            Value::Text { column, .. } => Ok(column),
            value => {
                let woven = Woven { parts: vec![Part { text: Vec::new(), value }], last: Vec::new() };
                let (bytes, offsets) = weave(stored, &[woven], &Members::one(count), &[])?;
                Ok(StringColumn { bytes, offsets, ids: identity(count) })
            }
        }
    }

    /// What the texts are made of, decoded and checked, but not written out.
    fn value(&self, stored: &Stored, count: usize, rows: Option<&[u32]>) -> Result<Value> {
        match self {
            Self::Same(range) => {
                let bytes = stored.range(range.clone())?.to_vec();
                let column = StringColumn { offsets: vec![0, bytes.len() as u32], bytes, ids: vec![0; count] };
                Ok(Value::Text { column, indexed: true })
            }
            Self::Text { lengths, text } => {
                let lengths = decode_numbers(lengths, stored, count, None)?;
                let bytes = stored.section(text, stored.text_max())?.into_owned();
                let offsets = offsets(stored, &lengths, bytes.len())?;
                Ok(Value::Text { column: StringColumn { bytes, offsets, ids: identity(count) }, indexed: false })
            }
            Self::Words { count: words_count, words, ids } => {
                let words = words.decode(stored, *words_count, None)?;
                let ids = decode_numbers(ids, stored, count, None)?;
                if ids.iter().any(|id| usize::try_from(*id).map_or(true, |id| id >= *words_count)) {
                    return Err(stored.corrupt("an id is past its words"));
                }
                let ids = ids.into_iter().map(|id| words.ids[id as usize]).collect();
                Ok(Value::Text { column: StringColumn { ids, ..words }, indexed: true })
            }
            Self::Decimal(numbers) => {
                let values = decode_numbers(numbers, stored, count, rows)?;
                in_range(stored, &values, i64::MAX)?;
                Ok(Value::Decimal(values))
            }
            Self::Padded { width, numbers } => {
                let values = decode_numbers(numbers, stored, count, rows)?;
                in_range(stored, &values, 10_i64.pow(u32::from(*width)))?;
                Ok(Value::Padded { width: usize::from(*width), values })
            }
            Self::Clock { format, numbers } => {
                let values = decode_numbers(numbers, stored, count, rows)?;
                in_range(stored, &values, format.end())?;
                Ok(Value::Clock { format: *format, values })
            }
            Self::Hex { width, case, packed } => unpack_hex(stored, count, *width, *case, packed),
            Self::Templates(templates) => {
                let column = templates.decode(stored, count, rows)?;
                Ok(Value::Text { column, indexed: false })
            }
        }
    }

    /// Appends the parts that make a text: what is the same in all texts to `text`, what follows such text and varies to `parts`.
    fn flatten(
        &self,
        stored: &Stored,
        count: usize,
        rows: Option<&[u32]>,
        text: &mut Vec<u8>,
        parts: &mut Vec<Part>,
    ) -> Result<()> {
        match self {
            Self::Same(range) => text.extend_from_slice(stored.range(range.clone())?),
            Self::Templates(templates) if templates.count == 1 => {
                templates.ids(stored, count)?;
                let outlines = Outlines::read(templates, stored)?;
                outlines.check(stored, |_| count)?;
                templates.flatten(&outlines, 0, (stored, count, rows), text, parts)?;
            }
            _ => parts.push(Part { text: std::mem::take(text), value: self.value(stored, count, rows)? }),
        }
        if text.len() as u64 > stored.text_max() {
            return Err(stored.corrupt("the static text of templates is longer than all lines"));
        }
        Ok(())
    }
}

fn read_clock(reader: &mut Reader) -> Result<ClockFormat> {
    let digits = reader.u8()?;
    if digits > DIGITS_MAX {
        return Err(reader.corrupt(format!("times of {digits} digits")));
    }
    let separator = if digits > 0 { reader.u8()? } else { 0 };
    Ok(ClockFormat { separator, digits })
}

fn decode_numbers(numbers: &Numbers, stored: &Stored, count: usize, rows: Option<&[u32]>) -> Result<Vec<i64>> {
    let times = rows.zip(stored.times());
    let mut times = times.map(|(rows, times)| rows.iter().filter_map(|row| times.get(*row as usize).copied()));
    numbers.decode(stored, count, times.as_mut().map(|times| times as &mut dyn Iterator<Item = i64>))
}

fn identity(count: usize) -> Vec<u32> {
    (0..count as u32).collect()
}

/// Where texts of these lengths start and end in `total` bytes.
fn offsets(stored: &Stored, lengths: &[i64], total: usize) -> Result<Vec<u32>> {
    let mut end = 0_i64;
    let mut offsets = Vec::with_capacity(lengths.len() + 1);
    offsets.push(0);
    for length in lengths {
        end = end.saturating_add(*length);
        if *length < 0 || end > total as i64 {
            return Err(stored.corrupt("lengths of texts pass their end"));
        }
        offsets.push(end as u32);
    }
    if end != total as i64 {
        return Err(stored.corrupt("texts have more bytes than their lengths say"));
    }
    Ok(offsets)
}

/// Whether all `values` are numbers from 0 to below `end`.
fn in_range(stored: &Stored, values: &[i64], end: i64) -> Result<()> {
    let outside = values.iter().fold(false, |outside, value| outside | (*value < 0) | (*value >= end));
    if outside { Err(stored.corrupt("a number is out of its range")) } else { Ok(()) }
}

fn unpack_hex(stored: &Stored, count: usize, width: usize, case: Case, packed: &Section) -> Result<Value> {
    let stride = width.div_ceil(2);
    if (count as u64).saturating_mul(width as u64) > stored.text_max() {
        return Err(stored.corrupt("hexadecimal numbers take more bytes than all lines"));
    }
    let packed = stored.exactly(packed, count * stride)?.into_owned();
    if width % 2 == 1 && packed.chunks_exact(stride).any(|number| number[0] > 15) {
        return Err(stored.corrupt("a hexadecimal number has a digit too many"));
    }
    Ok(Value::Hex { width, table: case.table(), packed })
}

impl Templates {
    fn read(reader: &mut Reader, length: usize, depth: usize) -> Result<Self> {
        let count = reader.varint()?;
        if count == 0 || count > format::TEMPLATES_MAX {
            return Err(reader.corrupt(format!("{count} templates")));
        }
        let slots = reader.count("slots")?;
        let texts = Section::read(reader, length)?;
        let ids = Numbers::read(reader, length)?;
        let slots = (0..slots).map(|_| Node::read(reader, length, depth + 1)).collect::<Result<_>>()?;
        Ok(Self { count: count as usize, texts, ids, slots })
    }

    /// The template of each of `count` texts.
    pub(super) fn ids(&self, stored: &Stored, count: usize) -> Result<Vec<u16>> {
        let ids = decode_numbers(&self.ids, stored, count, None)?;
        if ids.iter().any(|id| usize::try_from(*id).map_or(true, |id| id >= self.count)) {
            return Err(stored.corrupt("a text has a template that does not exist"));
        }
        Ok(ids.into_iter().map(|id| id as u16).collect())
    }

    fn decode(&self, stored: &Stored, count: usize, rows: Option<&[u32]>) -> Result<StringColumn> {
        let ids = self.ids(stored, count)?;
        let outlines = Outlines::read(self, stored)?;
        let members = Members::of(&ids, self.count);
        outlines.check(stored, |template| members.of_template(template).len())?;
        let mut woven = Vec::with_capacity(self.count);
        for template in 0..self.count {
            woven.push(self.woven(&outlines, template, stored, &members, rows)?);
        }
        let (bytes, offsets) = weave(stored, &woven, &members, &[])?;
        Ok(StringColumn { bytes, offsets, ids: identity(count) })
    }

    /// A template ready to be put together; `rows` are the block's rows of all texts.
    pub(super) fn woven(
        &self,
        outlines: &Outlines,
        template: usize,
        stored: &Stored,
        members: &Members,
        rows: Option<&[u32]>,
    ) -> Result<Woven> {
        let positions = members.of_template(template);
        let rows: Option<Vec<u32>> =
            rows.map(|rows| positions.iter().filter_map(|at| rows.get(*at as usize).copied()).collect());
        let (mut text, mut parts) = (Vec::new(), Vec::new());
        let of = (stored, positions.len(), rows.as_deref());
        self.flatten(outlines, template, of, &mut text, &mut parts)?;
        Ok(Woven { parts, last: text })
    }

    fn flatten(
        &self,
        outlines: &Outlines,
        template: usize,
        (stored, count, rows): (&Stored, usize, Option<&[u32]>),
        text: &mut Vec<u8>,
        parts: &mut Vec<Part>,
    ) -> Result<()> {
        let mut slots = outlines.slots(template);
        for piece in outlines.texts(template) {
            text.extend_from_slice(piece);
            if let Some(slot) = slots.next() {
                self.slots[slot].flatten(stored, count, rows, text, parts)?;
            }
        }
        Ok(())
    }
}

/// Positions of the texts of each template.
#[derive(Debug)]
pub(super) struct Members {
    positions: Vec<u32>,
    /// Where each template's positions start, and the end of the last.
    starts: Vec<u32>,
}

impl Members {
    pub(super) fn of(ids: &[u16], templates: usize) -> Self {
        let mut starts = vec![0_u32; templates + 1];
        ids.iter().for_each(|id| starts[usize::from(*id) + 1] += 1);
        (0..templates).for_each(|at| starts[at + 1] += starts[at]);
        let mut next = starts.clone();
        let mut positions = vec![0; ids.len()];
        for (position, id) in (0..).zip(ids) {
            let at = &mut next[usize::from(*id)];
            positions[*at as usize] = position;
            *at += 1;
        }
        Self { positions, starts }
    }

    /// Of the only template.
    pub(super) fn one(count: usize) -> Self {
        Self { positions: identity(count), starts: vec![0, count as u32] }
    }

    /// Texts of all templates.
    pub(super) const fn count(&self) -> usize {
        self.positions.len()
    }

    pub(super) fn of_template(&self, template: usize) -> &[u32] {
        &self.positions[self.starts[template] as usize..self.starts[template + 1] as usize]
    }
}
