//! `sigyn tail`: new entries as they arrive, over a websocket that is opened again when it breaks.

mod recent;

use std::io::ErrorKind;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use super::answer::{Row, TailMessage, rows};
use super::args::RangeArgs;
use super::client::{Parameters, backoff, is_passing, pause};
use super::output::{EntryPrinter, LabelChoice};
use super::pages::{Page, Pager, Request};
use super::tls::Transport;
use super::{Context, query, times};
use recent::Recent;

const TAIL: &str = "/loki/api/v1/tail";
/// Servers ping every second; a proxy may keep that to itself, so that we ask before we give up.
const SILENCE: Duration = Duration::from_secs(15);
const SILENCES_MAX: u32 = 3;
/// Entries a page while catching up.
const BATCH: u64 = 1000;
const SECOND: i64 = 1_000_000_000;

const EXAMPLES: &str = "\
Examples:
  sigyn tail '{app=\"api\"} |= \"error\"'
  sigyn tail '{env=\"prod\"} | json | status >= 500' --limit=0 -o jsonl   without history
  sigyn tail '{app=\"api\"}' --since=5m --no-labels";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The LogQL query; a log query
    query: String,
    #[command(flatten)]
    range: RangeArgs,
    /// Entries to begin with, the newest since the start
    #[arg(long, value_name = "N", default_value_t = 30, help_heading = "Query")]
    limit: u64,
    /// Seconds the server waits for entries that come late, at most 5
    #[arg(long, value_name = "SECONDS", default_value_t = 0, help_heading = "Query")]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=5))]
    delay_for: u64,
    #[command(flatten)]
    labels: LabelChoice,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<()> {
    Tail::new(context, &args.query, &args.range, args.limit, args.delay_for, args.labels.clone())?.run()
}

/// `sigyn query --tail`.
pub(super) fn follow(
    context: &mut Context,
    query: &str,
    range: &RangeArgs,
    limit: u64,
    labels: LabelChoice,
) -> Result<()> {
    Tail::new(context, query, range, limit, 0, labels)?.run()
}

struct Tail<'a> {
    context: &'a mut Context,
    query: String,
    /// Where history starts.
    start: i64,
    limit: u64,
    delay_for: u64,
    printer: EntryPrinter,
    recent: Recent,
}

/// Why a connection is no more.
enum End {
    /// Asking again would be answered the same.
    Refused(String),
    Lost(String),
}

impl<'a> Tail<'a> {
    fn new(
        context: &'a mut Context,
        query: &str,
        range: &RangeArgs,
        limit: u64,
        delay_for: u64,
        labels: LabelChoice,
    ) -> Result<Self> {
        let (start, _) = range.resolve(context.now, &context.console.zone)?;
        let printer = EntryPrinter::new(labels, false);
        Ok(Self { context, query: query.to_owned(), start, limit, delay_for, printer, recent: Recent::default() })
    }

    fn run(mut self) -> Result<()> {
        let mut socket = Some(self.connect(self.start, self.limit)?);
        let mut failed = 0;
        loop {
            let lost = match socket.take() {
                Some(socket) => match self.listen(socket, &mut failed)? {
                    End::Refused(reason) => bail!("the server ended the tail: {reason}"),
                    End::Lost(why) => why,
                },
                None => "no connection".to_owned(),
            };
            if self.context.shared.retries.is_some_and(|retries| failed >= retries) {
                bail!("the tail ended: {lost}");
            }
            let wait = backoff(failed);
            failed += 1;
            self.context.console.note(format_args!("the tail broke off: {lost}; trying again in {wait:?}"));
            pause(wait);
            match self.resume() {
                Ok(resumed) => socket = Some(resumed),
                Err(problem) if is_passing(&problem) => {
                    self.context.console.note(format_args!("{problem:#}"));
                }
                Err(problem) => return Err(problem),
            }
        }
    }

    fn connect(&self, start: i64, limit: u64) -> Result<WebSocket<Box<dyn Transport>>> {
        let parameters: Parameters = vec![
            ("query", self.query.clone()),
            // The API knows no limit of 0; history that starts now has nothing in it.
            ("limit", limit.max(1).to_string()),
            ("delay_for", self.delay_for.to_string()),
            ("start", if limit == 0 { times::now() } else { start }.to_string()),
        ];
        self.context.client.websocket(TAIL, &parameters, SILENCE)
    }

    /// Connects again and prints what was missed. The connection comes first, so that nothing falls between.
    fn resume(&mut self) -> Result<WebSocket<Box<dyn Transport>>> {
        let start = self.recent.resume_from().unwrap_or(self.context.now);
        let socket = self.connect(start, self.limit.max(1))?;
        self.recent.expect_again();
        let request = Request {
            query: self.query.clone(),
            start,
            end: times::now().saturating_add(SECOND),
            forward: true,
            limit: None,
            batch: BATCH,
            interval: 0,
            step: None,
            retries: self.context.shared.retries.unwrap_or(query::RETRIES),
            retry_first: true,
        };
        let mut missed = Vec::new();
        let mut pager = Pager::new(&self.context.client, request);
        while let Some(page) = pager.next().context("asking for what the tail missed")? {
            let Page::Entries(rows) = page else { break };
            missed.extend(rows.into_iter().filter(|row| self.recent.is_new(row)));
        }
        self.print(&missed)?;
        self.recent.expect_again();
        Ok(socket)
    }

    /// Prints until the connection ends. A message that arrives makes up for failures.
    fn listen(&mut self, mut socket: WebSocket<Box<dyn Transport>>, failed: &mut u32) -> Result<End> {
        let mut silences = 0;
        let mut is_first = self.recent.is_empty();
        loop {
            let message = socket.read();
            if message.is_ok() {
                silences = 0;
            }
            match message {
                Ok(Message::Text(text)) => {
                    (*failed, is_first) = (0, false);
                    self.take(serde_json::from_str(&text).context("the server sent what is no message of a tail")?)?;
                }
                Ok(Message::Close(frame)) => {
                    let Some(frame) = frame else { return Ok(End::Lost("closed".to_owned())) };
                    let reason =
                        if frame.reason.is_empty() { frame.code.to_string() } else { frame.reason.to_string() };
                    let refused = is_first && frame.code == CloseCode::Error;
                    return Ok(if refused { End::Refused(reason) } else { End::Lost(reason) });
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    silences += 1;
                    if silences >= SILENCES_MAX || socket.send(Message::Ping(Vec::new().into())).is_err() {
                        return Ok(End::Lost(format!("silent for {:?}", SILENCE * silences)));
                    }
                }
                Err(error) => return Ok(End::Lost(error.to_string())),
            }
        }
    }

    fn take(&mut self, message: TailMessage) -> Result<()> {
        if let Some(dropped) = message.dropped_entries.as_ref().filter(|dropped| !dropped.is_empty()) {
            let count = dropped.len();
            self.context
                .console
                .warn(format_args!("the server left out {count} entries: they come faster than we read"));
        }
        let mut fresh = rows(message.streams, true);
        fresh.retain(|row| self.recent.is_new(row));
        self.print(&fresh)
    }

    fn print(&mut self, rows: &[Row]) -> Result<()> {
        for row in rows {
            self.recent.add(row);
        }
        self.printer.print(&mut self.context.console, rows)?;
        self.context.console.flush()
    }
}
