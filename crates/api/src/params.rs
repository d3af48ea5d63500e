//! Request parameters with Loki's formats, defaults and error texts.

use std::borrow::Cow;

use sigyn_model::duration::{self, HOUR, SECOND};
use sigyn_model::labels::GoQuoted;
use sigyn_model::{TimeRange, Timestamp};
use sigyn_read::Direction;

use crate::{Error, Result};

/// Points a range query may have per series.
const POINTS_MAX: i64 = 11_000;
const DEFAULT_LIMIT: usize = 100;
const DEFAULT_SINCE: i64 = HOUR;

/// Parameters of the URL and of a posted form; where both name one, the form's comes first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a URL query string and a form body.
    pub(crate) fn parse(url_query: &str, form: &[u8]) -> Self {
        let owned = |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), value.into_owned());
        let form = form_urlencoded::parse(form).map(owned);
        Self(form.chain(form_urlencoded::parse(url_query.as_bytes()).map(owned)).collect())
    }

    /// The first value of `name`; empty when absent, as Loki does not tell the two apart.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(candidate, _)| candidate == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }
}

/// `start`, `end`, `since`: end = now, start = min(end, now) − since, since = 1h. The order of the two is not checked.
pub(crate) fn bounds(params: &Params, now: Timestamp) -> Result<TimeRange> {
    let since = match params.get("since") {
        "" => DEFAULT_SINCE,
        text => duration::parse_prometheus(text)
            .map_err(|problem| Error::invalid(format!("could not parse 'since' parameter: {problem}")))?,
    };
    let named = |name: &str, default: Timestamp| {
        timestamp(params.get(name), default)
            .map_err(|problem| Error::invalid(format!("could not parse '{name}' parameter: {problem}")))
    };
    let end = named("end", now)?;
    let start = named("start", end.min(now) - since)?;
    Ok(TimeRange::new(start, end))
}

/// Seconds (at most ten digits), nanoseconds, seconds with a fraction (kept to milliseconds), or RFC 3339.
/// The error is Go's text.
pub(crate) fn timestamp(text: &str, default: Timestamp) -> Result<Timestamp, String> {
    if text.is_empty() {
        return Ok(default);
    }
    if text.contains('.')
        && let Ok(seconds) = text.parse::<f64>()
        && seconds.is_finite()
    {
        let millis = ((seconds - seconds.trunc()) * 1000.0).round() as i64;
        return Ok(Timestamp::from_seconds(seconds.trunc() as i64) + millis * duration::MILLISECOND);
    }
    match integer(text) {
        Ok(number) if text.len() <= 10 => Ok(Timestamp::from_seconds(number)),
        Ok(number) => Ok(Timestamp(number)),
        Err(problem) => rfc3339(text).ok_or_else(|| format!("strconv.ParseInt: parsing {}: {problem}", GoQuoted(text))),
    }
}

fn rfc3339(text: &str) -> Option<Timestamp> {
    // jiff also takes times without a zone or with a space; Go does not.
    if !text.contains(['T', 't']) {
        return None;
    }
    let instant: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(instant.as_nanosecond()).ok().map(Timestamp)
}

/// Go's reading of a decimal integer and its two complaints.
fn integer(text: &str) -> Result<i64, &'static str> {
    text.parse::<i64>().map_err(|e| match e.kind() {
        std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    })
}

/// `limit`: a positive integer, 100 when absent.
pub(crate) fn limit(params: &Params) -> Result<usize> {
    positive(params, "limit", DEFAULT_LIMIT)
}

/// A positive integer; the complaint names `limit` whatever the parameter is called, as Loki's does.
pub(crate) fn positive(params: &Params, name: &str, default: usize) -> Result<usize> {
    match params.get(name) {
        "" => Ok(default),
        text => match atoi(text)? {
            number if number <= 0 => Err(Error::invalid("limit must be a positive value")),
            number => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
        },
    }
}

/// An integer parameter, with Go's `strconv.Atoi` texts.
pub(crate) fn atoi(text: &str) -> Result<i64> {
    integer(text).map_err(|problem| Error::invalid(format!("strconv.Atoi: parsing {}: {problem}", GoQuoted(text))))
}

