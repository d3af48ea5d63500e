//! Real servers for tests, in this process and over HTTP: nothing needs to be installed.
//!
//! Main types: [`S3Server`], an object store in memory behind the S3 API; [`DynamoDbServer`], a DynamoDB in memory;
//! [`FaultProxy`], a bad network in front of either, whose faults follow from a seed.
//!
//! Every server listens on a free port of 127.0.0.1 and stops when it is dropped. Only tests and benches depend on this crate.

mod dynamodb;
mod proxy;
mod s3;
mod serving;

pub use dynamodb::DynamoDbServer;
pub use proxy::{FaultProxy, Faults, Injected};
pub use s3::{S3Server, S3Usage};

/// What both servers accept as access key; any region goes with it.
pub const ACCESS_KEY_ID: &str = "test-key";
/// The secret of [`ACCESS_KEY_ID`]: with a slash and a plus, as AWS's own secrets have.
pub const SECRET_ACCESS_KEY: &str = "test/secret+key";
