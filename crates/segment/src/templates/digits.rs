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

/// The two digits of a number below 100.
#[inline(always)]
pub(super) const fn pair(value: u32) -> [u8; 2] {
    PAIRS[value as usize % 100]
}

/// The most decimal digits of a number in a column: they all fit an `i64`.
pub(super) const DIGITS_MAX: usize = 18;

/// Decimal digits of any `u64`, at most.
pub(super) const LENGTH_MAX: usize = 20;

/// The last `length` of the eight digits of `value`, which is below 10^8, and then zero bytes.
#[inline(always)]
pub(super) const fn eight(value: u32, length: usize) -> [u8; 8] {
    // In lanes of four digits, then two, then one; the first digits in the low lanes. The factors divide by 100 and by 10.
    let lanes = (value / 10_000) as u64 | ((value % 10_000) as u64) << 32;
    let hundreds = ((lanes * 10_486) >> 20) & 0x7f_0000_007f;
    let lanes = hundreds | (lanes - hundreds * 100) << 16;
    let tens = ((lanes * 103) >> 10) & 0x000f_000f_000f_000f;
    let lanes = tens | (lanes - tens * 10) << 8;
    ((lanes | 0x3030_3030_3030_3030) >> (8 * (8 - length))).to_le_bytes()
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
#[inline(always)]
pub(super) fn length(value: u64) -> usize {
    // 1233 / 4096 is a little more than the logarithm of 2 to base 10.
    let guess = (((64 - (value | 1).leading_zeros()) * 1233) >> 12) as usize;
    guess + usize::from(value >= POWERS[guess.min(19)])
}

/// Fills all of `to` with the last digits of `value`.
#[inline(always)]
pub(super) fn fill(to: &mut [u8], mut value: u64) {
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
            let text = value.to_string();
            assert_eq!(length(value), text.len());
            let mut out = vec![0; text.len() + 2];
            fill(&mut out, value);
            assert_eq!(out, format!("00{text}").as_bytes());
            if value < 100_000_000 {
                assert_eq!(&eight(value as u32, text.len())[..text.len()], text.as_bytes());
                assert_eq!(&eight(value as u32, 8), format!("{value:08}").as_bytes());
            }
        }
        for value in (0..100_000_000).step_by(9_973) {
            assert_eq!(&eight(value, 8), format!("{value:08}").as_bytes());
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
