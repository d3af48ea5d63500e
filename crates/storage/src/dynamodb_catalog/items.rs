//! Items of the table, and their way from and to our own types.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use prost::Message;
use sigyn_model::{PartMeta, TenantId};

use super::keys::{BODY, EXPIRY, PK, SK};
use crate::object_catalog::messages::{PartMessage, decode};
use crate::{Error, Result};

pub(super) type Item = HashMap<String, AttributeValue>;

/// The key of an item.
pub(super) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    Item::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))])
}

/// A key with a message.
pub(super) fn item(pk: impl Into<String>, sk: impl Into<String>, body: &impl Message) -> Item {
    let mut item = key(pk, sk);
    item.insert(BODY.to_owned(), AttributeValue::B(Blob::new(body.encode_to_vec())));
    item
}

/// The same item, which DynamoDB may remove after that many seconds since the Unix epoch.
pub(super) fn expiring(mut item: Item, seconds: i64) -> Item {
    item.insert(EXPIRY.to_owned(), number(seconds));
    item
}

pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A number of an item. Errors: `Corrupt` when it is absent or no number.
pub(super) fn number_of<T: std::str::FromStr>(item: &Item, attribute: &str) -> Result<T> {
    let found = item.get(attribute).and_then(|value| value.as_n().ok());
    found.and_then(|text| text.parse().ok()).ok_or_else(|| senseless(item, format!("{attribute} is not a number")))
}

/// A text of an item. Errors: `Corrupt` when it is absent.
pub(super) fn text_of<'a>(item: &'a Item, attribute: &str) -> Result<&'a str> {
    let found = item.get(attribute).and_then(|value| value.as_s().ok());
    found.map(String::as_str).ok_or_else(|| senseless(item, format!("{attribute} is not a text")))
}

/// The message of an item. Errors: `Corrupt`.
pub(super) fn body<M: Message + Default>(item: &Item) -> Result<M> {
    let Some(Ok(blob)) = item.get(BODY).map(AttributeValue::as_b) else {
        return Err(senseless(item, "it has no message".to_owned()));
    };
    decode(&name(item), blob.as_ref())
}

/// The part of a row. Errors: `Corrupt`.
pub(super) fn part(item: &Item, tenant: &TenantId) -> Result<PartMeta> {
    body::<PartMessage>(item)?.into_part(&name(item), tenant.clone())
}

/// The key of an item, for messages.
pub(super) fn name(item: &Item) -> String {
    let word = |attribute| item.get(attribute).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
    format!("catalog item {} {}", word(PK), word(SK))
}

fn senseless(item: &Item, reason: String) -> Error {
    Error::Corrupt { key: name(item), reason }
}
