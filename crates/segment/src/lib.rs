//! Segments: the immutable objects that hold log entries. Bytes in, bytes out.
//!
//! Writing: [`BlockBuilder`] gathers rows into a [`RawBlock`], which encodes (on any thread) to an [`EncodedBlock`];
//! [`PartWriter`] lays blocks out as one tenant's part of one hour; [`ObjectWriter`] puts parts into one object.
//! Reading: [`Footer::parse`] on the tail of a part, then `decode_*` on the column ranges that a query names.
//! Merging for compaction: [`Merger`] takes whole parts and makes one.
//!
//! The bytes are specified in `docs/formats/segment.md`. Any damage is `Error::Corrupt`, never a panic or a huge allocation.
//! This crate does no I/O; fetching ranges, caching and publishing are for `storage`, `read`, `write` and `backend`.

pub mod error;
pub mod format;

mod compression;
mod varint;

mod block;
mod encode;

mod columns;
mod decode;
mod filter;
mod footer;
mod object;
mod part;
mod templates;

mod merge;

pub use block::{BlockBuilder, BlockLimits, RawBlock, Row};
pub use columns::lengths::decode_line_lengths;
pub use columns::lines::decode_lines;
pub use columns::metadata::decode_metadata;
pub use columns::timestamps::decode_timestamps;
pub use compression::Codec;
pub use decode::{DecodedBlock, check_part};
pub use encode::{EncodedBlock, EncodedColumn};
pub use error::{Error, Result};
pub use filter::label_filter_may_contain;
pub use footer::{BlockMeta, ColumnKind, ColumnMeta, Footer, Run};
pub use merge::{Merged, Merger};
pub use object::{Directory, DirectoryEntry, ObjectWriter, Placement};
pub use part::{EncodedPart, PartWriter};
pub use templates::TemplateLines;
