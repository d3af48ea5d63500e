//! Decimal and hexadecimal text.

const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut at = 0;
    while at < 100 {
        pairs[at] = [b'0' + (at / 10) as u8, b'0' + (at % 10) as u8];
        at += 1;
    }
    pairs
};

/// The most decimal digits of a number in a column: they all fit an `i64`.
pub(super) const DIGITS_MAX: usize = 18;

/// Bytes that [`write`] may touch.
pub(super) const WINDOW: usize = 20;

/// Writes `value` in decimal to `to[at..]` and returns its length; some of the [`WINDOW`] bytes there are overwritten, too.
#[inline(always)]
pub(super) fn write(to: &mut [u8], at: usize, value: u64) -> usize {
    let length = length(value);
    fill(&mut to[at..at + length], value);
    length
}

/// Writes `value` in decimal, with zeros before it to make `width` digits. It has no more.
#[inline(always)]
pub(super) fn write_padded(to: &mut [u8], at: usize, value: u64, width: usize) -> usize {
    fill(&mut to[at..at + width], value);
    width
}

/// Powers of ten; the first stands for the one digit of 0.
const POWERS: [u64; 20] = {
    let mut powers = [0; 20];
    let mut at = 1;
    let mut power = 1_u64;
    while at < 20 {
        power *= 10;
        powers[at] = power;
        at += 1;
    }
    powers
};

/// Decimal digits of `value`.
#[inline]
fn length(value: u64) -> usize {
    // 1233 / 4096 is a little more than the logarithm of 2 to base 10.
    let guess = (((64 - (value | 1).leading_zeros()) * 1233) >> 12) as usize;
    guess + usize::from(value >= POWERS[guess.min(19)])
}

/// Fills all of `to` with the last digits of `value`.
#[inline(always)]
fn fill(to: &mut [u8], mut value: u64) {
    let mut at = to.len();
    while at >= 2 {
        at -= 2;
        to[at..at + 2].copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    if at == 1 {
        to[0] = b'0' + (value % 10) as u8;
    }
}

/// The number that at most [`DIGITS_MAX`] digits say; callers have checked that they are digits.
#[inline]
pub(super) fn parse(text: &[u8]) -> i64 {
    text.iter().fold(0, |value, digit| value * 10 + i64::from(digit & 15))
}

/// Letters of hexadecimal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Lower,
    Upper,
}

const LOWER: [[u8; 2]; 256] = pairs(b"0123456789abcdef");
const UPPER: [[u8; 2]; 256] = pairs(b"0123456789ABCDEF");

const fn pairs(digits: &[u8; 16]) -> [[u8; 2]; 256] {
    let mut pairs = [[0; 2]; 256];
    let mut at = 0;
    while at < 256 {
        pairs[at] = [digits[at >> 4], digits[at & 15]];
        at += 1;
    }
    pairs
}

impl Case {
    /// Two digits for each byte.
    pub(super) const fn table(self) -> &'static [[u8; 2]; 256] {
        match self {
            Self::Lower => &LOWER,
            Self::Upper => &UPPER,
        }
    }
}

/// The value of a hexadecimal digit of either case.
#[inline]
pub(super) const fn nibble(digit: u8) -> u8 {
    (digit & 15) + 9 * (digit >> 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_rust_writes_them() {
        for value in (0..20).flat_map(|at| [10_u64.pow(at), 10_u64.pow(at) - 1, 10_u64.pow(at) + 7]).chain([u64::MAX]) {
            let mut out = [0; 40];
            let length = write(&mut out, 3, value);
            assert_eq!(&out[3..3 + length], value.to_string().as_bytes());
            let width = write_padded(&mut out, 1, value, 22);
            assert_eq!(&out[1..1 + width], format!("{value:022}").as_bytes());
        }
        assert_eq!(parse(b"00120"), 120);
    }

    #[test]
    fn nibbles_read_both_cases() {
        for case in [Case::Lower, Case::Upper] {
            for (byte, [high, low]) in (0_u8..=255).zip(*case.table()) {
                assert_eq!(nibble(high) << 4 | nibble(low), byte);
            }
        }
    }
}
