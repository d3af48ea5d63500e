//! Template functions over instants.

use std::rc::Rc;

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::exec::{Arguments, Run};
use super::functions::{Function, text};
use super::go_time;
use super::value::{Value, to_int};

const SECOND: i64 = 1_000_000_000;

/// An instant in the server's time zone.
pub(super) fn instant<'a>(nanos: i64) -> Value<'a> {
    time(go_time::from_nanos(nanos, TimeZone::system()))
}

fn time<'a>(zoned: Zoned) -> Value<'a> {
    Value::Time(Rc::new(zoned))
}

pub(super) fn call<'a>(function: Function, arguments: &Arguments<'a>, run: &Run<'a>) -> Result<Value<'a>, String> {
    match function {
        Function::Date => {
            let at = match &arguments[1] {
                Value::Time(at) => Rc::clone(at),
                Value::Int(seconds) => Rc::new(go_time::from_nanos(seconds.saturating_mul(SECOND), TimeZone::system())),
                _ => Rc::new(go_time::from_nanos(run.entry.now, TimeZone::system())),
            };
            Ok(Value::owned(go_time::format(text(&arguments[0])?, &at)))
        }
        Function::ToDate => {
            let parsed = go_time::parse(text(&arguments[0])?, text(&arguments[1])?, &TimeZone::system());
            Ok(time(parsed.unwrap_or_else(go_time::zero)))
        }
        Function::ToDateInZone => {
            let zone = TimeZone::get(text(&arguments[1])?).unwrap_or(TimeZone::UTC);
            let parsed = go_time::parse(text(&arguments[0])?, text(&arguments[2])?, &zone);
            Ok(time(parsed.unwrap_or_else(go_time::zero)))
        }
        Function::UnixToTime => unix_to_time(text(&arguments[0])?),
        Function::UnixEpoch => epoch(&arguments[0], SECOND),
        Function::UnixEpochMillis => epoch(&arguments[0], 1_000_000),
        Function::UnixEpochNanos => epoch(&arguments[0], 1),
        other => Err(format!("{} is not a function over times", other.name())),
    }
}

/// The number of digits tells the unit.
fn unix_to_time<'a>(digits: &str) -> Result<Value<'a>, String> {
    let unit = match digits.len() {
        5 => 86_400 * SECOND,
        10 => SECOND,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => return Err(format!("unable to parse time '{digits}'")),
    };
    let count: i64 = digits.parse().map_err(|_| format!("unable to parse time '{digits}'"))?;
    Ok(instant(count.saturating_mul(unit)))
}

fn epoch<'a>(value: &Value<'a>, unit: i64) -> Result<Value<'a>, String> {
    let Value::Time(at) = value else {
        return Err(format!("wrong type for value; expected time.Time; got {}", value.type_name()));
    };
    Ok(Value::owned(at.timestamp().as_nanosecond().div_euclid(i128::from(unit)).to_string()))
}

/// A method of Go's `time.Time`; `None` when there is no such method here.
pub(super) fn time_method<'a>(at: &Zoned, name: &str, arguments: &[Value<'a>]) -> Option<Result<Value<'a>, String>> {
    let nanos = at.timestamp().as_nanosecond();
    let since_epoch = |unit: i64| Value::Int(i64::try_from(nanos.div_euclid(i128::from(unit))).unwrap_or(i64::MAX));
    let value = match name {
        "Unix" => since_epoch(SECOND),
        "UnixMilli" => since_epoch(1_000_000),
        "UnixMicro" => since_epoch(1_000),
        "UnixNano" => since_epoch(1),
        "Year" => Value::Int(i64::from(at.year())),
        "Month" => Value::owned(go_time::format("January", at)),
        "Day" => Value::Int(i64::from(at.day())),
        "YearDay" => Value::Int(i64::from(at.day_of_year())),
        "Weekday" => Value::owned(go_time::format("Monday", at)),
        "Hour" => Value::Int(i64::from(at.hour())),
        "Minute" => Value::Int(i64::from(at.minute())),
        "Second" => Value::Int(i64::from(at.second())),
        "Nanosecond" => Value::Int(i64::from(at.subsec_nanosecond())),
        "UTC" => time(at.with_time_zone(TimeZone::UTC)),
        "Local" => time(at.with_time_zone(TimeZone::system())),
        "Add" => match arguments {
            [delta] => instant(i64::try_from(nanos).unwrap_or(0).saturating_add(to_int(delta))),
            _ => return Some(Err(format!("wrong number of args for Add: want 1 got {}", arguments.len()))),
        },
        "String" => Value::owned(go_time::format("2006-01-02 15:04:05.999999999 -0700 MST", at)),
        "Format" => match arguments {
            [layout] => return Some(text(layout).map(|layout| Value::owned(go_time::format(layout, at)))),
            _ => return Some(Err(format!("wrong number of args for Format: want 1 got {}", arguments.len()))),
        },
        _ => return None,
    };
    Some(Ok(value))
}
