//! The servers that a remote bench runs against, and processes of Sigyn on them.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use sigyn_servers::{ACCESS_KEY_ID, DynamoDbServer, FaultProxy, S3Server, SECRET_ACCESS_KEY};

use crate::server::{LIMITS, Server};

/// Which binary, and where its processes keep their logs.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub binary: PathBuf,
    pub directory: PathBuf,
}

/// An S3 and a DynamoDB behind a network.
#[derive(Debug)]
pub(super) struct Cloud {
    pub s3: S3Server,
    pub bucket: FaultProxy,
    pub table: FaultProxy,
    _dynamodb: DynamoDbServer,
    _runtime: tokio::runtime::Runtime,
}

impl Cloud {
    pub(super) fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let started = runtime.block_on(async {
            let s3 = S3Server::start("bench").await?;
            let dynamodb = DynamoDbServer::start().await?;
            let bucket = FaultProxy::start(&s3.endpoint(), 1).await?;
            let table = FaultProxy::start(&dynamodb.endpoint(), 2).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((s3, dynamodb, bucket, table))
        });
        let (s3, _dynamodb, bucket, table) = started.map_err(|error| anyhow!("starting the servers: {error}"))?;
        Ok(Self { s3, bucket, table, _dynamodb, _runtime: runtime })
    }

    /// Starts a process with these targets on the bucket and the table; `more` is YAML at the end of its configuration.
    pub(super) fn sigyn(&self, place: &Place, name: &str, target: &str, more: &str) -> Result<Server> {
        let storage = format!(
            "\
target: {target}
storage:
  bucket: s3://bench/sigyn
  catalog: dynamodb://eu-west-1/bench_
  s3:
    endpoint: {}
    access_key_id: {ACCESS_KEY_ID}
    secret_access_key: {SECRET_ACCESS_KEY}
  dynamodb:
    endpoint: {}
{LIMITS}{more}",
            self.bucket.endpoint(),
            self.table.endpoint()
        );
        Server::start_configured(&place.binary, &place.directory.join(name), &storage)
    }
}
