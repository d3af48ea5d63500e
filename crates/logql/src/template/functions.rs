//! The closed set of template functions: names, argument counts and dispatch.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::exec::{Arguments, Run};
use super::value::Value;
use super::{numbers, printf, strings, times};

pub(super) use super::times::time_method;

macro_rules! functions {
    ($($variant:ident $name:literal $least:literal..$most:expr;)*) => {
        /// A function by its name in templates.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function { $($variant),* }

        impl Function {
            pub(super) fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Fewest and most arguments.
            fn arity(self) -> (usize, usize) {
                match self { $(Self::$variant => ($least, $most)),* }
            }
        }
    };
}

const ANY: usize = usize::MAX;

functions! {
    Line "__line__" 0..0;
    Timestamp "__timestamp__" 0..0;
    Now "now" 0..0;
    ToLower "ToLower" 1..1;
    ToUpper "ToUpper" 1..1;
    Lower "lower" 1..1;
    Upper "upper" 1..1;
    Title "title" 1..1;
    ReplaceN "Replace" 4..4;
    ReplaceAll "replace" 3..3;
    TrimCut "Trim" 2..2;
    TrimLeft "TrimLeft" 2..2;
    TrimRight "TrimRight" 2..2;
    TrimPrefix "TrimPrefix" 2..2;
    TrimSuffix "TrimSuffix" 2..2;
    TrimPrefixLast "trimPrefix" 2..2;
    TrimSuffixLast "trimSuffix" 2..2;
    TrimAll "trimAll" 2..2;
    TrimSpace "TrimSpace" 1..1;
    Trim "trim" 1..1;
    Trunc "trunc" 2..2;
    Substr "substr" 3..3;
    Contains "contains" 2..2;
    HasPrefix "hasPrefix" 2..2;
    HasSuffix "hasSuffix" 2..2;
    Repeat "repeat" 2..2;
    Indent "indent" 2..2;
    Nindent "nindent" 2..2;
    AlignLeft "alignLeft" 2..2;
    AlignRight "alignRight" 2..2;
    RegexReplace "regexReplaceAll" 3..3;
    RegexReplaceLiteral "regexReplaceAllLiteral" 3..3;
    Count "count" 2..2;
    UrlEncode "urlencode" 1..1;
    UrlDecode "urldecode" 1..1;
    Base64Encode "b64enc" 1..1;
    Base64Decode "b64dec" 1..1;
    Bytes "bytes" 1..1;
    Duration "duration" 1..1;
    DurationSeconds "duration_seconds" 1..1;
    Int "int" 1..1;
    Float64 "float64" 1..1;
    Add "add" 0..ANY;
    Sub "sub" 2..2;
    Mul "mul" 1..ANY;
    Div "div" 2..2;
    Mod "mod" 2..2;
    Addf "addf" 0..ANY;
    Subf "subf" 1..ANY;
    Mulf "mulf" 1..ANY;
    Divf "divf" 1..ANY;
    Max "max" 1..ANY;
    Min "min" 1..ANY;
    Maxf "maxf" 1..ANY;
    Minf "minf" 1..ANY;
    Ceil "ceil" 1..1;
    Floor "floor" 1..1;
    Round "round" 2..3;
    FromJson "fromJson" 1..1;
    Date "date" 2..2;
    ToDate "toDate" 2..2;
    ToDateInZone "toDateInZone" 3..3;
    UnixToTime "unixToTime" 1..1;
    UnixEpoch "unixEpoch" 1..1;
    UnixEpochMillis "unixEpochMillis" 1..1;
    UnixEpochNanos "unixEpochNanos" 1..1;
    Default "default" 1..2;
    And "and" 1..ANY;
    Or "or" 1..ANY;
    Not "not" 1..1;
    Len "len" 1..1;
    Index "index" 1..ANY;
    Slice "slice" 1..4;
    Print "print" 0..ANY;
    Printf "printf" 1..ANY;
    Println "println" 0..ANY;
    Eq "eq" 1..ANY;
    Ne "ne" 2..2;
    Lt "lt" 2..2;
    Le "le" 2..2;
    Gt "gt" 2..2;
    Ge "ge" 2..2;
    Html "html" 0..ANY;
    Js "js" 0..ANY;
    UrlQuery "urlquery" 0..ANY;
    Call "call" 1..ANY;
}

