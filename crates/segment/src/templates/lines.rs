//! The lines of a block, decoded no further than asked.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sigyn_model::{Damaged, EncodedLines, Found, Lines, Needle, Piece, StringColumn};

use super::find::Search;
use super::node::{Members, Templates};
use super::section::Stored;
use super::sketch::Sketch;
use super::weave::Outlines;
use super::{REGION, read};
use crate::columns::open;
use crate::{ColumnMeta, Error, Result, format};

/// Lines stored as templates: shapes are templates, and slots that have one value are slots all the same.
#[derive(Debug)]
pub struct TemplateLines {
    column: Bytes,
    times: Arc<[i64]>,
    raw_length: u64,
    templates: Templates,
    outlines: Outlines,
    pieces: Vec<Vec<Piece>>,
    shapes: OnceLock<Result<Shapes>>,
    /// One per slot of all templates.
    values: Vec<OnceLock<Result<Arc<StringColumn>>>>,
    /// One per template.
    sketches: Vec<OnceLock<Result<Vec<Sketch>>>>,
}

/// The template of each row, and the rows of each template.
#[derive(Debug)]
pub(super) struct Shapes {
    pub(super) ids: Vec<u16>,
    pub(super) members: Members,
}

impl From<Error> for Damaged {
    fn from(error: Error) -> Self {
        Self { reason: error.to_string() }
    }
}

impl TemplateLines {
    /// Opens a lines column; `times` are those of the block's rows. `None` when its lines are not stored as templates.
    ///
    /// Errors: `Corrupt` when the bytes are not that column's, or cannot be taken apart.
    /// Source: docs/formats/segment.md § Templates.
    pub fn open(bytes: Bytes, column: &ColumnMeta, times: Arc<[i64]>) -> Result<Option<Self>> {
        let mut reader = open(&bytes, column, times.len() as u64, REGION)?;
        if reader.u8()? != format::LINES_TEMPLATES {
            return Ok(None);
        }
        let raw_length = u64::from(column.raw_length);
        if raw_length > format::TEMPLATES_RAW_MAX {
            return Err(Error::corrupt(REGION, format!("templates of {raw_length} bytes")));
        }
        let templates = read(&mut reader, bytes.len())?;
        reader.end()?;
        let stored = Stored::new(&bytes, Some(&times), raw_length);
        let outlines = Outlines::read(&templates, &stored)?;
        let pieces = (0..templates.count).map(|at| pieces(&outlines, at)).collect();
        let values = std::iter::repeat_with(OnceLock::new).take(templates.slots.len()).collect();
        let sketches = std::iter::repeat_with(OnceLock::new).take(templates.count).collect();
        let shapes = OnceLock::new();
        Ok(Some(Self { column: bytes, times, raw_length, templates, outlines, pieces, shapes, values, sketches }))
    }

    fn stored(&self) -> Stored<'_> {
        Stored::new(&self.column, Some(&self.times), self.raw_length)
    }

    pub(super) fn shapes_of_rows(&self) -> Result<&Shapes> {
        let shapes = self.shapes.get_or_init(|| {
            let stored = self.stored();
            let ids = self.templates.ids(&stored, self.times.len())?;
            let members = Members::of(&ids, self.templates.count);
            self.outlines.check(&stored, |template| members.of_template(template).len())?;
            Ok(Shapes { ids, members })
        });
        shapes.as_ref().map_err(Clone::clone)
    }

    /// Static texts of a template: one more than slots.
    pub(super) fn texts(&self, template: usize) -> impl ExactSizeIterator<Item = &[u8]> {
        self.outlines.texts(template)
    }

    /// Slots of a template, counted through all templates.
    pub(super) fn slots(&self, template: usize) -> Range<usize> {
        self.outlines.slots(template)
    }

    /// The values of a slot of a template; the slot counts through all templates.
    pub(super) fn column(&self, template: usize, slot: usize) -> Result<&Arc<StringColumn>> {
        let values = self.values[slot].get_or_init(|| {
            let rows = self.shapes_of_rows()?.members.of_template(template);
            self.templates.slots[slot].decode(&self.stored(), rows.len(), Some(rows)).map(Arc::new)
        });
        values.as_ref().map_err(Clone::clone)
    }

    pub(super) fn sketch(&self, template: usize) -> Result<&[Sketch]> {
        let sketch = self.sketches[template]
            .get_or_init(|| Sketch::pieces(&self.templates, &self.outlines, template, &self.stored()));
        sketch.as_deref().map_err(Clone::clone)
    }

    fn push_row(&self, shapes: &Shapes, row: u32, line: &mut Vec<u8>) -> Result<()> {
        let template = usize::from(shapes.ids[row as usize]);
        let at = shapes.members.of_template(template).partition_point(|member| *member < row);
        let mut slots = self.slots(template);
        for text in self.texts(template) {
            line.extend_from_slice(text);
            if let Some(slot) = slots.next() {
                let column = self.column(template, slot)?;
                let value = column.ids[at] as usize;
                line.extend_from_slice(
                    &column.bytes[column.offsets[value] as usize..column.offsets[value + 1] as usize],
                );
            }
        }
        Ok(())
    }
}

