//! One listener: history, then what is new, in frames that a slow client may lose but never sees out of order.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use sigyn_logql::{Direction, LogOptions, LogPlan, StreamEntries};
use sigyn_model::{Level, PartId, PartMeta, TenantId, TimeRange, Timestamp};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc};

use super::feed::{Feeds, Published, Seat};
use crate::context::QueryContext;
use crate::exec::logs;
use crate::metrics::Kind;
use crate::reader::{Core, TailStream};
use crate::selection::{Selectors, scan, select_from};
use crate::source::Source;
use crate::{DroppedEntry, Error, Result, TailEntry, TailFrame, TailRequest};

/// Entries per frame.
const FRAME_ENTRIES: usize = 100;
/// Frames waiting for the client.
const FRAMES_BUFFERED: usize = 10;
/// Dropped entries that are remembered for the next frame.
const DROPPED_MAX: usize = 1000;
/// Entries taken from one poll; more than a client could ever be sent.
const POLL_ENTRIES: usize = 1_000_000;

/// Joins the feed and starts the task that fills the stream.
pub(crate) async fn open(
    core: &Core,
    feeds: &Arc<Feeds>,
    tenant: &TenantId,
    request: TailRequest,
) -> Result<TailStream> {
    let plan = Arc::new(sigyn_logql::plan_log(&request.expr, core.source.clock.now())?);
    let limits = core.limits(std::slice::from_ref(tenant));
    let seat = feeds.join(&core.source, tenant, limits.tails)?;
    let feed = seat.subscribe().await?;
    let (frames, mut received) = mpsc::channel(FRAMES_BUFFERED);
    let core = core.clone();
    let listener = Listener {
        source: Arc::clone(&core.source),
        context: QueryContext::new(std::slice::from_ref(tenant), limits),
        plan,
        request,
        out: Outlet {
            frames: frames.clone(),
            dropped: Vec::new(),
            patience: poll_interval(&core.source),
            dropped_total: core.source.metrics.tail_dropped.clone(),
        },
        held_back: Vec::new(),
        _seat: seat,
    };
    let stop = listener.context.stop_on_drop();
    tokio::spawn(async move {
        let _stop = stop;
        let longest = Duration::from_nanos(u64::try_from(core.source.config.tail_max_duration.nanos()).unwrap_or(0));
        let ended = tokio::select! {
            () = frames.closed() => return,
            () = tokio::time::sleep(longest) => Err(Error::TailDuration),
            ended = listener.run(&core, feed) => ended,
        };
        if let Err(error) = ended {
            // When nobody receives it, nobody needs it.
            let _ = frames.send(Err(error)).await;
        }
    });
    Ok(Box::pin(futures::stream::poll_fn(move |task| received.poll_recv(task))))
}

fn poll_interval(source: &Source) -> Duration {
    Duration::from_nanos(u64::try_from(source.config.tail_poll_interval.nanos()).unwrap_or(0))
}

struct Listener {
    source: Arc<Source>,
    context: Arc<QueryContext>,
    plan: Arc<LogPlan>,
    request: TailRequest,
    out: Outlet,
    /// Live entries younger than the delay, ascending by time.
    held_back: Vec<TailEntry>,
    _seat: Seat,
}

