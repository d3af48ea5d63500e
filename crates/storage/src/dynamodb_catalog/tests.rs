//! The catalog over a DynamoDB in this process, spoken to over HTTP.

use std::sync::Arc;
use std::time::Duration;

use sigyn_model::{ErrorKind, Level, PartId, PartMeta, Secret, TenantId, TimeRange, Timestamp, Window};
use sigyn_servers::{ACCESS_KEY_ID, DynamoDbServer, FaultProxy, Faults, SECRET_ACCESS_KEY};

use super::{CatalogUrl, DynamoDbCatalog};
use crate::config::{DynamoDbConfig, S3Config};
use crate::conformance::{check_catalog, check_many_parts};
use crate::metrics::{CatalogOp, Units};
use crate::{Catalog, Clock, Cursor, ManualClock, Metrics, Result, Swap, SystemRng};

fn start() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

/// Settings for a server at `endpoint`.
fn settings(endpoint: String) -> DynamoDbConfig {
    DynamoDbConfig {
        endpoint,
        access_key_id: Secret::new(ACCESS_KEY_ID),
        secret_access_key: Secret::new(SECRET_ACCESS_KEY),
        ..DynamoDbConfig::default()
    }
}

/// A fresh server and its settings.
async fn server() -> (DynamoDbServer, DynamoDbConfig) {
    let server = DynamoDbServer::start().await.expect("it starts");
    let config = settings(server.endpoint());
    (server, config)
}

async fn open(config: &DynamoDbConfig, clock: &Arc<ManualClock>) -> Result<Arc<dyn Catalog>> {
    open_counted(config, clock, &Metrics::default()).await
}

