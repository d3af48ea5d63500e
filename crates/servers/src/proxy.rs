//! A bad network in front of a server.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::serving::{BoxError, Serving};

/// What goes wrong, in requests of a thousand; the rest is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Answered with 500 and not passed on.
    pub errors: u32,
    /// Answered with S3's 503 SlowDown, or DynamoDB's throttling, and not passed on.
    pub throttled: u32,
    /// Passed on and done, but the connection is cut instead of an answer.
    pub resets: u32,
    /// Held for two seconds, then passed on.
    pub stalls: u32,
    /// Added to every request that is passed on.
    pub delay: Duration,
    /// Added to every put, besides `delay`.
    pub put_delay: Duration,
    /// The server cannot be reached: connections are cut at once.
    pub away: bool,
    /// Writes a second that a DynamoDB takes before it throttles, as a table provisioned with so many units; 0 is no bound.
    pub write_units: u32,
}

/// Faults that a proxy has injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Injected {
    pub passed: u64,
    pub errors: u64,
    pub throttled: u64,
    pub resets: u64,
    pub stalls: u64,
}

const WRITES: [&str; 5] = [".PutItem", ".UpdateItem", ".DeleteItem", ".TransactWriteItems", ".BatchWriteItem"];
const STALL: Duration = Duration::from_secs(2);
const THROTTLED_DYNAMODB: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"injected"}"#;
const FAILED_DYNAMODB: &str =
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"injected"}"#;
const THROTTLED_S3: &str = "<Error><Code>SlowDown</Code><Message>injected</Message></Error>";
const FAILED_S3: &str = "<Error><Code>InternalError</Code><Message>injected</Message></Error>";

/// Passes requests on to a server and spoils some, as its seed has it.
#[derive(Debug)]
pub struct FaultProxy {
    serving: Serving,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    faults: Faults,
    injected: Injected,
    rng: StdRng,
    /// Write units left, and when that was so.
    units: (f64, Instant),
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Pass,
    Fail,
    Throttle,
    Reset,
    Stall,
    Cut,
}

impl FaultProxy {
    /// Starts in front of `http://address`, without faults at first.
    ///
    /// Errors: no port is free, or `endpoint` is not such an address.
    pub async fn start(endpoint: &str, seed: u64) -> Result<Self, BoxError> {
        let upstream = endpoint.trim_start_matches("http://").trim_end_matches('/').parse()?;
        let (faults, injected) = (Faults::default(), Injected::default());
        let state = State { faults, injected, rng: StdRng::seed_from_u64(seed), units: (0.0, Instant::now()) };
        let shared = Arc::new(Shared { upstream, state: Mutex::new(state) });
        let passing = Arc::clone(&shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&passing);
            async move { shared.answer(request).await }
        });
        Ok(Self { serving: Serving::start(service).await?, shared })
    }

    /// Its address: `http://127.0.0.1:port`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.serving.address)
    }

    /// From now on.
    pub fn set(&self, faults: Faults) {
        self.shared.state().faults = faults;
    }

    /// Until now.
    #[must_use]
    pub fn injected(&self) -> Injected {
        self.shared.state().injected
    }
}

impl State {
    /// Takes one write unit, if any is left; they come back second by second.
    fn take_unit(&mut self) -> bool {
        let rate = f64::from(self.faults.write_units);
        if rate == 0.0 {
            return true;
        }
        let (left, then) = self.units;
        let now = Instant::now();
        let left = (left + rate * now.duration_since(then).as_secs_f64()).min(rate);
        self.units = if left >= 1.0 { (left - 1.0, now) } else { (left, now) };
        left >= 1.0
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws what happens to a request and how long it is held back.
    fn draw(&self, method: &Method, is_write: bool) -> (Fate, Duration) {
        let mut state = self.state();
        let faults = state.faults;
        if faults.away {
            return (Fate::Cut, Duration::ZERO);
        }
        if is_write && !state.take_unit() {
            state.injected.throttled += 1;
            return (Fate::Throttle, Duration::ZERO);
        }
        let mut drawn = state.rng.random_range(0..1_000_u32);
        let mut fate = Fate::Pass;
        for (rate, what) in [
            (faults.errors, Fate::Fail),
            (faults.throttled, Fate::Throttle),
            (faults.resets, Fate::Reset),
            (faults.stalls, Fate::Stall),
        ] {
            if drawn < rate {
                fate = what;
                break;
            }
            drawn -= rate;
        }
        let injected = &mut state.injected;
        match fate {
            Fate::Pass | Fate::Cut => injected.passed += 1,
            Fate::Fail => injected.errors += 1,
            Fate::Throttle => injected.throttled += 1,
            Fate::Reset => injected.resets += 1,
            Fate::Stall => injected.stalls += 1,
        }
        let put = if *method == Method::PUT { faults.put_delay } else { Duration::ZERO };
        let stall = if fate == Fate::Stall { STALL } else { Duration::ZERO };
        (fate, faults.delay + put + stall)
    }

    /// Errors close the connection without an answer.
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, BoxError> {
        let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
        let is_dynamodb = target.is_some();
        let is_write = target.is_some_and(|target| WRITES.iter().any(|write| target.ends_with(write)));
        let (fate, delay) = self.draw(request.method(), is_write);
        let (failed, throttled) = match is_dynamodb {
            true => ((500, FAILED_DYNAMODB), (400, THROTTLED_DYNAMODB)),
            false => ((500, FAILED_S3), (503, THROTTLED_S3)),
        };
        match fate {
            Fate::Cut => return Err("the server is away".into()),
            Fate::Fail => return refuse(failed.0, failed.1),
            Fate::Throttle => return refuse(throttled.0, throttled.1),
            Fate::Pass | Fate::Reset | Fate::Stall => {}
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let answer = self.pass_on(request).await?;
        if fate == Fate::Reset { Err("the answer is lost".into()) } else { Ok(answer) }
    }

    async fn pass_on(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, BoxError> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let answer = sender.send_request(Request::from_parts(head, Full::new(body))).await?;
        let (head, body) = answer.into_parts();
        Ok(Response::from_parts(head, Full::new(body.collect().await?.to_bytes())))
    }
}

fn refuse(status: u16, body: &'static str) -> Result<Response<Full<Bytes>>, BoxError> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(status)?;
    Ok(response)
}