impl Listener {
    async fn run(mut self, core: &Core, mut feed: broadcast::Receiver<Published>) -> Result<()> {
        let history = self.read_history(core).await?;
        self.out.send_history(history.entries).await;
        loop {
            match feed.try_recv() {
                Ok(parts) => {
                    let unseen = parts.iter().filter(|part| !history.seen.holds(part)).cloned().collect();
                    self.take_live(unseen).await?;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => return Ok(()),
                Err(TryRecvError::Lagged(_)) => return Err(Error::TailBehind),
            }
        }
        drop(history.seen);
        loop {
            let due = self.next_due();
            tokio::select! {
                published = feed.recv() => match published {
                    Ok(parts) => self.take_live(parts.to_vec()).await?,
                    Err(RecvError::Closed) => return Ok(()),
                    Err(RecvError::Lagged(_)) => return Err(Error::TailBehind),
                },
                () = tokio::time::sleep(due.unwrap_or(Duration::MAX)), if due.is_some() => {}
            }
            self.release().await;
        }
    }

    /// The newest entries since `start`, oldest first, and the parts they came from.
    async fn read_history(&self, core: &Core) -> Result<History> {
        let range = TimeRange::new(self.request.start, Timestamp::MAX);
        let limit = self.request.limit;
        let answer = core.query(Kind::tail, &self.context.tenants, |context| {
            let (source, plan) = (Arc::clone(&self.source), Arc::clone(&self.plan));
            async move {
                let selectors = Selectors::AnyOf(vec![plan.selector.clone()]);
                let parts = scan(&source, &context, &Selectors::All, range).await?;
                let seen = Seen::new(&parts);
                if limit == 0 {
                    return Ok(History { entries: Vec::new(), seen });
                }
                let selection = Arc::new(select_from(&source, &context, parts, selectors, range).await?);
                let options = options(&context, limit, Direction::Backward, range);
                let streams = logs::run_on(&source, &context, selection, plan, options).await?;
                Ok(History { entries: by_time(streams, Direction::Backward), seen })
            }
        });
        Ok(answer.await?.0)
    }

    /// Evaluates new parts and holds their entries back for the delay.
    async fn take_live(&mut self, parts: Vec<Arc<PartMeta>>) -> Result<()> {
        if parts.is_empty() {
            return Ok(());
        }
        let range = TimeRange::new(self.request.start, Timestamp::MAX);
        let selectors = Selectors::AnyOf(vec![self.plan.selector.clone()]);
        let selection = select_from(&self.source, &self.context, parts, selectors, range).await?;
        let options = options(&self.context, POLL_ENTRIES, Direction::Forward, range);
        let streams =
            logs::run_on(&self.source, &self.context, Arc::new(selection), Arc::clone(&self.plan), options).await?;
        self.held_back.extend(by_time(streams, Direction::Forward));
        self.held_back.sort_by_key(|entry| entry.entry.timestamp);
        self.release().await;
        Ok(())
    }

    /// When the oldest entry that is held back may go.
    fn next_due(&self) -> Option<Duration> {
        let oldest = self.held_back.first()?;
        let age = self.source.clock.now().nanos().saturating_sub(oldest.entry.timestamp);
        let delay = i64::try_from(self.request.delay.as_nanos()).unwrap_or(i64::MAX);
        Some(Duration::from_nanos(u64::try_from(delay.saturating_sub(age)).unwrap_or(0).max(1_000_000)))
    }

    async fn release(&mut self) {
        let ready = if self.request.delay.is_zero() {
            self.held_back.len()
        } else {
            let delay = i64::try_from(self.request.delay.as_nanos()).unwrap_or(i64::MAX);
            let newest = self.source.clock.now() - delay;
            self.held_back.partition_point(|entry| entry.entry.timestamp <= newest.nanos())
        };
        let entries: Vec<TailEntry> = self.held_back.drain(..ready).collect();
        self.out.send_live(entries).await;
    }
}

fn options(context: &QueryContext, limit: usize, direction: Direction, range: TimeRange) -> LogOptions {
    LogOptions { limit, direction, range, interval_ns: 0, memory_max: context.engine_memory() }
}

/// All entries, oldest first; equal times keep each stream's arrival order.
fn by_time(streams: Vec<StreamEntries>, direction: Direction) -> Vec<TailEntry> {
    let mut entries = Vec::new();
    for mut stream in streams {
        if direction == Direction::Backward {
            stream.entries.reverse();
        }
        let labels = stream.labels;
        entries.extend(stream.entries.into_iter().map(|entry| TailEntry { labels: labels.clone(), entry }));
    }
    entries.sort_by_key(|entry: &TailEntry| entry.entry.timestamp);
    entries
}

struct History {
    entries: Vec<TailEntry>,
    seen: Seen,
}

/// What the history's scan held.
struct Seen {
    parts: HashSet<PartId>,
    compacted: Vec<Arc<PartMeta>>,
}

impl Seen {
    fn new(parts: &[Arc<PartMeta>]) -> Self {
        Self {
            parts: parts.iter().map(|part| part.id.clone()).collect(),
            compacted: parts.iter().filter(|part| part.level > Level::L0).cloned().collect(),
        }
    }

    /// Whether a part that was published while history was read is in it already, as itself or compacted since.
    fn holds(&self, part: &PartMeta) -> bool {
        self.parts.contains(&part.id)
            || self.compacted.iter().any(|later| later.window == part.window && later.sequence >= part.sequence)
    }
}

/// The way to the client.
struct Outlet {
    frames: mpsc::Sender<Result<TailFrame>>,
    dropped: Vec<DroppedEntry>,
    /// How long a full buffer is waited for before entries are dropped.
    patience: Duration,
    dropped_total: Counter,
}

impl Outlet {
    /// History waits for the client: there is nothing to fall behind yet.
    async fn send_history(&self, entries: Vec<TailEntry>) {
        for entries in in_frames(entries) {
            // A client that has gone ends the whole task.
            let _ = self.frames.send(Ok(TailFrame { entries, dropped: Vec::new(), history: true })).await;
        }
    }

    async fn send_live(&mut self, entries: Vec<TailEntry>) {
        let mut patience = self.patience;
        for entries in in_frames(entries) {
            if let Ok(Ok(place)) = tokio::time::timeout(patience, self.frames.reserve()).await {
                place.send(Ok(TailFrame { entries, dropped: std::mem::take(&mut self.dropped), history: false }));
                continue;
            }
            // Waiting once is fair; waiting for every frame of a flood would only fall behind further.
            patience = Duration::ZERO;
            self.dropped_total.inc_by(entries.len() as u64);
            let room = DROPPED_MAX.saturating_sub(self.dropped.len());
            self.dropped.extend(
                entries
                    .into_iter()
                    .take(room)
                    .map(|entry| DroppedEntry { timestamp: Timestamp(entry.entry.timestamp), labels: entry.labels }),
            );
        }
    }
}

fn in_frames(entries: Vec<TailEntry>) -> impl Iterator<Item = Vec<TailEntry>> {
    let mut entries = entries.into_iter();
    std::iter::from_fn(move || {
        let frame: Vec<TailEntry> = entries.by_ref().take(FRAME_ENTRIES).collect();
        (!frame.is_empty()).then_some(frame)
    })
}
