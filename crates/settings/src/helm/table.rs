//! The table of the keys of Loki's chart.

use std::sync::OnceLock;

use crate::nearest::nearest_path;

const TABLE: &str = include_str!("keys.tsv");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Loki,
    Chart,
    Read,
    Dropped,
    Warned,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) path: &'static str,
    pub(super) fate: Fate,
    pub(super) text: &'static str,
}

fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(row).collect())
}

fn row(line: &'static str) -> Option<Row> {
    let mut cells = line.split('\t');
    let (path, fate, text) = (cells.next()?, cells.next()?, cells.next()?);
    let fate = match fate {
        "loki" => Fate::Loki,
        "chart" => Fate::Chart,
        "read" => Fate::Read,
        "dropped" => Fate::Dropped,
        "warned" => Fate::Warned,
        _ => return None,
    };
    Some(Row { path, fate, text })
}

pub(super) fn find(path: &str) -> Option<&'static Row> {
    rows().iter().find(|row| row.path == path)
}

/// Whether keys below a path have rows of their own.
pub(super) fn has_keys_below(path: &str) -> bool {
    rows().iter().any(|row| row.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

/// The row of the nearest section above a path, which speaks for all below it.
pub(super) fn nearest_above(path: &str) -> Option<&'static Row> {
    let mut path = path;
    while let Some((above, _)) = path.rsplit_once('.') {
        if let Some(row) = find(above) {
            return Some(row);
        }
        path = above;
    }
    None
}

/// Where the chart wants a section of Loki's configuration.
pub(super) fn for_section_of_loki(key: &str) -> Option<&'static str> {
    let own = rows().iter().filter(|row| row.fate == Fate::Loki && row.path.starts_with("loki."));
    own.filter(|row| row.text == key).map(|row| row.path).next()
}

pub(super) fn nearest(path: &str) -> Option<&'static str> {
    nearest_path(path, rows().iter().map(|row| row.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_well_formed() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        for line in lines {
            assert!(row(line).is_some(), "{line}");
        }
        assert_eq!(find("loki.schemaConfig").map(|row| row.text), Some("schema_config"));
        assert_eq!(for_section_of_loki("schema_config"), Some("loki.schemaConfig"));
    }
}
