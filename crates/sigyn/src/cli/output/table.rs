//! Aligned tables for people.

use std::io::{self, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Align {
    Left,
    Right,
}

/// Rows of cells under aligned columns; the last column is not padded.
#[derive(Debug)]
pub(in crate::cli) struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(in crate::cli) fn new(columns: &[Align]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(in crate::cli) fn push<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Columns that it takes on a terminal.
    pub(in crate::cli) fn width(&self) -> usize {
        self.widths().iter().sum::<usize>() + 2 * self.columns.len().saturating_sub(1)
    }

    fn widths(&self) -> Vec<usize> {
        let cell = |row: &Vec<String>, at: usize| row.get(at).map_or(0, |cell| cell.chars().count());
        (0..self.columns.len()).map(|at| self.rows.iter().map(|row| cell(row, at)).max().unwrap_or(0)).collect()
    }

    /// Writes every row, after `indent`.
    pub(in crate::cli) fn write(&self, out: &mut dyn Write, indent: &str) -> io::Result<()> {
        let widths = self.widths();
        for row in &self.rows {
            let mut line = indent.to_owned();
            for (at, cell) in row.iter().enumerate() {
                let width = widths.get(at).copied().unwrap_or(0);
                let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
                match self.columns.get(at) {
                    Some(Align::Right) => line.extend([&padding, cell.as_str()]),
                    _ => line.extend([cell.as_str(), &padding]),
                }
                line.push_str("  ");
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&[Align::Left, Align::Right, Align::Left]);
        table.push(["näme", "n", "text"]);
        table.push(["a", "1000", ""]);
        let mut out = Vec::new();
        table.write(&mut out, "  ").expect("memory takes it");
        assert_eq!(String::from_utf8_lossy(&out), "  näme     n  text\n  a     1000\n");
        assert_eq!(table.width(), 16);
    }
}