/// `direction`: `forward` or `backward` in any case, backward when absent.
pub(crate) fn direction(params: &Params) -> Result<Direction> {
    match params.get("direction") {
        "" => Ok(Direction::Backward),
        text if text.eq_ignore_ascii_case("backward") => Ok(Direction::Backward),
        text if text.eq_ignore_ascii_case("forward") => Ok(Direction::Forward),
        text => Err(Error::invalid(format!("invalid direction '{text}'"))),
    }
}

/// `step` in nanoseconds; when absent, about 250 steps of whole seconds fill the range.
pub(crate) fn step(params: &Params, range: TimeRange) -> Result<i64> {
    match params.get("step") {
        "" => {
            let seconds = range.end.0.saturating_sub(range.start.0) / SECOND;
            Ok((seconds / 250).max(1) * SECOND)
        }
        text => seconds_or_duration(text),
    }
}

/// `interval` in nanoseconds, 0 when absent.
pub(crate) fn interval(params: &Params) -> Result<i64> {
    match params.get("interval") {
        "" => Ok(0),
        text => seconds_or_duration(text),
    }
}

/// A number of seconds, or a Prometheus duration.
fn seconds_or_duration(text: &str) -> Result<i64> {
    let complain =
        |suffix: &str| Error::invalid(format!("cannot parse {} to a valid duration{suffix}", GoQuoted(text)));
    if let Ok(seconds) = text.parse::<f64>() {
        let nanos = seconds * SECOND as f64;
        if nanos.abs() >= i64::MAX as f64 {
            return Err(complain(". It overflows int64"));
        }
        return Ok(nanos as i64);
    }
    duration::parse_prometheus(text).map_err(|_| complain(""))
}

/// What `query_range` asks for, checked in Loki's order.
#[derive(Debug, Clone)]
pub(crate) struct RangeQuery {
    pub(crate) query: String,
    pub(crate) range: TimeRange,
    pub(crate) limit: usize,
    pub(crate) direction: Direction,
    /// Nanoseconds, positive.
    pub(crate) step: i64,
    /// Nanoseconds, not negative.
    pub(crate) interval: i64,
}

impl RangeQuery {
    pub(crate) fn parse(params: &Params, now: Timestamp) -> Result<Self> {
        let range = ordered_bounds(params, now)?;
        let limit = limit(params)?;
        let direction = direction(params)?;
        let step = checked_step(params, range)?;
        let interval = interval(params)?;
        if interval < 0 {
            return Err(Error::invalid("interval must be >= 0"));
        }
        Ok(Self { query: params.get("query").to_owned(), range, limit, direction, step, interval })
    }
}

/// What `query` asks for. `limit` and `direction` only matter to log queries, but are checked all the same.
#[derive(Debug, Clone)]
pub(crate) struct InstantQuery {
    pub(crate) query: String,
    pub(crate) time: Timestamp,
}

impl InstantQuery {
    pub(crate) fn parse(params: &Params, now: Timestamp) -> Result<Self> {
        limit(params)?;
        let time = timestamp(params.get("time"), now).map_err(Error::invalid)?;
        direction(params)?;
        Ok(Self { query: params.get("query").to_owned(), time })
    }
}

/// As [`bounds`]; refuses an end before the start.
pub(crate) fn ordered_bounds(params: &Params, now: Timestamp) -> Result<TimeRange> {
    let range = bounds(params, now)?;
    if range.end < range.start {
        return Err(Error::invalid("end timestamp must not be before or equal to start time"));
    }
    Ok(range)
}

/// As [`step`]; refuses what is not positive or makes too many points.
pub(crate) fn checked_step(params: &Params, range: TimeRange) -> Result<i64> {
    let step = step(params, range)?;
    if step <= 0 {
        return Err(Error::invalid(
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if range.end.0.saturating_sub(range.start.0) / step > POINTS_MAX {
        return Err(Error::invalid(
            "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter",
        ));
    }
    Ok(step)
}

#[cfg(test)]
#[path = "params/tests.rs"]
mod tests;