/// Texts and slots in turn, without the empty texts.
fn pieces(outlines: &Outlines, template: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let slots = outlines.slots(template).len() as u32;
    for (at, text) in (0..).zip(outlines.texts(template)) {
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_vec()));
        }
        if at < slots {
            pieces.push(Piece::Slot(at));
        }
    }
    pieces
}

impl EncodedLines for TemplateLines {
    fn rows(&self) -> u32 {
        self.times.len() as u32
    }

    fn shapes(&self) -> u32 {
        self.templates.count as u32
    }

    fn pieces(&self, shape: u32) -> &[Piece] {
        self.pieces.get(shape as usize).map_or(&[], Vec::as_slice)
    }

    fn row_shapes(&self) -> Result<&[u16], Damaged> {
        Ok(&self.shapes_of_rows()?.ids)
    }

    fn values(&self, shape: u32, slot: u32) -> Result<Arc<StringColumn>, Damaged> {
        let shape = shape as usize;
        let slots = if shape < self.templates.count { self.slots(shape) } else { 0..0 };
        match slots.clone().nth(slot as usize) {
            Some(slot) => Ok(Arc::clone(self.column(shape, slot)?)),
            None => Err(Damaged { reason: format!("shape {shape} has {} slots, not slot {slot}", slots.len()) }),
        }
    }

    fn find(&self, needle: &Needle, rows: Range<u32>, hits: &mut Vec<u32>) -> Result<Found, Damaged> {
        let rows = rows.start..rows.end.min(self.rows());
        if needle.bytes.is_empty() {
            hits.extend(rows);
            return Ok(Found::Exact);
        }
        let search = Search::new(needle);
        let shapes = self.shapes_of_rows()?;
        let start = hits.len();
        for template in 0..self.templates.count {
            let members = shapes.members.of_template(template);
            let from = members.partition_point(|row| *row < rows.start);
            let to = members.partition_point(|row| *row < rows.end);
            if from < to {
                search.in_template(self, template, members, from..to, hits)?;
            }
        }
        hits[start..].sort_unstable();
        Ok(Found::Exact)
    }

    fn decode_rows(&self, rows: &[u32], out: &mut Lines) -> Result<(), Damaged> {
        if rows.iter().any(|row| *row >= self.rows()) {
            return Err(Damaged { reason: format!("a row past the block's {}", self.rows()) });
        }
        let shapes = self.shapes_of_rows()?;
        // Whole blocks go faster, row for row.
        if rows.len() > self.times.len() / 2 {
            let all = self.decode()?;
            rows.iter().for_each(|row| out.push(all.get(*row as usize)));
            return Ok(());
        }
        let mut line = Vec::new();
        for row in rows {
            line.clear();
            self.push_row(shapes, *row, &mut line)?;
            out.push(&line);
        }
        Ok(())
    }

    fn decode(&self) -> Result<Lines, Damaged> {
        let lines = self.templates.decode_lines(&self.stored(), self.times.len())?;
        if lines.bytes.len() as u64 != self.raw_length {
            let reason = format!("lines take {} bytes where {} were stored", lines.bytes.len(), self.raw_length);
            return Err(Damaged { reason });
        }
        Ok(lines)
    }
}
