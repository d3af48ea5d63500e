//! A column of numbers: differences to something foreseeable, then the cheapest of a few ways to store them.

use hashbrown::HashMap;

use super::classes;
use super::section::{Section, Stored};
use super::times::{DIGITS_MAX, Forecast};
use crate::compression::put_section;
use crate::varint::{self, Reader, unzigzag, zigzag};
use crate::{Codec, Result, format};

/// What is stored is the difference to this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Zero,
    Previous,
    Row(Forecast),
}

/// Numbers as stored: found, not decoded.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    base: Base,
    /// Added to every stored number.
    low: u64,
    coding: Coding,
}

#[derive(Debug, Clone)]
enum Coding {
    Same,
    Planes(Vec<Section>),
    Classes { symbols: Section, bits: Section },
    Table { count: usize, values: Section, ids: Vec<Section> },
}

/// Distinct numbers that a table may have.
const TABLE_MAX: usize = 4096;

/// Appends `values`; `forecast` is tried when given, with the times of the values' rows.
pub(super) fn put(
    out: &mut Vec<u8>,
    values: &[i64],
    forecast: Option<(Forecast, &mut dyn Iterator<Item = i64>)>,
    codec: Codec,
) -> Result<()> {
    let (base, mut stored) = choose_base(values, forecast);
    let low = stored.iter().copied().min().unwrap_or(0);
    stored.iter_mut().for_each(|value| *value -= low);
    put_base(out, base);
    let high = stored.iter().copied().max().unwrap_or(0);
    if high == 0 {
        out.push(format::NUMBERS_SAME);
        varint::put(out, low);
        return Ok(());
    }
    let best = [
        Some(as_planes(&stored, high, codec)?),
        if high > 0xff { Some(as_classes(&stored, codec)?) } else { None },
        if high > 0xff { as_table(&stored, codec)? } else { None },
    ];
    let (coding, body) = best.into_iter().flatten().min_by_key(|(_, body)| body.len()).unwrap_or_default();
    out.push(coding);
    varint::put(out, low);
    out.extend_from_slice(&body);
    Ok(())
}

/// Appends ids, of which the largest is below 2^32: as numbers without a foreseeable base.
pub(super) fn put_ids(out: &mut Vec<u8>, ids: &[u32], codec: Codec) -> Result<()> {
    let values: Vec<i64> = ids.iter().map(|id| i64::from(*id)).collect();
    put(out, &values, None, codec)
}

fn choose_base(values: &[i64], forecast: Option<(Forecast, &mut dyn Iterator<Item = i64>)>) -> (Base, Vec<u64>) {
    let plain = || values.iter().map(|value| *value as u64);
    let all_positive = values.iter().all(|value| *value >= 0);
    let mut best = (Base::Zero, if all_positive { classes::cost(plain()) } else { f64::INFINITY });
    let steps = classes::cost(differences(values));
    if steps < best.1 * 0.97 {
        best = (Base::Previous, steps);
    }
    let mut chosen: Vec<u64> = Vec::new();
    if let Some((forecast, rows)) = forecast {
        let off: Vec<u64> =
            values.iter().zip(rows).map(|(value, row)| zigzag(value.wrapping_sub(forecast.of(row)))).collect();
        if off.len() == values.len() {
            let cost = classes::cost(off.iter().copied());
            if cost < best.1 * 0.97 {
                best = (Base::Row(forecast), cost);
                chosen = off;
            }
        }
    }
    match best.0 {
        Base::Zero => chosen = plain().collect(),
        Base::Previous => chosen = differences(values).collect(),
        Base::Row(_) => {}
    }
    (best.0, chosen)
}

fn differences(values: &[i64]) -> impl Iterator<Item = u64> + '_ {
    let before = [0].into_iter().chain(values.iter().copied());
    values.iter().zip(before).map(|(value, before)| zigzag(value.wrapping_sub(before)))
}

