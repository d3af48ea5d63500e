//! Column codecs: each file encodes and decodes one kind.

pub(crate) mod lengths;
pub(crate) mod lines;
pub(crate) mod metadata;
pub(crate) mod timestamps;
