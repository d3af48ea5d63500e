//! Values as text, many of a kind at a time.

use super::digits;
use super::weave::Value;

/// Where the next byte of a text goes, and where the text ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    pub(super) at: usize,
    pub(super) end: usize,
}

/// Copies are made this many bytes at a time where the text goes on for as long: what is written too far is overwritten next.
const STEP: usize = 16;

/// Appends the same text to each.
pub(super) fn copy_text(to: &mut [u8], cursors: &mut [Cursor], text: &[u8]) {
    let length = text.len();
    match length {
        0 => {}
        1..=STEP => {
            let mut step = [0; STEP];
            step[..length].copy_from_slice(text);
            for cursor in cursors {
                if cursor.at + STEP <= cursor.end {
                    to[cursor.at..cursor.at + STEP].copy_from_slice(&step);
                } else {
                    to[cursor.at..cursor.at + length].copy_from_slice(text);
                }
                cursor.at += length;
            }
        }
        _ => {
            for cursor in cursors {
                to[cursor.at..cursor.at + length].copy_from_slice(text);
                cursor.at += length;
            }
        }
    }
}

#[inline(always)]
fn copy(to: &mut [u8], cursor: &mut Cursor, from: &[u8], start: usize, end: usize) {
    let length = end - start;
    if length <= STEP
        && cursor.at + STEP <= cursor.end
        && let Some(from) = from.get(start..start + STEP)
    {
        to[cursor.at..cursor.at + STEP].copy_from_slice(from);
    } else {
        to[cursor.at..cursor.at + length].copy_from_slice(&from[start..end]);
    }
    cursor.at += length;
}

/// Writes the first `length` of up to eight digits.
#[inline(always)]
fn copy_digits(to: &mut [u8], cursor: &mut Cursor, digits: [u8; 8], length: usize) {
    if cursor.at + 8 <= cursor.end {
        to[cursor.at..cursor.at + 8].copy_from_slice(&digits);
    } else {
        to[cursor.at..cursor.at + length].copy_from_slice(&digits[..length]);
    }
    cursor.at += length;
}

impl Value {
    /// Appends the texts of the values from `first` on, one to each cursor.
    pub(super) fn write(&self, first: usize, to: &mut [u8], cursors: &mut [Cursor]) {
        let rows = first..first + cursors.len();
        match self {
            Self::Text { column, indexed: false } => {
                for (cursor, pair) in cursors.iter_mut().zip(column.offsets[first..].windows(2)) {
                    copy(to, cursor, &column.bytes, pair[0] as usize, pair[1] as usize);
                }
            }
            Self::Text { column, indexed: true } => {
                for (cursor, id) in cursors.iter_mut().zip(&column.ids[rows]) {
                    let value = *id as usize;
                    let (start, end) = (column.offsets[value], column.offsets[value + 1]);
                    copy(to, cursor, &column.bytes, start as usize, end as usize);
                }
            }
            Self::Decimal(values) => {
                for (cursor, value) in cursors.iter_mut().zip(&values[rows]) {
                    let value = *value as u64;
                    let length = digits::length(value);
                    match u32::try_from(value) {
                        Ok(value) if value < 100_000_000 => {
                            copy_digits(to, cursor, digits::eight(value, length), length);
                        }
                        _ => write_long(to, cursor, value, length),
                    }
                }
            }
            Self::Padded { width, values } if *width <= 8 => {
                for (cursor, value) in cursors.iter_mut().zip(&values[rows]) {
                    copy_digits(to, cursor, digits::eight(*value as u32, *width), *width);
                }
            }
            Self::Padded { width, values } => {
                cursors.iter_mut().zip(&values[rows]).for_each(|(cursor, value)| {
                    write_long(to, cursor, *value as u64, *width);
                });
            }
            Self::Clock { format, values } => {
                for (cursor, value) in cursors.iter_mut().zip(&values[rows]) {
                    cursor.at += format.write(to, cursor.at, *value);
                }
            }
            Self::Hex { width, table, packed } => {
                let stride = width.div_ceil(2);
                for (cursor, number) in cursors.iter_mut().zip(packed[first * stride..].chunks_exact(stride)) {
                    let (odd, pairs) = number.split_at(width % 2);
                    let (first, rest) = to[cursor.at..cursor.at + width].split_at_mut(odd.len());
                    first.iter_mut().zip(odd).for_each(|(to, digit)| *to = table[usize::from(*digit)][1]);
                    let rest = rest.chunks_exact_mut(2);
                    rest.zip(pairs).for_each(|(to, pair)| to.copy_from_slice(&table[usize::from(*pair)]));
                    cursor.at += width;
                }
            }
        }
    }

    /// Adds the length of each value's text.
    pub(super) fn add_lengths(&self, lengths: &mut [u32]) {
        let mut add = |fixed: usize| lengths.iter_mut().for_each(|length| *length = plus(*length, fixed as u32));
        match self {
            Self::Text { column, indexed: false } => {
                for (length, pair) in lengths.iter_mut().zip(column.offsets.windows(2)) {
                    *length = plus(*length, pair[1] - pair[0]);
                }
            }
            Self::Text { column, indexed: true } => {
                for (length, id) in lengths.iter_mut().zip(&column.ids) {
                    *length = plus(*length, column.offsets[*id as usize + 1] - column.offsets[*id as usize]);
                }
            }
            Self::Decimal(values) => {
                for (length, value) in lengths.iter_mut().zip(values) {
                    *length = plus(*length, digits::length(*value as u64) as u32);
                }
            }
            Self::Padded { width, .. } | Self::Hex { width, .. } => add(*width),
            Self::Clock { format, .. } => add(format.length()),
        }
    }
}

/// A length that has grown too long stays so: the sum of all is refused.
#[inline(always)]
fn plus(length: u32, more: u32) -> u32 {
    length.saturating_add(more)
}

#[cold]
fn write_long(to: &mut [u8], cursor: &mut Cursor, value: u64, length: usize) {
    digits::fill(&mut to[cursor.at..cursor.at + length], value);
    cursor.at += length;
}
