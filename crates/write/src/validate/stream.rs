//! Checks of a stream's labels, and `service_name`.

use sigyn_model::{Labels, Limits, TenantId};

use super::{SHOWN_BYTES_MAX, cut, refuse, shown};
use crate::failures::{Failure, Reason};

const SERVICE_NAME: &str = "service_name";
const UNKNOWN_SERVICE: &str = "unknown_service";
/// Streams that Loki's own components write keep their labels as they are.
const INTERNAL: [&str; 2] = ["__aggregated_metric__", "__pattern__"];

/// The labels with `service_name`, taken from the first label that names a service, unless they have it.
pub(super) fn with_service_name(labels: &Labels, limits: &Limits) -> Labels {
    if limits.discover_service_name.is_empty()
        || labels.get(SERVICE_NAME).is_some()
        || INTERNAL.iter().any(|name| labels.get(name).is_some())
    {
        return labels.clone();
    }
    let service = limits.discover_service_name.iter().find_map(|name| labels.get(name)).unwrap_or(UNKNOWN_SERVICE);
    Labels::from_pairs(labels.iter().chain([(SERVICE_NAME, service)]))
}

/// Checks a stream's labels in Loki's order; a refusal drops the whole stream.
pub(super) fn check(
    tenant: &TenantId,
    labels: &Labels,
    repeated_name: Option<&str>,
    limits: &Limits,
) -> Result<(), Failure> {
    if labels.is_empty() {
        return refuse(Reason::MissingLabels, "error at least one label pair is required per stream".to_owned());
    }
    // A service name that was only discovered must not push a stream over its limit.
    let names = labels.len() - usize::from(labels.get(SERVICE_NAME).is_some());
    let max = limits.max_label_names_per_series;
    if max != 0 && names > max {
        let message = format!("entry for stream '{}' has {names} label names; limit {max}", shown(labels));
        return refuse(Reason::MaxLabelNamesPerSeries, message);
    }
    for (name, value) in labels.iter() {
        if limits.max_label_name_length != 0 && name.len() > limits.max_label_name_length {
            let message = format!("stream '{}' has label name too long: '{}'", shown(labels), shown_part(name));
            return refuse(Reason::LabelNameTooLong, message);
        }
        if limits.max_label_value_length != 0 && value.len() > limits.max_label_value_length {
            let message = format!("stream '{}' has label value too long: '{}'", shown(labels), shown_part(value));
            return refuse(Reason::LabelValueTooLong, message);
        }
    }
    if let Some(name) = repeated_name {
        let message = format!("stream '{}' has duplicate label name: '{}'", shown(labels), shown_part(name));
        return refuse(Reason::DuplicateLabelNames, message);
    }
    let missing: Vec<&str> =
        limits.enforced_labels.iter().map(String::as_str).filter(|name| labels.get(name).is_none()).collect();
    if !missing.is_empty() {
        let message = format!(
            "missing required labels '{}' for user '{tenant}' for stream '{}' (policy: '')",
            missing.join(","),
            shown(labels)
        );
        return refuse(Reason::MissingEnforcedLabels, message);
    }
    Ok(())
}

fn shown_part(text: &str) -> String {
    let mut text = text.to_owned();
    cut(&mut text, SHOWN_BYTES_MAX);
    text
}
