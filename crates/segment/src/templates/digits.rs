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

/// Appends `value` in decimal.
#[inline]
pub(super) fn push(out: &mut Vec<u8>, value: u64) {
    let mut text = [0; 20];
    let start = fill(&mut text, value);
    out.extend_from_slice(&text[start..]);
}

/// Appends `value` in decimal, with zeros before it to make `width` digits, at most 20.
#[inline]
pub(super) fn push_padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut text = [b'0'; 20];
    let start = fill(&mut text, value);
    out.extend_from_slice(&text[start.min(20 - width.min(20))..]);
}

#[inline]
fn fill(text: &mut [u8; 20], mut value: u64) -> usize {
    let mut at = 20;
    while value >= 100 {
        at -= 2;
        text[at..at + 2].copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    if value >= 10 {
        at -= 2;
        text[at..at + 2].copy_from_slice(&PAIRS[value as usize]);
    } else {
        at -= 1;
        text[at] = b'0' + value as u8;
    }
    at
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

impl Case {
    const fn digits(self) -> &'static [u8; 16] {
        match self {
            Self::Lower => b"0123456789abcdef",
            Self::Upper => b"0123456789ABCDEF",
        }
    }

    /// Two digits for each byte.
    pub(super) fn table(self) -> [[u8; 2]; 256] {
        let digits = self.digits();
        std::array::from_fn(|byte| [digits[byte >> 4], digits[byte & 15]])
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
        for value in [0, 7, 10, 99, 100, 12_345, 999_999_999_999_999_999, u64::MAX] {
            let mut out = Vec::new();
            push(&mut out, value);
            assert_eq!(out, value.to_string().as_bytes());
            let mut padded = Vec::new();
            push_padded(&mut padded, value, 5);
            assert_eq!(padded, format!("{value:05}").as_bytes());
        }
        assert_eq!(parse(b"00120"), 120);
    }

    #[test]
    fn nibbles_read_both_cases() {
        for case in [Case::Lower, Case::Upper] {
            for (byte, [high, low]) in (0_u8..=255).zip(case.table()) {
                assert_eq!(nibble(high) << 4 | nibble(low), byte);
            }
        }
    }
}
