//! Numbers as a class and the bits within it: small numbers exactly, large ones by their highest three bits.
//!
//! Class symbols compress well, whatever the numbers' distribution; the bits below them are as good as random and are stored as they are.

use super::bits::{BitReader, BitWriter};

/// Numbers below this are their own class.
const EXACT: u64 = 8;

/// Symbol and number of further bits.
#[inline]
pub(super) const fn class_of(value: u64) -> (u8, u32) {
    if value < EXACT {
        return (value as u8, 0);
    }
    let exponent = 63 - value.leading_zeros();
    let bits = exponent - 2;
    ((8 + (exponent - 3) * 4 + ((value >> bits) & 3) as u32) as u8, bits)
}

/// Lowest number of a class and its number of further bits. `None` when there is no such class.
const fn class(symbol: u8) -> Option<(u64, u32)> {
    if (symbol as u64) < EXACT {
        return Some((symbol as u64, 0));
    }
    let above = symbol as u32 - 8;
    let bits = above / 4 + 1;
    if bits > 61 {
        return None;
    }
    Some(((4 + above as u64 % 4) << bits, bits))
}

/// Symbols and bits of `values`.
pub(super) fn split(values: &[u64]) -> (Vec<u8>, Vec<u8>) {
    let mut symbols = Vec::with_capacity(values.len());
    let mut writer = BitWriter::default();
    for value in values {
        let (symbol, bits) = class_of(*value);
        symbols.push(symbol);
        writer.put(value & ((1_u64 << bits) - 1), bits);
    }
    (symbols, writer.finish())
}

/// The numbers that [`split`] took apart; `None` when `bits` has another length or a symbol is none.
pub(super) fn join(symbols: &[u8], bits: &[u8]) -> Option<Vec<u64>> {
    let mut table = [(0, 0); 256];
    for (symbol, entry) in (0..=255_u8).zip(&mut table) {
        *entry = class(symbol).unwrap_or((0, u32::MAX));
    }
    let mut counts = [0_u64; 256];
    symbols.iter().for_each(|symbol| counts[usize::from(*symbol)] += 1);
    if counts.iter().zip(&table).any(|(count, (_, bits))| *count > 0 && *bits == u32::MAX) {
        return None;
    }
    let total: u64 = counts
        .iter()
        .zip(&table)
        .map(|(count, (_, bits))| if *count == 0 { 0 } else { count * u64::from(*bits) })
        .sum();
    if total.div_ceil(8) != bits.len() as u64 {
        return None;
    }
    let mut reader = BitReader::new(bits);
    Some(
        symbols
            .iter()
            .map(|symbol| {
                let (low, bits) = table[usize::from(*symbol)];
                low | reader.get(bits)
            })
            .collect(),
    )
}

/// About how many bits `values` take as classes.
pub(super) fn cost(values: impl Iterator<Item = u64>) -> f64 {
    let (mut counts, mut further) = ([0_u32; 256], 0_u64);
    for value in values {
        let (symbol, bits) = class_of(value);
        counts[usize::from(symbol)] += 1;
        further += u64::from(bits);
    }
    entropy(counts.iter().copied()) + further as f64
}

/// Bits that symbols of these counts take at least, all together.
pub(super) fn entropy(counts: impl Iterator<Item = u32> + Clone) -> f64 {
    let total: u64 = counts.clone().map(u64::from).sum();
    let total = total as f64;
    counts.filter(|count| *count > 0).map(|count| f64::from(count) * (total / f64::from(count)).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_comes_back() {
        let values: Vec<u64> = (0..64)
            .flat_map(|shift| [1_u64 << shift, (1 << shift) + 1, (3_u64 << shift) - 1, (1 << shift) - 1])
            .chain([0, u64::MAX])
            .collect();
        let (symbols, bits) = split(&values);
        assert_eq!(join(&symbols, &bits), Some(values));
        assert_eq!(join(&symbols, &bits[1..]), None);
        assert_eq!(join(&[255], &[0; 8]), None);
    }

    #[test]
    fn uniform_symbols_take_their_logarithm() {
        assert_eq!(entropy([4, 4, 4, 4].into_iter()), 32.0);
        assert_eq!(cost([5; 100].into_iter()), 0.0);
    }
}
