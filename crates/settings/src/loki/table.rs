//! The table of all keys of Loki's configuration, as a tree.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::sync::OnceLock;

/// The table itself; its head says what the columns are.
const TABLE: &str = include_str!("keys.tsv");

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Keys of its own.
    Section,
    /// Anything at all, looked at as a whole.
    Any,
    /// A map whose keys the user chooses.
    Map,
    /// A list of anything.
    List,
    /// A duration; a plain number is nanoseconds.
    Duration,
    /// `true` or `false`, or as YAML used to write it.
    Switch,
    /// Text, even when it looks like a number.
    Text,
    /// Another single value, or a list of them.
    Value,
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    To,
    Read,
    NotNeeded,
    Missing,
    Refused,
}

/// A key of Loki's configuration.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    /// Loki's default where it decides something; otherwise empty.
    pub(crate) default: &'static str,
    pub(crate) fate: Fate,
    /// For [`Fate::To`] the key of Sigyn, perhaps with a remark after a semicolon; for others how, or why.
    pub(crate) text: &'static str,
    flag: Option<String>,
    /// `[]` for items of a list, `*` for keys that the user chooses.
    pub(crate) children: BTreeMap<String, Key>,
    /// Whether the row itself says what becomes of it.
    says: bool,
    from_block: bool,
}

impl Key {
    /// For [`Fate::To`]: Sigyn's key and the remark.
    pub(crate) fn target(&self) -> (&'static str, Option<&'static str>) {
        match self.text.split_once("; ") {
            Some((target, remark)) => (target, Some(remark)),
            None => (self.text, None),
        }
    }
}

/// The root of the table.
pub(crate) fn keys() -> &'static Key {
    static KEYS: OnceLock<Key> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut root = section();
        let rows: Vec<Row> = TABLE.lines().filter(|line| !line.starts_with('#')).map(Row::read).collect();
        for row in rows.iter().filter(|row| !row.path.starts_with('@')) {
            insert(&mut root, row.path, row, &rows, "", false);
        }
        resolve(&mut root, Fate::NotNeeded, "", false);
        root
    })
}

/// All paths of the table, and the flags of Loki that set them.
pub(crate) fn paths() -> &'static [(String, Option<String>)] {
    static PATHS: OnceLock<Vec<(String, Option<String>)>> = OnceLock::new();
    PATHS.get_or_init(|| {
        let mut all = Vec::new();
        collect(keys(), "", &mut all);
        all
    })
}

fn collect(key: &Key, path: &str, all: &mut Vec<(String, Option<String>)>) {
    for (name, child) in &key.children {
        let path = match name.as_str() {
            "[]" => format!("{path}[]"),
            _ if path.is_empty() => name.clone(),
            _ => format!("{path}.{name}"),
        };
        all.push((path.clone(), child.flag.clone()));
        collect(child, &path, all);
    }
}

struct Row {
    path: &'static str,
    kind: &'static str,
    default: &'static str,
    flag: &'static str,
    fate: Option<Fate>,
    text: &'static str,
}

impl Row {
    fn read(line: &'static str) -> Self {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or("");
        let (path, kind, default, flag) = (cell(), cell(), cell(), cell());
        let fate = match cell() {
            "to" => Some(Fate::To),
            "read" => Some(Fate::Read),
            "not_needed" => Some(Fate::NotNeeded),
            "missing" => Some(Fate::Missing),
            "refused" => Some(Fate::Refused),
            _ => None,
        };
        Self { path, kind, default: default.trim_start_matches('-'), flag, fate, text: cell() }
    }

    fn kind(&self) -> Kind {
        match self.kind {
            "any" => Kind::Any,
            "list" => Kind::List,
            "duration" | "pduration" => Kind::Duration,
            "bool" => Kind::Switch,
            "string" | "url" => Kind::Text,
            kind if kind.starts_with("map") => Kind::Map,
            kind if kind == "section" || kind.contains('@') => Kind::Section,
            _ => Kind::Value,
        }
    }
}

fn section() -> Key {
    Key {
        kind: Kind::Section,
        default: "",
        fate: Fate::NotNeeded,
        text: "",
        flag: None,
        children: BTreeMap::new(),
        says: false,
        from_block: false,
    }
}

