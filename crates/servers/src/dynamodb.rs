//! A DynamoDB in memory.

use dynoxide::Database;
use tokio::net::TcpListener;

use crate::serving::{BoxError, Serving};

/// A DynamoDB over HTTP whose tables are gone when it is dropped.
#[derive(Debug)]
pub struct DynamoDbServer {
    serving: Serving,
}

impl DynamoDbServer {
    /// Starts it without tables.
    ///
    /// Errors: no port is free, or the database cannot be made.
    pub async fn start() -> Result<Self, BoxError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let database = Database::memory()?;
        let task = tokio::spawn(dynoxide::server::serve_on(listener, database));
        Ok(Self { serving: Serving::of(address, task.abort_handle()) })
    }

    /// Its address: `http://127.0.0.1:port`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.serving.address)
    }
}
