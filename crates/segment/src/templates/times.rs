//! Times that lines repeat from their rows, and the time of day as text.

use super::digits;

/// What a row's time says about a number of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forecast {
    /// Time since midnight UTC, in units of 10^-digits seconds.
    Clock(u8),
    /// Time since the Unix epoch, in units of 10^-digits seconds.
    Epoch(u8),
    /// The first digits of the fraction of the second.
    Fraction(u8),
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
pub(super) const DIGITS_MAX: u8 = 9;
const POWERS: [i64; 10] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, SECOND];

impl Forecast {
    /// For a row at `nanos` since the Unix epoch. At most 9 digits.
    #[inline]
    pub(super) fn of(self, nanos: i64) -> i64 {
        match self {
            Self::Clock(digits) => in_units(nanos.rem_euclid(DAY), digits),
            Self::Epoch(digits) => in_units(nanos, digits),
            Self::Fraction(digits) => in_units(nanos.rem_euclid(SECOND), digits),
        }
    }
}

/// Nanoseconds in units of 10^-digits seconds, rounded down. The usual units are constants, so that nothing is divided.
#[inline(always)]
fn in_units(nanos: i64, digits: u8) -> i64 {
    match digits {
        0 => nanos.div_euclid(SECOND),
        3 => nanos.div_euclid(1_000_000),
        6 => nanos.div_euclid(1_000),
        _ => nanos.div_euclid(POWERS[usize::from(DIGITS_MAX - digits.min(DIGITS_MAX))]),
    }
}

/// How a time of day is written: `HH:MM:SS`, then perhaps a separator and digits of the second's fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClockFormat {
    /// `.` or `,`; 0 when there is no fraction.
    pub(super) separator: u8,
    /// 0 to 9.
    pub(super) digits: u8,
}

/// Length of `HH:MM:SS`.
const CLOCK_LENGTH: usize = 8;

impl ClockFormat {
    pub(super) const fn length(self) -> usize {
        if self.digits == 0 { CLOCK_LENGTH } else { CLOCK_LENGTH + 1 + self.digits as usize }
    }

    /// Largest value plus one.
    pub(super) fn end(self) -> i64 {
        86_400 * POWERS[usize::from(self.digits)]
    }

    /// Writes `value`, which is below [`ClockFormat::end`], to `to[at..]` and returns its length.
    #[inline(always)]
    pub(super) fn write(self, to: &mut [u8], at: usize, value: i64) -> usize {
        let (seconds, fraction) = split(value as u64, self.digits);
        let to = &mut to[at..at + self.length()];
        to[..2].copy_from_slice(&digits::pair(seconds / 3600));
        to[2] = b':';
        to[3..5].copy_from_slice(&digits::pair(seconds / 60 % 60));
        to[5] = b':';
        to[6..8].copy_from_slice(&digits::pair(seconds % 60));
        if self.digits > 0 {
            to[8] = self.separator;
            digits::fill(&mut to[9..], fraction);
        }
        self.length()
    }
}

/// Whole seconds of a day and the rest. The usual units are constants, so that nothing is divided.
#[inline(always)]
fn split(value: u64, digits: u8) -> (u32, u64) {
    let (seconds, rest) = match digits {
        0 => (value, 0),
        3 => (value / 1_000, value % 1_000),
        6 => (value / 1_000_000, value % 1_000_000),
        _ => {
            let power = POWERS[usize::from(digits.min(DIGITS_MAX))] as u64;
            (value / power, value % power)
        }
    };
    (seconds as u32, rest)
}

/// The time of day at the start of `text`: its format and value in units of its last digit.
///
/// The longest fraction of up to nine digits belongs to it. What it returns, [`ClockFormat::write`] writes back.
pub(super) fn parse_clock(text: &[u8]) -> Option<(ClockFormat, i64)> {
    let [h, i, b':', m, n, b':', s, t, rest @ ..] = text else { return None };
    let pair = |tens: u8, ones: u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    };
    let (hour, minute, second) = (pair(*h, *i)?, pair(*m, *n)?, pair(*s, *t)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut value = hour * 3600 + minute * 60 + second;
    let mut format = ClockFormat { separator: 0, digits: 0 };
    if let [separator @ (b'.' | b','), fraction @ ..] = rest {
        let digits = fraction.iter().take(usize::from(DIGITS_MAX)).take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0 {
            format = ClockFormat { separator: *separator, digits: digits as u8 };
            value = fraction[..digits].iter().fold(value, |value, digit| value * 10 + i64::from(digit - b'0'));
        }
    }
    Some((format, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_come_back_and_others_are_no_clocks() {
        for text in ["00:00:00", "23:59:59,9", "09:10:11.123", "12:00:00.000000001"] {
            let (format, value) = parse_clock(text.as_bytes()).expect("a clock");
            let mut out = [0; 20];
            let length = format.write(&mut out, 1, value);
            assert_eq!((&out[1..1 + length], format.length()), (text.as_bytes(), text.len()));
            assert!(value < format.end());
        }
        for text in ["24:00:00", "00:60:00", "00:00:60", "0:00:00", "00-00-00", "00:00:0"] {
            assert_eq!(parse_clock(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_clock(b"00:00:01.").map(|(format, _)| format.length()), Some(8));
        assert_eq!(parse_clock(b"00:00:01.1234567891").map(|(format, _)| format.length()), Some(18));
    }

    #[test]
    fn forecasts_are_of_utc() {
        let nanos = 1_795_424_400_123_456_789;
        assert_eq!(Forecast::Clock(0).of(nanos), 9 * 3600);
        assert_eq!(Forecast::Clock(3).of(nanos), 9 * 3_600_000 + 123);
        assert_eq!(Forecast::Epoch(6).of(nanos), 1_795_424_400_123_456);
        assert_eq!(Forecast::Fraction(2).of(nanos), 12);
        assert_eq!(Forecast::Epoch(0).of(-1), -1);
        assert_eq!(Forecast::Clock(9).of(-1), DAY - 1);
    }
}
