//! zstd with one context per thread and level.

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// As flushed: zstd level 1, cheapest to write.
    L0,
    /// As compacted: zstd level 3.
    L1,
}

impl Codec {
    #[must_use]
    pub const fn zstd_level(self) -> i32 {
        match self {
            Self::L0 => 1,
            Self::L1 => 3,
        }
    }
}