fn put_base(out: &mut Vec<u8>, base: Base) {
    match base {
        Base::Zero => out.push(format::BASE_ZERO),
        Base::Previous => out.push(format::BASE_PREVIOUS),
        Base::Row(Forecast::Clock(digits)) => out.extend_from_slice(&[format::BASE_CLOCK, digits]),
        Base::Row(Forecast::Epoch(digits)) => out.extend_from_slice(&[format::BASE_EPOCH, digits]),
        Base::Row(Forecast::Fraction(digits)) => out.extend_from_slice(&[format::BASE_FRACTION, digits]),
    }
}

fn as_planes(values: &[u64], high: u64, codec: Codec) -> Result<(u8, Vec<u8>)> {
    let width = (64 - high.leading_zeros()).div_ceil(8) as u8;
    let mut body = vec![width];
    put_planes(&mut body, values, width, codec)?;
    Ok((format::NUMBERS_PLANES, body))
}

fn put_planes(out: &mut Vec<u8>, values: &[u64], width: u8, codec: Codec) -> Result<()> {
    let mut plane = Vec::with_capacity(values.len());
    for at in 0..width {
        plane.clear();
        plane.extend(values.iter().map(|value| (value >> (8 * at)) as u8));
        put_section(out, &plane, codec)?;
    }
    Ok(())
}

fn as_classes(values: &[u64], codec: Codec) -> Result<(u8, Vec<u8>)> {
    let (symbols, bits) = classes::split(values);
    let mut body = Vec::new();
    put_section(&mut body, &symbols, codec)?;
    body.push(format::SECTION_PLAIN);
    varint::put(&mut body, bits.len() as u64);
    body.extend_from_slice(&bits);
    Ok((format::NUMBERS_CLASSES, body))
}

/// The frequent values first, so that the high bytes of ids are mostly 0.
fn as_table(values: &[u64], codec: Codec) -> Result<Option<(u8, Vec<u8>)>> {
    let limit = TABLE_MAX.min(values.len() / 3);
    let mut counts: HashMap<u64, u32> = HashMap::new();
    for value in values {
        *counts.entry(*value).or_insert(0) += 1;
        if counts.len() > limit {
            return Ok(None);
        }
    }
    let mut table: Vec<(u64, u32)> = counts.into_iter().collect();
    table.sort_unstable_by(|(a, count_a), (b, count_b)| count_b.cmp(count_a).then(a.cmp(b)));
    let ids: HashMap<u64, u64> = (0..).zip(&table).map(|(id, (value, _))| (*value, id)).collect();
    let ids: Vec<u64> = values.iter().map(|value| ids.get(value).copied().unwrap_or(0)).collect();
    let mut listed = Vec::new();
    table.iter().for_each(|(value, _)| varint::put(&mut listed, *value));
    let mut body = Vec::new();
    varint::put(&mut body, table.len() as u64);
    put_section(&mut body, &listed, codec)?;
    let width = if table.len() > 0x100 { 2 } else { 1 };
    body.push(width);
    put_planes(&mut body, &ids, width, codec)?;
    Ok(Some((format::NUMBERS_TABLE, body)))
}

impl Numbers {
    /// Finds where the parts are; decodes nothing.
    pub(super) fn read(reader: &mut Reader, length: usize) -> Result<Self> {
        let base = match reader.u8()? {
            format::BASE_ZERO => Base::Zero,
            format::BASE_PREVIOUS => Base::Previous,
            format::BASE_CLOCK => Base::Row(Forecast::Clock(digits(reader)?)),
            format::BASE_EPOCH => Base::Row(Forecast::Epoch(digits(reader)?)),
            format::BASE_FRACTION => Base::Row(Forecast::Fraction(digits(reader)?)),
            other => return Err(reader.corrupt(format!("numbers relative to {other}"))),
        };
        let coding = reader.u8()?;
        let low = reader.varint()?;
        let coding = match coding {
            format::NUMBERS_SAME => Coding::Same,
            format::NUMBERS_PLANES => Coding::Planes(read_planes(reader, length, 8)?),
            format::NUMBERS_CLASSES => {
                Coding::Classes { symbols: Section::read(reader, length)?, bits: Section::read(reader, length)? }
            }
            format::NUMBERS_TABLE => {
                let count = reader.varint()?;
                if count == 0 || count > format::NUMBERS_TABLE_MAX {
                    return Err(reader.corrupt(format!("a table of {count} numbers")));
                }
                let values = Section::read(reader, length)?;
                Coding::Table { count: count as usize, values, ids: read_planes(reader, length, 2)? }
            }
            other => return Err(reader.corrupt(format!("numbers stored in way {other}"))),
        };
        Ok(Self { base, low, coding })
    }

