//! How operators are written: the one table from which they are read and printed.

use crate::ast::{BinaryOp, CompareOp, Conversion, GroupSide, LineFilterOp, MatchOp, RangeOp, VectorOp};

/// Adds `name()` and `from_name()` to an enum of the tree.
macro_rules! names {
    ($type:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        impl $type {
            /// As written in a query.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The operator written as `name`, in lower case.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

names!(MatchOp { Eq = "=", NotEq = "!=", Re = "=~", NotRe = "!~" });

names!(LineFilterOp {
    Contains = "|=", NotContains = "!=", Re = "|~", NotRe = "!~", Pattern = "|>", NotPattern = "!>",
});

names!(CompareOp { Eq = "==", NotEq = "!=", Gt = ">", Gte = ">=", Lt = "<", Lte = "<=" });

names!(BinaryOp {
    Or = "or", And = "and", Unless = "unless", Eq = "==", NotEq = "!=", Gt = ">", Gte = ">=", Lt = "<", Lte = "<=",
    Add = "+", Sub = "-", Mul = "*", Div = "/", Mod = "%", Pow = "^",
});

names!(Conversion { Bytes = "bytes", Duration = "duration", DurationSeconds = "duration_seconds" });

names!(GroupSide { Left = "group_left", Right = "group_right" });

names!(RangeOp {
    CountOverTime = "count_over_time",
    Rate = "rate",
    RateCounter = "rate_counter",
    BytesOverTime = "bytes_over_time",
    BytesRate = "bytes_rate",
    AvgOverTime = "avg_over_time",
    SumOverTime = "sum_over_time",
    MinOverTime = "min_over_time",
    MaxOverTime = "max_over_time",
    StdvarOverTime = "stdvar_over_time",
    StddevOverTime = "stddev_over_time",
    QuantileOverTime = "quantile_over_time",
    FirstOverTime = "first_over_time",
    LastOverTime = "last_over_time",
    AbsentOverTime = "absent_over_time",
});

names!(VectorOp {
    Sum = "sum",
    Avg = "avg",
    Min = "min",
    Max = "max",
    Count = "count",
    Stddev = "stddev",
    Stdvar = "stdvar",
    Topk = "topk",
    Bottomk = "bottomk",
    ApproxTopk = "approx_topk",
    Sort = "sort",
    SortDesc = "sort_desc",
});

impl LineFilterOp {
    /// Whether it keeps the lines that do not match.
    #[must_use]
    pub const fn is_negated(self) -> bool {
        matches!(self, Self::NotContains | Self::NotRe | Self::NotPattern)
    }
}

impl BinaryOp {
    /// `and`, `or`, `unless`.
    #[must_use]
    pub const fn is_set(self) -> bool {
        matches!(self, Self::Or | Self::And | Self::Unless)
    }

    /// `== != > >= < <=`.
    #[must_use]
    pub const fn is_comparison(self) -> bool {
        matches!(self, Self::Eq | Self::NotEq | Self::Gt | Self::Gte | Self::Lt | Self::Lte)
    }

    /// How strongly it binds; larger binds tighter.
    #[must_use]
    pub const fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Eq | Self::NotEq | Self::Gt | Self::Gte | Self::Lt | Self::Lte => 3,
            Self::Add | Self::Sub => 4,
            Self::Mul | Self::Div | Self::Mod => 5,
            Self::Pow => 6,
        }
    }
}
