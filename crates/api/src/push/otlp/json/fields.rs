//! The messages of an OTLP logs request: names in JSON, field numbers, types.

/// A message.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// A field of a message. Numbers are below 16, so that a key is one byte.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    /// The name in the `.proto` file.
    pub(super) proto_name: &'static str,
    pub(super) number: u32,
    pub(super) kind: Kind,
}

/// How a field is written, in JSON and in protobuf.
#[derive(Debug)]
pub(super) enum Kind {
    Message(&'static Shape),
    Messages(&'static Shape),
    Text,
    Bool,
    Int64,
    Uint32,
    Severity,
    Double,
    Fixed32,
    Fixed64,
    Hex,
    Base64,
}

impl Kind {
    /// What a value of this kind is, for a message.
    pub(super) fn expected(&self) -> &'static str {
        match self {
            Self::Message(_) => "an object",
            Self::Messages(_) => "an array",
            Self::Text => "a string",
            Self::Bool => "true or false",
            Self::Int64 => "a 64-bit integer or its text",
            Self::Uint32 | Self::Fixed32 => "an integer from 0 to 4294967295",
            Self::Severity => "a severity number or its name",
            Self::Double => "a number",
            Self::Fixed64 => "an integer from 0 to 18446744073709551615, or its text,",
            Self::Hex => "hexadecimal text",
            Self::Base64 => "base64 text",
        }
    }
}

const fn field(name: &'static str, proto_name: &'static str, number: u32, kind: Kind) -> Field {
    assert!(number < 16, "a key is one byte");
    Field { name, proto_name, number, kind }
}

pub(super) static REQUEST: Shape = Shape {
    name: "ExportLogsServiceRequest",
    fields: &[field("resourceLogs", "resource_logs", 1, Kind::Messages(&RESOURCE_LOGS))],
};

static RESOURCE_LOGS: Shape = Shape {
    name: "resourceLogs",
    fields: &[
        field("resource", "resource", 1, Kind::Message(&RESOURCE)),
        field("scopeLogs", "scope_logs", 2, Kind::Messages(&SCOPE_LOGS)),
    ],
};

static RESOURCE: Shape =
    Shape { name: "resource", fields: &[field("attributes", "attributes", 1, Kind::Messages(&KEY_VALUE))] };

static SCOPE_LOGS: Shape = Shape {
    name: "scopeLogs",
    fields: &[
        field("scope", "scope", 1, Kind::Message(&SCOPE)),
        field("logRecords", "log_records", 2, Kind::Messages(&LOG_RECORD)),
    ],
};

static SCOPE: Shape = Shape {
    name: "scope",
    fields: &[
        field("name", "name", 1, Kind::Text),
        field("version", "version", 2, Kind::Text),
        field("attributes", "attributes", 3, Kind::Messages(&KEY_VALUE)),
        field("droppedAttributesCount", "dropped_attributes_count", 4, Kind::Uint32),
    ],
};

static LOG_RECORD: Shape = Shape {
    name: "logRecords",
    fields: &[
        field("timeUnixNano", "time_unix_nano", 1, Kind::Fixed64),
        field("severityNumber", "severity_number", 2, Kind::Severity),
        field("severityText", "severity_text", 3, Kind::Text),
        field("body", "body", 5, Kind::Message(&ANY)),
        field("attributes", "attributes", 6, Kind::Messages(&KEY_VALUE)),
        field("droppedAttributesCount", "dropped_attributes_count", 7, Kind::Uint32),
        field("flags", "flags", 8, Kind::Fixed32),
        field("traceId", "trace_id", 9, Kind::Hex),
        field("spanId", "span_id", 10, Kind::Hex),
        field("observedTimeUnixNano", "observed_time_unix_nano", 11, Kind::Fixed64),
        field("eventName", "event_name", 12, Kind::Text),
    ],
};

static KEY_VALUE: Shape = Shape {
    name: "attributes",
    fields: &[field("key", "key", 1, Kind::Text), field("value", "value", 2, Kind::Message(&ANY))],
};

static ANY: Shape = Shape {
    name: "value",
    fields: &[
        field("stringValue", "string_value", 1, Kind::Text),
        field("boolValue", "bool_value", 2, Kind::Bool),
        field("intValue", "int_value", 3, Kind::Int64),
        field("doubleValue", "double_value", 4, Kind::Double),
        field("arrayValue", "array_value", 5, Kind::Message(&ARRAY)),
        field("kvlistValue", "kvlist_value", 6, Kind::Message(&MAP)),
        field("bytesValue", "bytes_value", 7, Kind::Base64),
    ],
};

static ARRAY: Shape = Shape { name: "arrayValue", fields: &[field("values", "values", 1, Kind::Messages(&ANY))] };

static MAP: Shape = Shape { name: "kvlistValue", fields: &[field("values", "values", 1, Kind::Messages(&KEY_VALUE))] };
