use super::*;
use crate::cli::testing::{Entries, FakeServer};

const BIG: u64 = 5000;

fn request(forward: bool, limit: Option<u64>, batch: u64) -> Request {
    Request {
        query: "{s=~\".+\"}".to_owned(),
        start: 0,
        end: 1_000_000,
        forward,
        limit,
        batch,
        interval: 0,
        step: None,
        retries: 2,
        retry_first: false,
    }
}

fn read(server: &FakeServer, request: Request) -> Result<Vec<(i64, String)>> {
    let client = server.client();
    let mut pager = Pager::new(&client, request);
    let mut all = Vec::new();
    while let Some(page) = pager.next()? {
        let Page::Entries(rows) = page else { bail!("not entries") };
        assert!(!rows.is_empty());
        all.extend(rows.into_iter().map(|row| (row.time, format!("{} {}", row.labels, row.line))));
    }
    Ok(all)
}

/// Every case is read in both directions, in pages of several sizes, and must give every entry as often as it is there.
#[track_caller]
fn check(entries: &Entries, limit_max: u64, batches: &[u64]) {
    let mut expected: Vec<_> =
        entries.iter().map(|(stream, time, line)| (*time, format!("{{s=\"{stream}\"}} {line}"))).collect();
    expected.sort();
    let server = FakeServer::start(entries.clone(), limit_max, &[]);
    for forward in [true, false] {
        for batch in batches {
            let mut got = read(&server, request(forward, None, *batch)).expect("every page is answered");
            let times: Vec<_> = got.iter().map(|(time, _)| *time).collect();
            let in_order = if forward { times.is_sorted() } else { times.is_sorted_by(|a, b| a >= b) };
            assert!(in_order, "forward {forward}, batch {batch}: {times:?}");
            got.sort();
            assert_eq!(got, expected, "forward {forward}, batch {batch}");
        }
    }
}

fn entries(count: i64, entry: impl Fn(i64) -> (&'static str, i64, String)) -> Entries {
    (0..count).map(entry).collect()
}

#[test]
fn times_of_their_own() {
    check(&entries(25, |at| ("a", at * 10, format!("line {at}"))), BIG, &[1, 2, 5, 24, 25, 26, 1000]);
    check(&Entries::new(), BIG, &[1, 1000]);
}

#[test]
fn many_entries_of_one_time() {
    let one_time = entries(40, |at| (["a", "b", "c"][at as usize % 3], 500, format!("line {at}")));
    check(&one_time, BIG, &[1, 7, 39, 40, 41]);
    let three_times = entries(60, |at| (["a", "b"][at as usize % 2], 100 * (at / 20), format!("line {at}")));
    check(&three_times, BIG, &[1, 3, 19, 20, 21, 30]);
}

#[test]
fn equal_entries_are_all_kept() {
    check(&entries(30, |at| ("a", at / 10, "the same".to_owned())), BIG, &[1, 3, 10, 11]);
}

#[test]
fn a_server_that_gives_few_at_once() {
    check(&entries(50, |at| ("a", at, format!("line {at}"))), 10, &[5, 1000]);
    // Twelve at each time, of which the server gives at most ten: stream by stream.
    check(&entries(36, |at| (["a", "b"][at as usize % 2], at / 12, format!("line {at}"))), 10, &[4, 1000]);
    let crowd = FakeServer::start(entries(36, |at| ("a", at / 12, format!("line {at}"))), 10, &[]);
    let problem = read(&crowd, request(true, None, 1000)).expect_err("ten of twelve is not all");
    assert!(problem.to_string().contains("raise its max_entries_limit_per_query"), "{problem}");
}

#[test]
fn a_limit_ends_in_the_middle_of_a_page() {
    let server = FakeServer::start(entries(100, |at| ("a", at / 3, format!("line {at}"))), BIG, &[]);
    for limit in [1, 9, 10, 11, 25, 100, 1000] {
        let got = read(&server, request(false, Some(limit), 10)).expect("every page is answered");
        assert_eq!(got.len() as u64, limit.min(100), "limit {limit}");
        assert_eq!(got[0].0, 33);
    }
    // A small limit asks for no more than it needs.
    let before = server.requests().len();
    assert_eq!(read(&server, request(false, Some(3), 1000)).expect("a page").len(), 3);
    let requests = server.requests().split_off(before);
    assert!(requests.len() == 1 && requests[0].contains("limit=3&"), "{requests:?}");
}

#[test]
fn an_interval_goes_on_across_pages() {
    let server = FakeServer::start(entries(100, |at| ("a", at * 10, format!("line {at}"))), BIG, &[]);
    for forward in [true, false] {
        let whole = read(&server, Request { interval: 35, ..request(forward, None, 1000) }).expect("one page");
        assert_eq!(whole.len(), 25);
        for batch in [1, 7, 25] {
            let paged = read(&server, Request { interval: 35, ..request(forward, None, batch) }).expect("pages");
            assert_eq!(paged, whole, "forward {forward}, batch {batch}");
        }
    }
}

#[test]
fn failures_that_pass_are_waited_for() {
    let lines = entries(3, |at| ("a", at, format!("line {at}")));
    let patient = FakeServer::start(lines.clone(), BIG, &[429]);
    let request_again = Request { retry_first: true, ..request(true, None, 10) };
    assert_eq!(read(&patient, request_again).expect("the second try").len(), 3);
    let busy = FakeServer::start(lines.clone(), BIG, &[503]);
    let problem = read(&busy, request(true, None, 10)).expect_err("the first page is asked for once");
    assert_eq!(problem.to_string(), "the server answered 503: come back later");
    let wrong = FakeServer::start(lines, BIG, &[400]);
    let problem =
        read(&wrong, Request { retry_first: true, ..request(true, None, 10) }).expect_err("400 does not pass");
    assert_eq!((problem.to_string().as_str(), wrong.requests().len()), ("the server answered 400: come back later", 1));
}

#[test]
fn the_largest_answer_is_read_from_the_refusal() {
    let loki = "max entries limit per query exceeded, limit > max_entries_limit_per_query (5001 > 5000)";
    assert_eq!(entries_limit(loki), Some(5000));
    assert_eq!(entries_limit("parse error (1 > 0)"), None);
}

#[test]
fn who_asks_is_told_to_the_server() {
    let server = FakeServer::start(Entries::new(), BIG, &[]);
    for (flags, header) in [
        (&["--org-id=a|b"][..], "x-scope-orgid: a|b\r\n"),
        (&["--tenant", "a"], "x-scope-orgid: a\r\n"),
        (&["--username=u", "--password=p:q"], "authorization: Basic dTpwOnE=\r\n"),
        (&["--bearer-token=t"], "authorization: Bearer t\r\n"),
        (&["--header=X-Query-Tags: who=me", "--header", "X-Two:2"], "x-two: 2\r\n"),
    ] {
        let client = server.client_with(flags);
        Pager::new(&client, request(true, None, 10)).next().expect("an empty answer");
        let request = server.requests().pop().expect("one request").replace("X-Scope-OrgID", "x-scope-orgid");
        assert!(request.to_lowercase().contains(&header.to_lowercase()), "{header} is not in {request}");
    }
}
