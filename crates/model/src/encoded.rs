//! Lines that stay taken apart until somebody needs their bytes.

use std::fmt;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use crate::{Lines, StringColumn};

/// The lines of a block as the segment stores them: *shapes*, which many lines share, and the *values* in which they differ.
///
/// Every row has one shape. A row's line is the pieces of its shape one after another, each slot replaced by the row's
/// value, byte for byte. Everything is decoded when it is asked for, and kept; questions may come from several threads.
pub trait EncodedLines: Debug + Send + Sync {
    /// Rows of the block.
    fn rows(&self) -> u32;

    /// Number of shapes; a shape is named by its position.
    fn shapes(&self) -> u32;

    /// What lines of that shape consist of. No two texts and no two slots are neighbours, except that a shape may be one slot alone:
    /// its lines are stored whole.
    fn pieces(&self, shape: u32) -> &[Piece];

    /// The shape of each row of the block.
    fn row_shapes(&self) -> Result<&[u16], Damaged>;

    /// The values of one slot: `ids` has one entry per row *of that shape*, in row order, and none is absent.
    /// Values of slots are arbitrary bytes; those that are not UTF-8 must be read through `offsets` and `bytes`.
    fn values(&self, shape: u32, slot: u32) -> Result<Arc<StringColumn>, Damaged>;

    /// Appends the rows of `rows` whose lines hold the needle, ascending.
    ///
    /// `Found::Candidates` when rows that do not hold it may be among them; none that holds it is ever missing.
    fn find(&self, needle: &Needle, rows: Range<u32>, hits: &mut Vec<u32>) -> Result<Found, Damaged>;

    /// Appends the lines of the ascending `rows` to `out`.
    fn decode_rows(&self, rows: &[u32], out: &mut Lines) -> Result<(), Damaged>;

    /// All lines of the block.
    fn decode(&self) -> Result<Lines, Damaged>;
}

/// A part of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The same in every line of the shape.
    Text(Vec<u8>),
    /// The nth slot; slots count from 0 in the order of the line.
    Slot(u32),
}

/// Bytes to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle {
    /// Not empty; lower case when `folded`.
    pub bytes: Vec<u8>,
    /// ASCII letters of lines match in either case.
    pub folded: bool,
}

/// What [`EncodedLines::find`] can say of its hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Exactly the lines that hold the needle.
    Exact,
    /// These and perhaps others.
    Candidates,
}

/// Stored bytes that do not decode; the reader adds which part and block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    pub reason: String,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Damaged {}
