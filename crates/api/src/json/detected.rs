//! Detected labels, fields and values, and patterns.

use sigyn_logql::detect::DetectedField;
use sigyn_model::duration::SECOND;
use sigyn_read::{DetectedLabel, Pattern};

use super::{array, display, key, string};

/// No labels are an empty object, as with the lists below.
pub(crate) fn detected_labels(out: &mut Vec<u8>, labels: &[DetectedLabel]) {
    out.push(b'{');
    if !labels.is_empty() {
        key(out, "detectedLabels");
        array(out, labels, |out, label| {
            out.push(b'{');
            key(out, "label");
            string(out, label.label.as_bytes());
            key(out, "cardinality");
            display(out, label.cardinality);
            out.push(b'}');
        });
    }
    out.extend_from_slice(b"}\n");
}

pub(crate) fn detected_fields(out: &mut Vec<u8>, fields: &[DetectedField], limit: usize) {
    out.push(b'{');
    if !fields.is_empty() {
        key(out, "fields");
        array(out, fields, field);
        key(out, "limit");
        display(out, limit);
    }
    out.extend_from_slice(b"}\n");
}

fn field(out: &mut Vec<u8>, field: &DetectedField) {
    out.push(b'{');
    key(out, "label");
    string(out, field.label.as_bytes());
    key(out, "type");
    string(out, field.kind.name().as_bytes());
    key(out, "cardinality");
    display(out, field.cardinality);
    key(out, "parsers");
    if field.parsers.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        array(out, &field.parsers, |out, parser| string(out, parser.name().as_bytes()));
    }
    if !field.json_path.is_empty() {
        key(out, "jsonPath");
        array(out, &field.json_path, |out, name| string(out, name.as_bytes()));
    }
    out.push(b'}');
}

pub(crate) fn detected_values(out: &mut Vec<u8>, values: &[String], limit: usize) {
    out.push(b'{');
    if !values.is_empty() {
        key(out, "values");
        array(out, values, |out, value| string(out, value.as_bytes()));
        key(out, "limit");
        display(out, limit);
    }
    out.extend_from_slice(b"}\n");
}

/// Times of samples are whole seconds.
pub(crate) fn patterns(out: &mut Vec<u8>, patterns: &[Pattern]) {
    out.extend_from_slice(br#"{"status":"success","data":"#);
    array(out, patterns, |out, pattern| {
        out.push(b'{');
        key(out, "pattern");
        string(out, pattern.pattern.as_bytes());
        key(out, "level");
        string(out, pattern.level.as_bytes());
        key(out, "samples");
        array(out, &pattern.samples, |out, (time, count)| {
            out.push(b'[');
            display(out, time.div_euclid(SECOND));
            out.push(b',');
            display(out, count);
            out.push(b']');
        });
        out.push(b'}');
    });
    out.extend_from_slice(b"}\n");
}