/// Puts a row below `parent`, with the keys of the block that it names.
fn insert(parent: &mut Key, path: &str, row: &Row, rows: &[Row], prefix: &str, from_block: bool) {
    if let Some((head, tail)) = path.split_once('.') {
        let child = parent.children.entry(head.to_owned()).or_insert_with(section);
        return insert(child, tail, row, rows, prefix, from_block);
    }
    let flag_prefix = match row.flag {
        "-" => None,
        "''" => Some(String::new()),
        flag => Some(flag.replace("{}", prefix)),
    };
    if path.starts_with('<') {
        return block(parent, row, rows, flag_prefix.as_deref().unwrap_or(prefix));
    }
    let children = match parent.children.entry(path.to_owned()) {
        Slot::Occupied(slot) => slot.remove().children,
        Slot::Vacant(_) => BTreeMap::new(),
    };
    let is_block = row.kind.contains('@');
    let mut key = Key {
        kind: row.kind(),
        default: row.default,
        fate: row.fate.unwrap_or(Fate::NotNeeded),
        text: row.text,
        flag: if is_block || row.kind == "section" { None } else { flag_prefix.clone() },
        children,
        says: row.fate.is_some(),
        from_block,
    };
    if is_block {
        let prefix = flag_prefix.unwrap_or_else(|| "\0".to_owned());
        if key.kind == Kind::Map {
            let mut each = section();
            block(&mut each, row, rows, "\0");
            key.children.insert("*".to_owned(), each);
        } else {
            block(&mut key, row, rows, &prefix);
        }
    }
    parent.children.insert(path.to_owned(), key);
}

/// Puts the keys of a block below `parent`.
fn block(parent: &mut Key, row: &Row, rows: &[Row], prefix: &str) {
    let Some((_, name)) = row.kind.split_once('@') else { return };
    let opening = format!("@{name}.");
    for inner in rows {
        if let Some(path) = inner.path.strip_prefix(&opening) {
            insert(parent, path, inner, rows, prefix, true);
        }
    }
}

/// Gives keys that say nothing what the section above says. Blocks speak for themselves only where they are read.
fn resolve(key: &mut Key, fate: Fate, text: &'static str, block_is_read: bool) {
    if !key.says || (key.from_block && !block_is_read) {
        (key.fate, key.text) = (fate, text);
    }
    // A block of a place without a prefix for its flags has none.
    key.flag = key.flag.take().filter(|flag| !flag.contains('\0'));
    let (fate, text) = (key.fate, key.text);
    let block_is_read = if key.from_block { block_is_read } else { fate == Fate::Read };
    for child in key.children.values_mut() {
        resolve(child, fate, text, block_is_read);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(path: &str) -> &'static Key {
        path.split('.').fold(keys(), |key, name| key.children.get(name).unwrap_or_else(|| panic!("{path}: no {name}")))
    }

    #[test]
    fn every_key_says_what_becomes_of_it() {
        fn check(key: &Key, path: &str, count: &mut usize) {
            for (name, child) in &key.children {
                assert!(!child.text.is_empty() || !child.children.is_empty(), "{path}.{name} says nothing");
                *count += 1;
                check(child, &format!("{path}.{name}"), count);
            }
        }
        let mut count = 0;
        check(keys(), "", &mut count);
        assert!(count > 2000, "{count}");
    }

    #[test]
    fn every_row_is_well_formed() {
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let cells = line.split('\t').count();
            assert!((4..=6).contains(&cells) && cells != 5, "{line}");
            let row = Row::read(line);
            assert_eq!(row.fate.is_some(), cells == 6, "{line}");
            assert!(!row.path.contains(' ') && !row.text.ends_with('.'), "{line}");
        }
    }

    #[test]
    fn blocks_are_expanded_where_they_are_named() {
        assert_eq!(key("storage_config.aws.s3").fate, Fate::Read);
        assert_eq!(key("storage_config.named_stores.aws.*.dynamodb.dynamodb_url").fate, Fate::Read);
        assert_eq!(key("storage_config.aws.http_config.insecure_skip_verify").fate, Fate::Refused);
        // The same block where nothing reads it.
        assert_eq!(key("ruler.storage.s3.http_config.insecure_skip_verify").fate, Fate::Missing);
        assert_eq!(key("memberlist.tls_ca_path").fate, Fate::NotNeeded);
        assert_eq!(key("schema_config.configs.[].index.prefix").fate, Fate::Read);
        assert_eq!(key("limits_config.max_line_size").target(), ("limits.max_line_size", None));
    }

    #[test]
    fn flags_lead_to_keys() {
        let path = |flag: &str| {
            paths().iter().find(|(_, known)| known.as_deref() == Some(flag)).map(|(path, _)| path.as_str())
        };
        assert_eq!(path("s3.url"), Some("storage_config.aws.s3"));
        assert_eq!(path("common.storage.s3.endpoint"), Some("common.storage.s3.endpoint"));
        assert_eq!(path("log.level"), Some("server.log_level"));
        assert_eq!(path("auth.enabled"), Some("auth_enabled"));
        assert!(paths().iter().all(|(_, flag)| flag.as_ref().is_none_or(|flag| !flag.contains(['{', '\0', '\'']))));
    }
}
