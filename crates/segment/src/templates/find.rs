//! Rows that hold a needle, found in templates first, then in the few columns that may hold it.

use std::ops::{Range, RangeInclusive};

use memchr::memmem::Finder;
use sigyn_model::{Needle, StringColumn};

use super::lines::TemplateLines;
use super::sketch::Automaton;
use super::windows::{Verdict, judge};
use crate::Result;

/// A needle, ready to be looked for in many texts.
#[derive(Debug)]
pub(super) struct Search<'a> {
    finder: Finder<'a>,
    folded: bool,
    length: usize,
    automaton: Automaton,
}

/// Some rows of one template.
struct Rows<'a> {
    lines: &'a TemplateLines,
    template: usize,
    /// All rows of the template.
    members: &'a [u32],
    /// Of `members`: those that are asked for.
    asked: Range<usize>,
}

/// Texts of a window are put together for this many bytes at a time.
const BATCH_BYTES: usize = 64 << 10;

impl<'a> Search<'a> {
    pub(super) fn new(needle: &'a Needle) -> Self {
        Self {
            finder: Finder::new(&needle.bytes),
            folded: needle.folded,
            length: needle.bytes.len(),
            automaton: Automaton::new(&needle.bytes, needle.folded),
        }
    }

    fn is_in(&self, text: &[u8]) -> bool {
        if self.folded {
            self.finder.find(&text.to_ascii_lowercase()).is_some()
        } else {
            self.finder.find(text).is_some()
        }
    }

    /// Appends the rows among `members[asked]`, which are rows of the template, that hold the needle.
    pub(super) fn in_template(
        &self,
        lines: &TemplateLines,
        template: usize,
        members: &[u32],
        asked: Range<usize>,
        hits: &mut Vec<u32>,
    ) -> Result<()> {
        let windows = match judge(lines.sketch(template)?, &self.automaton, self.length, |text| self.is_in(text)) {
            Verdict::Every => {
                hits.extend_from_slice(&members[asked]);
                return Ok(());
            }
            Verdict::Within(windows) => windows,
        };
        let rows = Rows { lines, template, members, asked };
        let start = hits.len();
        for window in &windows {
            self.in_window(&rows, window, hits)?;
        }
        if windows.len() > 1 {
            let mut found = hits.split_off(start);
            found.sort_unstable();
            found.dedup();
            hits.append(&mut found);
        }
        Ok(())
    }

    /// Pieces alternate: even ones are texts, odd ones slots.
    fn in_window(&self, rows: &Rows, window: &RangeInclusive<usize>, hits: &mut Vec<u32>) -> Result<()> {
        if window.start() == window.end() && window.start() % 2 == 1 {
            let slot = rows.lines.slots(rows.template).start + window.start() / 2;
            self.in_column(rows, rows.lines.column(rows.template, slot)?, hits);
            return Ok(());
        }
        let texts: Vec<&[u8]> = rows.lines.texts(rows.template).collect();
        let mut columns: Vec<Option<&StringColumn>> = Vec::with_capacity(texts.len());
        for (at, slot) in rows.lines.slots(rows.template).enumerate() {
            let used = window.contains(&(2 * at + 1));
            columns.push(if used { Some(&**rows.lines.column(rows.template, slot)?) } else { None });
        }
        let (mut batch, mut ends) = (Vec::with_capacity(BATCH_BYTES * 2), Vec::new());
        let mut first = rows.asked.start;
        for at in rows.asked.clone() {
            for piece in window.clone() {
                match (piece % 2, columns.get(piece / 2)) {
                    (0, _) => batch.extend_from_slice(texts[piece / 2]),
                    (_, Some(Some(column))) => batch.extend_from_slice(value(column, column.ids[at] as usize)),
                    _ => {}
                }
            }
            ends.push(batch.len());
            if batch.len() >= BATCH_BYTES || at + 1 == rows.asked.end {
                if self.folded {
                    batch.make_ascii_lowercase();
                }
                self.in_texts(&batch, &ends, |nth| hits.push(rows.members[first + nth]));
                first = at + 1;
                batch.clear();
                ends.clear();
            }
        }
        Ok(())
    }

    fn in_column(&self, rows: &Rows, column: &StringColumn, hits: &mut Vec<u32>) {
        let values = column.offsets.len().saturating_sub(1);
        let mut holds = vec![false; values];
        let ends: Vec<usize> = column.offsets.iter().skip(1).map(|end| *end as usize).collect();
        if self.folded {
            self.in_texts(&column.bytes.to_ascii_lowercase(), &ends, |nth| holds[nth] = true);
        } else {
            self.in_texts(&column.bytes, &ends, |nth| holds[nth] = true);
        }
        let asked = rows.asked.clone();
        let found = asked.clone().zip(&column.ids[asked]).filter(|(_, id)| holds[**id as usize]);
        hits.extend(found.map(|(at, _)| rows.members[at]));
    }

    /// Calls `hit` with each text that holds the needle; text n ends at `ends[n]`, where the next begins.
    fn in_texts(&self, texts: &[u8], ends: &[usize], mut hit: impl FnMut(usize)) {
        let (mut from, mut nth) = (0, 0);
        while let Some(found) = self.finder.find(&texts[from..]) {
            let at = from + found;
            nth += ends[nth..].partition_point(|end| *end <= at);
            let Some(end) = ends.get(nth) else { return };
            if at + self.length <= *end {
                hit(nth);
                from = *end;
            } else {
                // It goes on in the next text: there is none before that in this one.
                from = at + 1;
            }
        }
    }
}

fn value(column: &StringColumn, value: usize) -> &[u8] {
    &column.bytes[column.offsets[value] as usize..column.offsets[value + 1] as usize]
}
