//! The syntax tree of a LogQL query, as the parser leaves it: checked for grammar and types, not yet compiled.
//!
//! Durations are nanoseconds. `Display` (in `display.rs`) prints Loki's canonical text.

/// A whole query.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Log(LogExpr),
    Metric(MetricExpr),
    /// `variants(m1, m2) of (range)`.
    Variants {
        metrics: Vec<MetricExpr>,
        of: LogRange,
    },
}

/// `{…} | stage | stage`.
#[derive(Debug, Clone, PartialEq)]
pub struct LogExpr {
    pub selector: Selector,
    pub stages: Vec<Stage>,
}

/// `{a="b", c=~"d"}`; at least one matcher does not match the empty string.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    pub matchers: Vec<Matcher>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Matcher {
    pub name: String,
    pub op: MatchOp,
    pub value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    Eq,
    NotEq,
    Re,
    NotRe,
}

/// One `| …` step of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    LineFilter(LineFilter),
    /// `json` with optional extractions; empty means every field.
    Json(Vec<Extract>),
    Logfmt {
        strict: bool,
        keep_empty: bool,
        extracts: Vec<Extract>,
    },
    Regexp(String),
    Pattern(String),
    Unpack,
    LabelFilter(LabelFilter),
    LineFormat(String),
    LabelFormat(Vec<LabelFormat>),
    Decolorize,
    Drop(Vec<LabelChoice>),
    Keep(Vec<LabelChoice>),
}

/// `|= "a" or "b"`. Negated chains arrive expanded: `!= "a" or "b"` is two filters of one alternative each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFilter {
    pub op: LineFilterOp,
    /// At least one.
    pub alternatives: Vec<LineFilterArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineFilterOp {
    /// `|=`
    Contains,
    /// `!=`
    NotContains,
    /// `|~`
    Re,
    /// `!~`
    NotRe,
    /// `|>`
    Pattern,
    /// `!>`
    NotPattern,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LineFilterArg {
    Text(String),
    /// `ip("192.168.0.0/16")`
    Ip(String),
}

/// `x="path"`; a bare `x` means `x="x"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extract {
    pub label: String,
    pub expression: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum LabelFilter {
    Match(Matcher),
    Number {
        name: String,
        op: CompareOp,
        value: f64,
    },
    /// Nanoseconds.
    Duration {
        name: String,
        op: CompareOp,
        value: i64,
    },
    Bytes {
        name: String,
        op: CompareOp,
        value: u64,
    },
    Ip {
        name: String,
        negated: bool,
        pattern: String,
    },
    And(Box<LabelFilter>, Box<LabelFilter>),
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareOp {
    Eq,
    NotEq,
    Gt,
    Gte,
    Lt,
    Lte,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelFormat {
    /// `dst=src`
    Rename { to: String, from: String },
    /// `dst="template"`
    Template { to: String, template: String },
}

/// An element of `drop` or `keep`: a name, or a matcher that must match its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelChoice {
    Name(String),
    Matcher(Matcher),
}

#[derive(Debug, Clone, PartialEq)]
pub enum MetricExpr {
    Range(RangeAggregation),
    Vector(VectorAggregation),
    Binary(Box<BinaryExpr>),
    LabelReplace(Box<LabelReplace>),
    /// `vector(1)`
    VectorLiteral(f64),
    Literal(f64),
}

/// `rate({…} [5m])`.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeAggregation {
    pub op: RangeOp,
    /// φ of `quantile_over_time`.
    pub parameter: Option<f64>,
    pub range: LogRange,
    pub grouping: Option<Grouping>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeOp {
    CountOverTime,
    Rate,
    RateCounter,
    BytesOverTime,
    BytesRate,
    AvgOverTime,
    SumOverTime,
    MinOverTime,
    MaxOverTime,
    StdvarOverTime,
    StddevOverTime,
    QuantileOverTime,
    FirstOverTime,
    LastOverTime,
    AbsentOverTime,
}

/// `{…} | stages | unwrap x [5m] offset 1h`.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRange {
    pub log: LogExpr,
    pub unwrap: Option<Unwrap>,
    /// Nanoseconds.
    pub range: i64,
    /// Nanoseconds; positive looks back.
    pub offset: i64,
    /// Whether an `offset` clause was written; `offset 0s` is printed.
    pub has_offset: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Unwrap {
    pub label: String,
    pub conversion: Option<Conversion>,
    pub post_filters: Vec<LabelFilter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conversion {
    Bytes,
    Duration,
    DurationSeconds,
}

#[derive(Debug, Clone, PartialEq)]
pub struct VectorAggregation {
    pub op: VectorOp,
    /// k of `topk`, `bottomk`, `approx_topk`.
    pub parameter: Option<usize>,
    pub inner: Box<MetricExpr>,
    pub grouping: Option<Grouping>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VectorOp {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    ApproxTopk,
    Sort,
    SortDesc,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// `without (…)` rather than `by (…)`.
    pub without: bool,
    pub labels: Vec<String>,
}

/// Literals on both sides have been folded away by the parser.
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryExpr {
    pub op: BinaryOp,
    pub left: MetricExpr,
    pub right: MetricExpr,
    pub return_bool: bool,
    pub matching: Option<VectorMatching>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    Or,
    And,
    Unless,
    Eq,
    NotEq,
    Gt,
    Gte,
    Lt,
    Lte,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorMatching {
    /// `on (…)` rather than `ignoring (…)`.
    pub on: bool,
    pub labels: Vec<String>,
    pub group: Option<GroupSide>,
    /// Labels copied from the "one" side.
    pub include: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupSide {
    Left,
    Right,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LabelReplace {
    pub inner: MetricExpr,
    pub destination: String,
    pub replacement: String,
    pub source: String,
    pub regex: String,
}