/// Calls a function; errors lack their position, which the caller adds.
pub(super) fn call<'a>(function: Function, arguments: Arguments<'a>, run: &Run<'a>) -> Result<Value<'a>, String> {
    let (least, most) = function.arity();
    let (name, got) = (function.name(), arguments.len());
    if got < least || got > most {
        let want = if most == ANY { format!("at least {least}") } else { least.to_string() };
        return Err(format!("wrong number of args for {name}: want {want} got {got}"));
    }
    let result = match function {
        Function::Line => Ok(Value::borrowed(run.entry.line)),
        Function::Timestamp => Ok(times::instant(run.entry.timestamp)),
        Function::Now => Ok(times::instant(run.entry.now)),
        Function::FromJson => from_json(&arguments[0]),
        Function::Default => Ok(default(arguments, run)),
        Function::Not => Ok(Value::Bool(!run.is_true(&arguments[0]))),
        Function::Len => len(&arguments[0], run),
        Function::Index => index(&arguments, run),
        Function::Slice => slice(&arguments),
        Function::Print | Function::Println | Function::Html | Function::Js | Function::UrlQuery => {
            Ok(Value::owned(printf::print(function, &arguments, run)))
        }
        Function::Printf => printf::printf(&arguments, run).map(Value::owned),
        Function::Eq | Function::Ne | Function::Lt | Function::Le | Function::Gt | Function::Ge => {
            compare(function, &arguments)
        }
        Function::Call => Err("non-function of type string".to_owned()),
        Function::And | Function::Or => Err("evaluated by the caller".to_owned()),
        Function::Date
        | Function::ToDate
        | Function::ToDateInZone
        | Function::UnixToTime
        | Function::UnixEpoch
        | Function::UnixEpochMillis
        | Function::UnixEpochNanos => return times::call(function, &arguments, run).map_err(|e| calling(name, &e)),
        Function::Bytes
        | Function::Duration
        | Function::DurationSeconds
        | Function::Int
        | Function::Float64
        | Function::Add
        | Function::Sub
        | Function::Mul
        | Function::Div
        | Function::Mod
        | Function::Addf
        | Function::Subf
        | Function::Mulf
        | Function::Divf
        | Function::Max
        | Function::Min
        | Function::Maxf
        | Function::Minf
        | Function::Ceil
        | Function::Floor
        | Function::Round => numbers::call(function, &arguments),
        _ => return strings::call(function, arguments, run.template),
    };
    result.map_err(|message| calling(name, &message))
}

fn calling(name: &str, message: &str) -> String {
    format!("error calling {name}: {message}")
}

/// A string argument, or Go's complaint.
pub(super) fn text<'v>(value: &'v Value<'_>) -> Result<&'v str, String> {
    match value {
        Value::Str(text) => Ok(text),
        other => Err(format!("wrong type for value; expected string; got {}", other.type_name())),
    }
}

/// An integer argument: Go accepts integer constants only.
pub(super) fn integer(value: &Value<'_>) -> Result<i64, String> {
    match value {
        Value::Int(n) => Ok(*n),
        other => Err(format!("wrong type for value; expected int; got {}", other.type_name())),
    }
}

fn default<'a>(mut arguments: Arguments<'a>, run: &Run<'a>) -> Value<'a> {
    match arguments.len() {
        2 if run.is_true(&arguments[1]) => arguments.swap_remove(1),
        _ => arguments.swap_remove(0),
    }
}

