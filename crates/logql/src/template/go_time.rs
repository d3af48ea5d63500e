//! Go's reference-time layouts (`2006-01-02T15:04:05Z07:00`): formatting and parsing.

use std::fmt::Write as _;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// One element of a layout.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part<'a> {
    Literal(&'a str),
    LongMonth,
    ShortMonth,
    Month,
    ZeroMonth,
    LongWeekday,
    ShortWeekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour24,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    ShortYear,
    UpperPm,
    LowerPm,
    ZoneName,
    /// `Z` prefix allowed, colon, seconds, minutes present.
    Offset {
        z: bool,
        colon: bool,
        minutes: bool,
        seconds: bool,
    },
    /// Digits after the separator; `9`s drop trailing zeros.
    Fraction {
        digits: usize,
        trim: bool,
        separator: char,
    },
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Fixed texts of the reference time, longest first where one begins another.
const ELEMENTS: [(&str, Part<'static>); 33] = [
    ("January", Part::LongMonth),
    ("Jan", Part::ShortMonth),
    ("Monday", Part::LongWeekday),
    ("Mon", Part::ShortWeekday),
    ("MST", Part::ZoneName),
    ("2006", Part::LongYear),
    ("002", Part::ZeroYearDay),
    ("__2", Part::SpaceYearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::ShortYear),
    ("_2", Part::SpaceDay),
    ("15", Part::Hour24),
    ("1", Part::Month),
    ("2", Part::Day),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::UpperPm),
    ("pm", Part::LowerPm),
    ("-07:00:00", Part::Offset { z: false, colon: true, minutes: true, seconds: true }),
    ("-07:00", Part::Offset { z: false, colon: true, minutes: true, seconds: false }),
    ("-070000", Part::Offset { z: false, colon: false, minutes: true, seconds: true }),
    ("-0700", Part::Offset { z: false, colon: false, minutes: true, seconds: false }),
    ("-07", Part::Offset { z: false, colon: false, minutes: false, seconds: false }),
    ("Z07:00:00", Part::Offset { z: true, colon: true, minutes: true, seconds: true }),
    ("Z07:00", Part::Offset { z: true, colon: true, minutes: true, seconds: false }),
    ("Z070000", Part::Offset { z: true, colon: false, minutes: true, seconds: true }),
    ("Z0700", Part::Offset { z: true, colon: false, minutes: true, seconds: false }),
    ("Z07", Part::Offset { z: true, colon: false, minutes: false, seconds: false }),
];

/// Cuts a layout into its parts.
fn parts(layout: &str) -> Vec<Part<'_>> {
    let (mut parts, mut literal_start, mut at) = (Vec::new(), 0, 0);
    while at < layout.len() {
        let Some((part, length)) = element_at(layout, at) else {
            at += layout[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        if literal_start < at {
            parts.push(Part::Literal(&layout[literal_start..at]));
        }
        parts.push(part);
        at += length;
        literal_start = at;
    }
    if literal_start < layout.len() {
        parts.push(Part::Literal(&layout[literal_start..]));
    }
    parts
}

fn element_at(layout: &str, at: usize) -> Option<(Part<'static>, usize)> {
    let rest = &layout[at..];
    // "_2006" is an underscore and a year, not a space-padded day.
    if rest.starts_with("_2006") {
        return None;
    }
    if let Some(fraction) = fraction_at(rest) {
        return Some(fraction);
    }
    ELEMENTS
        .iter()
        .filter(|(text, _)| rest.starts_with(text))
        .max_by_key(|(text, _)| text.len())
        .map(|(text, part)| (*part, text.len()))
}

/// `.000`, `,999` and the like, when no digit follows.
fn fraction_at(rest: &str) -> Option<(Part<'static>, usize)> {
    let separator = rest.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let digit = *rest.as_bytes().get(1)?;
    if digit != b'0' && digit != b'9' {
        return None;
    }
    let digits = rest.as_bytes()[1..].iter().take_while(|b| **b == digit).count();
    let followed = rest.as_bytes().get(1 + digits).is_some_and(u8::is_ascii_digit);
    (!followed).then_some((Part::Fraction { digits, trim: digit == b'9', separator }, 1 + digits))
}

/// Writes `time` after a Go layout.
#[must_use]
pub fn format(layout: &str, time: &Zoned) -> String {
    let mut out = String::with_capacity(layout.len() + 10);
    for part in parts(layout) {
        format_part(part, time, &mut out);
    }
    out
}

fn format_part(part: Part<'_>, time: &Zoned, out: &mut String) {
    let hour12 = (time.hour() + 11) % 12 + 1;
    let month = MONTHS[usize::from(time.month().unsigned_abs()) - 1];
    let weekday = weekday_name(time.weekday());
    // Writing to a String cannot fail.
    let _ = match part {
        Part::Literal(text) => write!(out, "{text}"),
        Part::LongMonth => write!(out, "{month}"),
        Part::ShortMonth => write!(out, "{}", &month[..3]),
        Part::Month => write!(out, "{}", time.month()),
        Part::ZeroMonth => write!(out, "{:02}", time.month()),
        Part::LongWeekday => write!(out, "{weekday}"),
        Part::ShortWeekday => write!(out, "{}", &weekday[..3]),
        Part::Day => write!(out, "{}", time.day()),
        Part::SpaceDay => write!(out, "{:2}", time.day()),
        Part::ZeroDay => write!(out, "{:02}", time.day()),
        Part::SpaceYearDay => write!(out, "{:3}", time.day_of_year()),
        Part::ZeroYearDay => write!(out, "{:03}", time.day_of_year()),
        Part::Hour24 => write!(out, "{:02}", time.hour()),
        Part::Hour12 => write!(out, "{hour12}"),
        Part::ZeroHour12 => write!(out, "{hour12:02}"),
        Part::Minute => write!(out, "{}", time.minute()),
        Part::ZeroMinute => write!(out, "{:02}", time.minute()),
        Part::Second => write!(out, "{}", time.second()),
        Part::ZeroSecond => write!(out, "{:02}", time.second()),
        Part::LongYear => write!(out, "{:04}", time.year()),
        Part::ShortYear => write!(out, "{:02}", time.year().rem_euclid(100)),
        Part::UpperPm => write!(out, "{}", if time.hour() >= 12 { "PM" } else { "AM" }),
        Part::LowerPm => write!(out, "{}", if time.hour() >= 12 { "pm" } else { "am" }),
        Part::ZoneName => write!(out, "{}", time.strftime("%Z")),
        Part::Offset { z, colon, minutes, seconds } => {
            format_offset(time.offset().seconds(), z, colon, minutes, seconds, out)
        }
        Part::Fraction { digits, trim, separator } => {
            format_fraction(time.subsec_nanosecond(), digits, trim, separator, out)
        }
    };
}

fn weekday_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

fn format_offset(total: i32, z: bool, colon: bool, minutes: bool, seconds: bool, out: &mut String) -> std::fmt::Result {
    if z && total == 0 {
        return out.write_str("Z");
    }
    let (sign, total) = if total < 0 { ('-', -total) } else { ('+', total) };
    write!(out, "{sign}{:02}", total / 3600)?;
    let separator = if colon { ":" } else { "" };
    if minutes {
        write!(out, "{separator}{:02}", total / 60 % 60)?;
    }
    if seconds {
        write!(out, "{separator}{:02}", total % 60)?;
    }
    Ok(())
}

fn format_fraction(nanos: i32, digits: usize, trim: bool, separator: char, out: &mut String) -> std::fmt::Result {
    let all = format!("{nanos:09}");
    let mut shown = &all[..digits.min(9)];
    if trim {
        shown = shown.trim_end_matches('0');
        if shown.is_empty() {
            return Ok(());
        }
    }
    write!(out, "{separator}{shown}")
}

/// Reads `text` after a Go layout; times without a zone are in `zone`. `None` when the text does not fit.
#[must_use]
pub fn parse(layout: &str, text: &str, zone: &TimeZone) -> Option<Zoned> {
    let mut fields = Fields::default();
    let mut rest = text;
    let parts = parts(layout);
    for (at, part) in parts.iter().enumerate() {
        rest = fields.read(*part, rest)?;
        // Go reads fractional seconds after the seconds even where the layout has none.
        let fraction_follows = matches!(parts.get(at + 1), Some(Part::Fraction { .. }));
        if matches!(part, Part::ZeroSecond | Part::Second) && !fraction_follows && rest.starts_with(['.', ',']) {
            rest = fields.read_fraction(rest, None)?;
        }
    }
    if rest.is_empty() { fields.build(zone) } else { None }
}

#[derive(Default)]
struct Fields {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    year_day: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanos: i32,
    pm: Option<bool>,
    offset: Option<i32>,
    utc: bool,
}

impl Fields {
    fn read<'t>(&mut self, part: Part<'_>, text: &'t str) -> Option<&'t str> {
        let spaced = text.strip_prefix(' ').unwrap_or(text);
        match part {
            Part::Literal(literal) => return text.strip_prefix(literal),
            Part::LongMonth | Part::ShortMonth => {
                let (at, length) = MONTHS.iter().enumerate().find_map(|(at, name)| {
                    let wanted = if part == Part::LongMonth { name } else { &name[..3] };
                    text.get(..wanted.len())
                        .filter(|head| head.eq_ignore_ascii_case(wanted))
                        .map(|head| (at, head.len()))
                })?;
                self.month = i8::try_from(at + 1).ok();
                return text.get(length..);
            }
            Part::LongWeekday | Part::ShortWeekday => {
                let long = part == Part::LongWeekday;
                return DAYS.iter().find_map(|day| {
                    let wanted = if long { day } else { &day[..3] };
                    text.get(..wanted.len())
                        .filter(|head| head.eq_ignore_ascii_case(wanted))
                        .and_then(|_| text.get(wanted.len()..))
                });
            }
            Part::ZoneName => {
                let end = text.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(text.len());
                self.utc = &text[..end] == "UTC";
                return (end >= 3).then(|| &text[end..]);
            }
            Part::Offset { z, colon, minutes, seconds } => return self.read_offset(text, z, colon, minutes, seconds),
            Part::Fraction { digits, trim, .. } => {
                return if trim && !text.starts_with(['.', ',']) {
                    Some(text)
                } else {
                    self.read_fraction(text, (!trim).then_some(digits))
                };
            }
            Part::UpperPm | Part::LowerPm => {
                let half = text.get(..2)?;
                self.pm = Some(match half {
                    "PM" | "pm" => true,
                    "AM" | "am" => false,
                    _ => return None,
                });
                return text.get(2..);
            }
            _ => {}
        }
        let (text, fixed, most) = match part {
            Part::LongYear => (text, true, 4),
            Part::ZeroYearDay => (text, true, 3),
            Part::SpaceYearDay => (text.trim_start_matches(' '), false, 3),
            Part::SpaceDay => (spaced, false, 2),
            Part::Month | Part::Day | Part::Hour12 | Part::Minute | Part::Second | Part::Hour24 => (text, false, 2),
            _ => (text, true, 2),
        };
        let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if digits == 0 || (fixed && digits != most) {
            return None;
        }
        let number: i16 = text[..digits].parse().ok()?;
        self.store(part, number)?;
        Some(&text[digits..])
    }

    fn store(&mut self, part: Part<'_>, number: i16) -> Option<()> {
        let small = i8::try_from(number).ok();
        match part {
            Part::LongYear => self.year = number,
            Part::ShortYear => self.year = if number >= 69 { number + 1900 } else { number + 2000 },
            Part::Month | Part::ZeroMonth => self.month = small,
            Part::Day | Part::SpaceDay | Part::ZeroDay => self.day = small,
            Part::SpaceYearDay | Part::ZeroYearDay => self.year_day = Some(number),
            Part::Hour24 | Part::Hour12 | Part::ZeroHour12 => self.hour = small?,
            Part::Minute | Part::ZeroMinute => self.minute = small?,
            Part::Second | Part::ZeroSecond => self.second = small?,
            _ => return None,
        }
        Some(())
    }

    fn read_fraction<'t>(&mut self, text: &'t str, exactly: Option<usize>) -> Option<&'t str> {
        let rest = text.strip_prefix(['.', ','])?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let taken = exactly.unwrap_or(digits);
        if digits < taken || taken == 0 {
            return None;
        }
        let shown = &rest[..taken.min(9)];
        self.nanos = format!("{shown:0<9}").parse().ok()?;
        Some(&rest[taken..])
    }

    fn read_offset<'t>(
        &mut self,
        text: &'t str,
        z: bool,
        colon: bool,
        minutes: bool,
        seconds: bool,
    ) -> Option<&'t str> {
        if z && let Some(rest) = text.strip_prefix('Z') {
            self.utc = true;
            return Some(rest);
        }
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let mut rest = &text[1..];
        let mut total = 0;
        for (at, wanted) in [true, minutes, seconds].into_iter().enumerate() {
            if !wanted {
                break;
            }
            if at > 0 && colon {
                rest = rest.strip_prefix(':')?;
            }
            let number: i32 = rest.get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
            total += number * [3600, 60, 1][at];
            rest = &rest[2..];
        }
        self.offset = Some(sign * total);
        Some(rest)
    }

    fn build(&self, zone: &TimeZone) -> Option<Zoned> {
        let hour = match self.pm {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let date = match self.year_day {
            Some(day) => Date::new(self.year, 1, 1).ok()?.with().day_of_year(day).build().ok()?,
            None => Date::new(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?,
        };
        let datetime = DateTime::from_parts(date, Time::new(hour, self.minute, self.second, self.nanos).ok()?);
        let zone = match self.offset {
            Some(offset) => TimeZone::fixed(Offset::from_seconds(offset).ok()?),
            None if self.utc => TimeZone::UTC,
            None => zone.clone(),
        };
        datetime.to_zoned(zone).ok()
    }
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// An instant of nanoseconds since the Unix epoch in a zone.
#[must_use]
pub fn from_nanos(nanos: i64, zone: TimeZone) -> Zoned {
    Timestamp::from_nanosecond(i128::from(nanos))
        .expect("every i64 of nanoseconds is between the years 1677 and 2262")
        .to_zoned(zone)
}

/// Go's zero time, which failed conversions yield.
#[must_use]
pub fn zero() -> Zoned {
    Date::constant(1, 1, 1).to_datetime(Time::midnight()).to_zoned(TimeZone::UTC).expect("year 1 is in range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_go_layouts() {
        let time = from_nanos(1_700_000_000_123_400_000, TimeZone::UTC);
        for (layout, expected) in [
            ("2006-01-02T15:04:05.999999999Z07:00", "2023-11-14T22:13:20.1234Z"),
            ("2006-01-02 15:04:05.000", "2023-11-14 22:13:20.123"),
            ("Mon Jan _2 15:04:05 2006", "Tue Nov 14 22:13:20 2023"),
            ("Monday, 02-Jan-06 03:04:05 PM MST", "Tuesday, 14-Nov-23 10:13:20 PM UTC"),
            ("-0700 002 1/2", "+0000 318 11/14"),
            ("x 2 _2006", "x 14 _2023"),
        ] {
            assert_eq!(format(layout, &time), expected, "{layout}");
        }
    }

    #[test]
    fn parses_go_layouts() {
        for (layout, text, nanos) in [
            ("2006-01-02T15:04:05Z07:00", "2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
            ("2006-01-02T15:04:05Z07:00", "2023-11-15T00:13:20.5+02:00", 1_700_000_000_500_000_000),
            ("2006-01-02", "1970-01-02", 86_400_000_000_000),
            ("Jan _2 2006 3:04PM", "Jan  1 1970 1:30PM", 48_600_000_000_000),
        ] {
            let time = parse(layout, text, &TimeZone::UTC).expect(text);
            assert_eq!(time.timestamp().as_nanosecond(), nanos, "{text}");
        }
        for bad in ["", "x", "2023-13-01", "2023-11-14 "] {
            assert!(parse("2006-01-02", bad, &TimeZone::UTC).is_none(), "{bad}");
        }
        assert_eq!(format("2006-01-02 15:04:05", &zero()), "0001-01-01 00:00:00");
    }
}