    /// All `count` numbers; `times` are those of their rows, in nanoseconds.
    pub(super) fn decode(
        &self,
        stored: &Stored,
        count: usize,
        times: Option<&mut dyn Iterator<Item = i64>>,
    ) -> Result<Vec<i64>> {
        let raw = self.raw(stored, count)?;
        let low = self.low;
        let mut values: Vec<i64> = raw.into_iter().map(|value| value.wrapping_add(low) as i64).collect();
        match self.base {
            Base::Zero => {}
            Base::Previous => {
                let mut before = 0_i64;
                for value in &mut values {
                    before = before.wrapping_add(unzigzag(*value as u64));
                    *value = before;
                }
            }
            Base::Row(forecast) => {
                let times = times.ok_or_else(|| stored.corrupt("it needs times of rows where there are none"))?;
                let mut done = 0;
                for (value, time) in values.iter_mut().zip(times) {
                    *value = forecast.of(time).wrapping_add(unzigzag(*value as u64));
                    done += 1;
                }
                if done != count {
                    return Err(stored.corrupt("there are fewer times than rows"));
                }
            }
        }
        Ok(values)
    }

    fn raw(&self, stored: &Stored, count: usize) -> Result<Vec<u64>> {
        match &self.coding {
            Coding::Same => Ok(vec![0; count]),
            Coding::Planes(planes) => join_planes(stored, planes, count),
            Coding::Classes { symbols, bits } => {
                let symbols = stored.exactly(symbols, count)?;
                let bits = stored.section(bits, count as u64 * 8)?;
                classes::join(&symbols, &bits).ok_or_else(|| stored.corrupt("classes do not match their bits"))
            }
            Coding::Table { count: entries, values, ids } => {
                let values = stored.section(values, *entries as u64 * 10)?;
                let mut reader = Reader::new(&values, super::REGION);
                let table: Vec<u64> = (0..*entries).map(|_| reader.varint()).collect::<Result<_>>()?;
                reader.end()?;
                let mut raw = join_planes(stored, ids, count)?;
                for id in &mut raw {
                    *id = *table.get(*id as usize).ok_or_else(|| stored.corrupt("an id is past its table"))?;
                }
                Ok(raw)
            }
        }
    }
}

fn digits(reader: &mut Reader) -> Result<u8> {
    let digits = reader.u8()?;
    if digits > DIGITS_MAX { Err(reader.corrupt(format!("times of {digits} digits"))) } else { Ok(digits) }
}

fn read_planes(reader: &mut Reader, length: usize, width_max: u8) -> Result<Vec<Section>> {
    let width = reader.u8()?;
    if !(1..=width_max).contains(&width) {
        return Err(reader.corrupt(format!("numbers of {width} bytes")));
    }
    (0..width).map(|_| Section::read(reader, length)).collect()
}

fn join_planes(stored: &Stored, planes: &[Section], count: usize) -> Result<Vec<u64>> {
    let mut values: Vec<u64> = Vec::new();
    for (at, plane) in planes.iter().enumerate() {
        let bytes = stored.exactly(plane, count)?;
        if at == 0 {
            values.extend(bytes.iter().map(|byte| u64::from(*byte)));
        } else {
            values.iter_mut().zip(&*bytes).for_each(|(value, byte)| *value |= u64::from(*byte) << (8 * at));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
