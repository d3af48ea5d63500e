//! The words of the language: what a token is, how it is written and how errors name it.

use std::borrow::Cow;
use std::fmt;

use crate::ast::{Conversion, RangeOp, VectorOp};

/// One token and where it starts, in characters from 1.
#[derive(Debug, Clone)]
pub struct Token<'q> {
    pub kind: Kind,
    pub value: Value<'q>,
    pub line: usize,
    pub col: usize,
}

/// What a token carries beyond its kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'q> {
    None,
    /// Source text of identifiers and numbers, unquoted text of strings.
    Text(Cow<'q, str>),
    /// Durations and ranges.
    Nanos(i64),
    Bytes(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    End,
    Identifier,
    Str,
    Number,
    Duration,
    Bytes,
    Range,
    /// `--strict`
    Strict,
    /// `--keep-empty`
    KeepEmpty,
    Word(Word),
    Symbol(Symbol),
    RangeOp(RangeOp),
    VectorOp(VectorOp),
    Conversion(Conversion),
    Vector,
    LabelReplace,
    Ip,
    /// A character (or `'c'`) that starts nothing.
    Other,
}

/// Declares an enum of tokens together with how each is written.
macro_rules! tokens {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($variant),* }

        impl $name {
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// How it is written.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The token written as `text`, in lower case.
            pub fn from_text(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|token| token.text() == text)
            }
        }
    };
}

tokens! {
    /// Reserved words: never label names.
    Word {
        And = "and", Or = "or", Unless = "unless", Bool = "bool", By = "by", Without = "without", On = "on",
        Ignoring = "ignoring", GroupLeft = "group_left", GroupRight = "group_right", Offset = "offset",
        Unwrap = "unwrap", Json = "json", Logfmt = "logfmt", Regexp = "regexp", Pattern = "pattern",
        Unpack = "unpack", LabelFormat = "label_format", LineFormat = "line_format", Decolorize = "decolorize",
        Drop = "drop", Keep = "keep", Variants = "variants", Of = "of",
    }
}

tokens! {
    Symbol {
        Re = "=~", NotRe = "!~", NotEq = "!=", CmpEq = "==", Gte = ">=", Lte = "<=", PipeExact = "|=",
        PipeMatch = "|~", PipePattern = "|>", NotPattern = "!>", Eq = "=", Gt = ">", Lt = "<", Pipe = "|",
        OpenBrace = "{", CloseBrace = "}", CloseBracket = "]", Open = "(", Close = ")", Comma = ",", Dot = ".",
        Add = "+", Sub = "-", Mul = "*", Div = "/", Mod = "%", Pow = "^",
    }
}

impl Kind {
    /// The function that `word` (lower case) names when a parenthesis follows it.
    pub fn function(word: &str) -> Option<Self> {
        if let Some(op) = RangeOp::from_name(word) {
            return Some(Self::RangeOp(op));
        }
        if let Some(op) = VectorOp::from_name(word) {
            return Some(Self::VectorOp(op));
        }
        if let Some(conversion) = Conversion::from_name(word) {
            return Some(Self::Conversion(conversion));
        }
        match word {
            "vector" => Some(Self::Vector),
            "label_replace" => Some(Self::LabelReplace),
            "ip" => Some(Self::Ip),
            _ => None,
        }
    }
}

/// As errors name it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("$end"),
            Self::Identifier | Self::Other => f.write_str("IDENTIFIER"),
            Self::Str => f.write_str("STRING"),
            Self::Number => f.write_str("NUMBER"),
            Self::Duration => f.write_str("DURATION"),
            Self::Bytes => f.write_str("BYTES"),
            Self::Range => f.write_str("RANGE"),
            Self::Strict | Self::KeepEmpty => f.write_str("PARSER_FLAG"),
            Self::Word(word) => f.write_str(word.text()),
            Self::Symbol(symbol) => f.write_str(symbol.text()),
            Self::RangeOp(op) => f.write_str(&op.name().to_uppercase()),
            Self::VectorOp(op) => f.write_str(&op.name().to_uppercase()),
            Self::Conversion(conversion) => write!(f, "{}_CONV", conversion.name().to_uppercase()),
            Self::Vector => f.write_str("VECTOR"),
            Self::LabelReplace => f.write_str("label_replace"),
            Self::Ip => f.write_str("ip"),
        }
    }
}
