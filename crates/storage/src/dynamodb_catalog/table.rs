//! One table, and how requests to it are repeated, counted and explained.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use sigyn_model::ErrorKind;
use tokio::time::Instant;
use tracing::debug;

use super::consumed::Consumed;
use crate::metrics::{CatalogOp, CatalogOutcome, CatalogRequest, Consumption};
use crate::{Error, Metrics, Result, Rng};

/// How long a request is repeated before the caller hears of it.
const RETRY_FOR: Duration = Duration::from_secs(12);
const BACKOFF_FIRST: Duration = Duration::from_millis(25);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// A table of a region or endpoint. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: Arc<str>,
    /// Where it is, for messages: `region eu-west-1`.
    pub(super) place: Arc<str>,
    pub(super) retries_max: u32,
    pub(super) rng: Arc<dyn Rng>,
    pub(super) metrics: Metrics,
}

/// Why one attempt of a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// More than the table's capacity: it was not done.
    Throttled(String),
    /// No answer, or one that leaves open whether it was done.
    Away(String),
    /// A condition of the request does not hold.
    Condition,
    /// The table is not there.
    NoTable,
    /// Not allowed; what is.
    Denied(String),
    /// Anything else, by DynamoDB's own code.
    Other { code: String, message: String },
}

impl Refusal {
    /// Sorts an error of the SDK by what to do about it.
    pub(super) fn of<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: Debug,
    {
        let chain = || {
            let text = aws_sdk_dynamodb::error::DisplayErrorContext(error).to_string();
            text.split(" (").next().unwrap_or_default().to_owned()
        };
        let SdkError::ServiceError(service) = error else {
            return match error {
                SdkError::ConstructionFailure(_) => {
                    Self::Other { code: "ConstructionFailure".to_owned(), message: chain() }
                }
                _ => Self::Away(chain()),
            };
        };
        let code = service.err().code().unwrap_or("Unknown");
        let message = service.err().message().unwrap_or("no message").to_owned();
        match code {
            "ConditionalCheckFailedException" => Self::Condition,
            "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "LimitExceededException" => Self::Throttled(message),
            "ResourceNotFoundException" => Self::NoTable,
            "AccessDeniedException"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "ExpiredTokenException"
            | "ExpiredToken" => Self::Denied(message),
            "InternalServerError"
            | "InternalServerErrorException"
            | "ServiceUnavailable"
            | "TransactionInProgressException"
            | "Unknown" => Self::Away(format!("{code}: {message}")),
            _ => Self::Other { code: code.to_owned(), message },
        }
    }

    fn outcome(&self) -> CatalogOutcome {
        match self {
            Self::Condition => CatalogOutcome::conflict,
            Self::Throttled(_) => CatalogOutcome::throttled,
            _ => CatalogOutcome::error,
        }
    }

    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Away(_))
    }
}

impl Table {
    /// Sends a request until it is answered, refused for good, or its time is over.
    ///
    /// Errors: the last refusal, when no repetition helps.
    pub(super) async fn send<T, E, R, F>(
        &self,
        op: CatalogOp,
        request: impl Fn() -> F,
    ) -> std::result::Result<T, Refusal>
    where
        T: Consumed,
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: Debug,
        F: Future<Output = std::result::Result<T, SdkError<E, R>>>,
    {
        let mut retries = self.retries();
        loop {
            let refusal = match self.once(op, request()).await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            if !refusal.may_pass() || !retries.pause(&refusal).await {
                return Err(refusal);
            }
            debug!(table = %self.name, ?op, ?refusal, "repeating a request to the catalog");
        }
    }

    /// Counts how a request ends that is tried once.
    pub(super) async fn once<T, E, R>(
        &self,
        op: CatalogOp,
        request: impl Future<Output = std::result::Result<T, SdkError<E, R>>>,
    ) -> std::result::Result<T, Refusal>
    where
        T: Consumed,
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: Debug,
    {
        match request.await {
            Ok(answer) => {
                self.count(op, CatalogOutcome::ok);
                self.consumed(op, &answer);
                Ok(answer)
            }
            Err(error) => {
                let refusal = Refusal::of(&error);
                self.count(op, refusal.outcome());
                Err(refusal)
            }
        }
    }

    pub(super) fn retries(&self) -> Retries<'_> {
        Retries { table: self, tries: 0, doubtful: false, started: Instant::now() }
    }

    pub(super) fn count(&self, op: CatalogOp, outcome: CatalogOutcome) {
        self.metrics.catalog_requests.get_or_create(&CatalogRequest { op, outcome }).inc();
    }

    pub(super) fn consumed(&self, op: CatalogOp, answer: &impl Consumed) {
        let units = answer.units();
        if units > 0.0 {
            self.metrics.catalog_units.get_or_create(&Consumption { op, kind: answer.kind() }).inc_by(units);
        }
    }

    /// The error of a request that was refused.
    pub(super) fn error(&self, action: &'static str, refusal: &Refusal) -> Error {
        let (kind, reason) = match refusal {
            Refusal::Throttled(message) => (
                ErrorKind::Limited,
                format!("the table is throttled ({message}); it takes more when its capacity is raised"),
            ),
            Refusal::Away(message) => {
                (ErrorKind::Unavailable, format!("no usable answer from {}: {message}", self.place))
            }
            Refusal::Condition => (ErrorKind::Conflict, "a condition did not hold".to_owned()),
            Refusal::NoTable => (
                ErrorKind::Unavailable,
                format!(
                    "the table is not there ({}); it was deleted, or storage.catalog names another region",
                    self.place
                ),
            ),
            Refusal::Denied(message) => (
                ErrorKind::Unavailable,
                format!(
                    "not allowed: {message}; add it to the policy of these credentials, see docs/operations/aws.md"
                ),
            ),
            Refusal::Other { code, message } => (ErrorKind::Internal, format!("{code}: {message}")),
        };
        Error::Table { action, table: self.name.to_string(), reason, kind }
    }

    /// As [`Table::send`], for requests whose conditions are no business of the caller's.
    pub(super) async fn ask<T, E, R, F>(
        &self,
        op: CatalogOp,
        action: &'static str,
        request: impl Fn() -> F,
    ) -> Result<T>
    where
        T: Consumed,
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: Debug,
        F: Future<Output = std::result::Result<T, SdkError<E, R>>>,
    {
        self.send(op, request).await.map_err(|refusal| self.error(action, &refusal))
    }
}

/// Counts the tries of one request and waits between them.
#[derive(Debug)]
pub(super) struct Retries<'a> {
    table: &'a Table,
    tries: u32,
    doubtful: bool,
    started: Instant,
}

impl Retries<'_> {
    /// Whether an earlier try may have been done though its answer was lost.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Waits a random while that grows with every try. False: enough was tried.
    pub(super) async fn pause(&mut self, refusal: &Refusal) -> bool {
        self.doubtful |= matches!(refusal, Refusal::Away(_));
        if self.tries >= self.table.retries_max || self.started.elapsed() >= RETRY_FOR {
            return false;
        }
        let longest = BACKOFF_FIRST.saturating_mul(1 << self.tries.min(10)).min(BACKOFF_MAX);
        self.tries += 1;
        let share = self.table.rng.next_u64() % 1_000;
        tokio::time::sleep(longest / 2 + longest.mul_f64(share as f64 / 2_000.0)).await;
        true
    }
}