fn len<'a>(value: &Value<'a>, run: &Run<'a>) -> Result<Value<'a>, String> {
    let length = match value {
        Value::Str(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        Value::Labels => {
            let mut labels = 0;
            run.entry.labels.each(&mut |_, _| labels += 1);
            labels
        }
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(length as i64))
}

fn index<'a>(arguments: &Arguments<'a>, run: &Run<'a>) -> Result<Value<'a>, String> {
    let mut value = arguments[0].clone();
    for key in &arguments[1..] {
        value = match (&value, key) {
            (Value::List(items), Value::Int(at)) => usize::try_from(*at)
                .ok()
                .and_then(|at| items.get(at))
                .cloned()
                .ok_or_else(|| format!("index out of range: {at}"))?,
            (Value::Str(text), Value::Int(at)) => {
                let byte = usize::try_from(*at)
                    .ok()
                    .and_then(|at| text.as_bytes().get(at))
                    .ok_or_else(|| format!("index out of range: {at}"))?;
                Value::Int(i64::from(*byte))
            }
            (Value::Map(entries), Value::Str(name)) => entries.get(&**name).cloned().unwrap_or(Value::Nil),
            (Value::Labels, Value::Str(name)) => Value::borrowed(run.entry.labels.get(name).unwrap_or("")),
            (Value::Nil, _) => return Err("index of untyped nil".to_owned()),
            (Value::List(_) | Value::Str(_), other) => {
                return Err(format!("cannot index slice/array with type {}", other.type_name()));
            }
            (Value::Map(_) | Value::Labels, other) => {
                return Err(format!("value has type {}; should be string", other.type_name()));
            }
            (other, _) => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(value)
}

fn slice<'a>(arguments: &Arguments<'a>) -> Result<Value<'a>, String> {
    let length = match &arguments[0] {
        Value::Str(text) => text.len(),
        Value::List(items) => items.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    let bound = |at: usize, otherwise: usize| match arguments.get(at) {
        None => Ok(otherwise),
        Some(value) => {
            let n = integer(value)?;
            usize::try_from(n).ok().filter(|n| *n <= length).ok_or_else(|| format!("index out of range: {n}"))
        }
    };
    let (from, to) = (bound(1, 0)?, bound(2, length)?);
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    Ok(match &arguments[0] {
        Value::Str(text) => Value::owned(String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned()),
        Value::List(items) => Value::List(Rc::new(items[from..to].to_vec())),
        _ => Value::Nil,
    })
}

fn compare<'a>(function: Function, arguments: &Arguments<'a>) -> Result<Value<'a>, String> {
    let first = &arguments[0];
    if function == Function::Eq {
        if arguments.len() < 2 {
            return Err("missing argument for comparison".to_owned());
        }
        for other in &arguments[1..] {
            if equal(first, other)? {
                return Ok(Value::Bool(true));
            }
        }
        return Ok(Value::Bool(false));
    }
    let second = &arguments[1];
    let less = |a: &Value<'a>, b: &Value<'a>| match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(a < b),
        (Value::Float(a), Value::Float(b)) => Ok(a < b),
        (Value::Str(a), Value::Str(b)) => Ok(a < b),
        (Value::Int(_) | Value::Float(_) | Value::Str(_), Value::Int(_) | Value::Float(_) | Value::Str(_)) => {
            Err(INCOMPATIBLE.to_owned())
        }
        _ => Err("invalid type for comparison".to_owned()),
    };
    Ok(Value::Bool(match function {
        Function::Ne => !equal(first, second)?,
        Function::Lt => less(first, second)?,
        Function::Le => less(first, second)? || equal(first, second)?,
        Function::Gt => !(less(first, second)? || equal(first, second)?),
        _ => !less(first, second)?,
    }))
}

const INCOMPATIBLE: &str = "incompatible types for comparison";

fn equal(a: &Value<'_>, b: &Value<'_>) -> Result<bool, String> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a), Value::Int(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Str(a), Value::Str(b)) => Ok(a == b),
        (Value::Time(a), Value::Time(b)) => Ok(a.timestamp() == b.timestamp()),
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::List(_) | Value::Map(_) | Value::Labels, _) | (_, Value::List(_) | Value::Map(_) | Value::Labels) => {
            Err("non-comparable type".to_owned())
        }
        _ => Err(INCOMPATIBLE.to_owned()),
    }
}

/// Text that is no JSON yields nil, which prints `<no value>`.
fn from_json<'a>(value: &Value<'a>) -> Result<Value<'a>, String> {
    let parsed: Option<serde_json::Value> = serde_json::from_str(text(value)?).ok();
    Ok(parsed.map_or(Value::Nil, from_json_value))
}

fn from_json_value<'a>(value: serde_json::Value) -> Value<'a> {
    match value {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(b) => Value::Bool(b),
        serde_json::Value::Number(n) => Value::Float(n.as_f64().unwrap_or(0.0)),
        serde_json::Value::String(text) => Value::owned(text),
        serde_json::Value::Array(items) => Value::List(Rc::new(items.into_iter().map(from_json_value).collect())),
        serde_json::Value::Object(entries) => Value::Map(Rc::new(
            entries.into_iter().map(|(name, value)| (name, from_json_value(value))).collect::<BTreeMap<_, _>>(),
        )),
    }
}