async fn open_counted(
    config: &DynamoDbConfig,
    clock: &Arc<ManualClock>,
    metrics: &Metrics,
) -> Result<Arc<dyn Catalog>> {
    let url = CatalogUrl::parse("dynamodb://eu-west-1/test_").expect("a good URL");
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let s3 = S3Config::default();
    let catalog = DynamoDbCatalog::open(&url, config, &s3, clock, Arc::new(SystemRng), metrics.clone());
    Ok(Arc::new(catalog.await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_a_catalog() {
    let (_server, config) = server().await;
    let clock = Arc::new(ManualClock::new(start()));
    check_catalog(|| open(&config, &clock), &clock).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_a_catalog_behind_a_bad_network() {
    let (server, _) = server().await;
    let clock = Arc::new(ManualClock::new(start()));
    let proxy = FaultProxy::start(&server.endpoint(), 5).await.expect("it starts");
    let config = settings(proxy.endpoint());
    proxy.set(Faults { errors: 20, throttled: 20, resets: 40, ..Faults::default() });
    check_catalog(|| open(&config, &clock), &clock).await;
    let injected = proxy.injected();
    assert!(injected.errors > 5 && injected.throttled > 5 && injected.resets > 5, "{injected:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_many_parts() {
    let (_server, config) = server().await;
    let clock = Arc::new(ManualClock::new(start()));
    check_many_parts(|| open(&config, &clock), 5_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_table_is_made_only_when_allowed() {
    let (_server, config) = server().await;
    let clock = Arc::new(ManualClock::new(start()));
    let forbidden = DynamoDbConfig { create_table: false, ..config.clone() };
    let error = open(&forbidden, &clock).await.expect_err("there is no table");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let message = error.to_string();
    assert!(message.contains("table test_catalog") && message.contains("storage.dynamodb.create_table"), "{message}");
    open(&config, &clock).await.expect("made");
    open(&forbidden, &clock).await.expect("it is there now");
}

/// A part of the present hour whose object was named now, as a flush publishes it.
fn flushed(clock: &ManualClock, tenant: &TenantId) -> PartMeta {
    let now = clock.now();
    let window = Window::of(now);
    PartMeta {
        id: PartId { object: crate::rng::new_object_key(now, &SystemRng), index: 0 },
        tenant: tenant.clone(),
        window,
        level: Level::L0,
        offset: 16,
        length: 4_096,
        footer_length: 512,
        min_time: now,
        max_time: now,
        rows: 10,
        streams: 2,
        raw_bytes: 1_000,
        sequence: u64::try_from(now.nanos() / 1_000_000).expect("after 1970") << 16,
        label_filter: vec![7; 256],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_costs_one_write_and_tails_find_it() {
    let (_server, config) = server().await;
    let clock = Arc::new(ManualClock::new(start()));
    let metrics = Metrics::default();
    let catalog = open_counted(&config, &clock, &metrics).await.expect("it opens");
    let tenant = TenantId::new("steady").expect("a good name");
    catalog.publish(&[flushed(&clock, &tenant)]).await.expect("publish");
    let (_, mut cursor) = catalog.since(&tenant, &Cursor::default()).await.expect("since");
    let (mut published, mut found) = (Vec::new(), Vec::new());
    let before = metrics.units(CatalogOp::publish, Units::write);
    for _ in 0..40 {
        clock.advance(Duration::from_millis(250));
        let part = flushed(&clock, &tenant);
        catalog.publish(std::slice::from_ref(&part)).await.expect("publish");
        published.push(part.id);
        let (parts, next) = catalog.since(&tenant, &cursor).await.expect("since");
        found.extend(parts.iter().map(|part| part.id.clone()));
        cursor = next;
    }
    assert_eq!(found, published);
    let spent = metrics.units(CatalogOp::publish, Units::write) - before;
    assert!((spent - 40.0).abs() < 0.01, "{spent} write units for 40 flushes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_comes_late_gets_what_was_merged() {
    let (_server, config) = server().await;
    let clock = Arc::new(ManualClock::new(start()));
    let catalog = open(&config, &clock).await.expect("it opens");
    let tenant = TenantId::new("late").expect("a good name");
    let (_, cursor) = catalog.since(&tenant, &Cursor::default()).await.expect("since");
    clock.advance(Duration::from_secs(1));
    let part = flushed(&clock, &tenant);
    catalog.publish(std::slice::from_ref(&part)).await.expect("publish");
    clock.advance(Duration::from_secs(20));
    let merged = PartMeta { level: Level::L1, sequence: part.sequence, ..flushed(&clock, &tenant) };
    let swap = Swap {
        tenant: tenant.clone(),
        window: merged.window,
        remove: vec![part.id],
        add: vec![merged.clone()],
        fence: None,
    };
    catalog.replace(&swap).await.expect("replace");
    let (parts, cursor) = catalog.since(&tenant, &cursor).await.expect("since");
    assert_eq!(parts.iter().map(|part| part.id.clone()).collect::<Vec<_>>(), [merged.id]);
    let (parts, _) = catalog.since(&tenant, &cursor).await.expect("since");
    assert!(parts.is_empty(), "once is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_publish_into_an_old_hour_is_announced() {
    let (_server, config) = server().await;
    let clock = Arc::new(ManualClock::new(start()));
    let catalog = open(&config, &clock).await.expect("it opens");
    let tenant = TenantId::new("old").expect("a good name");
    let (_, cursor) = catalog.since(&tenant, &Cursor::default()).await.expect("since");
    let old = Timestamp::from_seconds(1_700_000_000);
    let part = PartMeta { window: Window::of(old), min_time: old, max_time: old, ..flushed(&clock, &tenant) };
    catalog.publish(std::slice::from_ref(&part)).await.expect("publish");
    let (parts, _) = catalog.since(&tenant, &cursor).await.expect("since");
    assert_eq!(parts.iter().map(|part| &part.id).collect::<Vec<_>>(), [&part.id]);
    let range = TimeRange::new(old, Timestamp(old.nanos() + 1));
    assert_eq!(catalog.scan(&tenant, range).await.expect("scan").len(), 1, "and found at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_another_shape_is_refused() {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
    let (_server, config) = server().await;
    let clock = Arc::new(ManualClock::new(start()));
    let url = CatalogUrl::parse("dynamodb://eu-west-1/test_").expect("a good URL");
    let s3 = S3Config::default();
    let table = super::connect::table(&url, &config, &s3, Arc::new(SystemRng), Metrics::default());
    let table = table.await.expect("a client");
    let attribute = AttributeDefinition::builder().attribute_name("h").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("h").key_type(KeyType::Hash);
    let request = table.client.create_table().table_name("test_catalog").billing_mode(BillingMode::PayPerRequest);
    let request =
        request.attribute_definitions(attribute.build().expect("whole")).key_schema(key.build().expect("whole"));
    request.send().await.expect("made");
    let error = open(&config, &clock).await.expect_err("it is not a catalog");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("its keys are h (HASH, S)"), "{error}");
}
