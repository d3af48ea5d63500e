use super::*;

const NOW: Timestamp = Timestamp(1_795_309_200_000_000_000);

fn check_time(text: &str, expected: Result<i64, &str>) {
    assert_eq!(timestamp(text, NOW), expected.map(Timestamp).map_err(str::to_owned), "{text}");
}

#[test]
fn times() {
    check_time("", Ok(NOW.0));
    check_time("1700000000", Ok(1_700_000_000_000_000_000));
    check_time("5", Ok(5_000_000_000));
    check_time("1700000000000", Ok(1_700_000_000_000));
    check_time("1700000000000000001", Ok(1_700_000_000_000_000_001));
    check_time("1700000000.5", Ok(1_700_000_000_500_000_000));
    check_time("1700000000.12345", Ok(1_700_000_000_123_000_000));
    check_time("-1.5", Ok(-1_500_000_000));
    check_time("2023-11-14T22:13:20Z", Ok(1_700_000_000_000_000_000));
    check_time("2023-11-14T22:13:20.000000001Z", Ok(1_700_000_000_000_000_001));
    check_time("2023-11-15T00:13:20+02:00", Ok(1_700_000_000_000_000_000));
    check_time("abc", Err(r#"strconv.ParseInt: parsing "abc": invalid syntax"#));
    check_time("2023-11-14", Err(r#"strconv.ParseInt: parsing "2023-11-14": invalid syntax"#));
    check_time("99999999999999999999", Err(r#"strconv.ParseInt: parsing "99999999999999999999": value out of range"#));
}

fn range(query: &str) -> Result<RangeQuery, String> {
    RangeQuery::parse(&Params::parse(query, b""), NOW).map_err(|e| e.to_string())
}

#[test]
fn defaults() {
    let query = range("query=x").expect("defaults are valid");
    assert_eq!(query.query, "x");
    assert_eq!((query.range.start, query.range.end), (NOW - HOUR, NOW));
    assert_eq!((query.limit, query.step, query.interval), (100, 14 * SECOND, 0));
    assert!(matches!(query.direction, Direction::Backward));
}

#[test]
fn since_counts_from_the_earlier_of_end_and_now() {
    let query = range("end=1795309000&since=10m").expect("valid");
    assert_eq!(query.range.start, Timestamp::from_seconds(1_795_309_000 - 600));
    let future = range("end=1795319200&since=10m").expect("valid");
    assert_eq!(future.range.start, NOW - 600 * SECOND);
}

#[test]
fn steps_and_intervals() {
    for (text, nanos) in [("60", 60 * SECOND), ("1.5", 3 * SECOND / 2), ("5m", 300 * SECOND), ("1d", 86_400 * SECOND)] {
        let query = range(&format!("start=1795305600&end=1795309200&step={text}&interval={text}")).expect(text);
        assert_eq!((query.step, query.interval), (nanos, nanos));
    }
}

#[test]
fn complaints() {
    for (query, message) in [
        ("start=nope", r#"could not parse 'start' parameter: strconv.ParseInt: parsing "nope": invalid syntax"#),
        ("end=nope", r#"could not parse 'end' parameter: strconv.ParseInt: parsing "nope": invalid syntax"#),
        ("since=1.5h", r#"could not parse 'since' parameter: unknown unit "." in duration "1.5h""#),
        ("start=20&end=10", "end timestamp must not be before or equal to start time"),
        ("limit=abc", r#"strconv.Atoi: parsing "abc": invalid syntax"#),
        ("limit=0", "limit must be a positive value"),
        ("limit=-1", "limit must be a positive value"),
        ("direction=up", "invalid direction 'up'"),
        ("step=0", "zero or negative query resolution step widths are not accepted. Try a positive integer"),
        ("step=nan", "zero or negative query resolution step widths are not accepted. Try a positive integer"),
        ("step=5x", r#"cannot parse "5x" to a valid duration"#),
        ("step=1e300", r#"cannot parse "1e300" to a valid duration. It overflows int64"#),
        (
            "step=0.1",
            "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter",
        ),
        ("interval=-1", "interval must be >= 0"),
        ("interval=x", r#"cannot parse "x" to a valid duration"#),
    ] {
        assert_eq!(range(query).map(|_| ()), Err(message.to_owned()), "{query}");
    }
}

#[test]
fn a_form_comes_before_the_url() {
    let params = Params::parse("query=url&match%5B%5D=a", b"query=form&match[]=b+c");
    assert_eq!(params.get("query"), "form");
    assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["b c", "a"]);
    assert_eq!(params.get("absent"), "");
}

#[test]
fn instant_queries_name_no_parameter_in_their_complaint() {
    let problem = InstantQuery::parse(&Params::parse("time=x", b""), NOW).map(|_| ()).map_err(|e| e.to_string());
    assert_eq!(problem, Err(r#"strconv.ParseInt: parsing "x": invalid syntax"#.to_owned()));
}

#[test]
fn exactly_eleven_thousand_points_are_allowed() {
    assert!(range("start=0&end=11000&step=1").is_ok());
    assert!(range("start=0&end=11001&step=1").is_err());
}
