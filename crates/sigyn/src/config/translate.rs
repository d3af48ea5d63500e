//! `sigyn config translate`: a file of Loki in Sigyn's form, with a comment for whatever changed, and why.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use sigyn_settings::loki::{Note, NoteKind};
use sigyn_settings::print::{self, Remarks};
use sigyn_settings::{Node, Place, mask};

use super::Config;
use super::load::{File, FromLoki, Loaded};
use crate::flags::Flags;

/// The file that the flags name, in Sigyn's form. Errors: what keeps it from being used, all at once.
pub(crate) fn translate(flags: &Flags) -> Result<String> {
    let file = File::read(flags)?;
    let loaded = Config::load(flags)?;
    let Some(loki) = &loaded.loki else {
        bail!("{} is in Sigyn's own form already", loaded.name);
    };
    Ok(in_own_words(&loaded, loki, &file))
}

pub(super) fn in_own_words(loaded: &Loaded, loki: &FromLoki, file: &File) -> String {
    let mut out = format!("# Translated from {}, a configuration of Loki.\n", loaded.name);
    for period in &loki.old_periods {
        out.push_str(&format!("# Loki's own data, not read yet: {period}.\n"));
    }
    out.push('\n');
    let remarks = |path: &str| remarks(path, loki, file);
    out.push_str(&mask::urls(&print::tree(&loki.settings, &remarks)));
    out.push_str(&left_out(loki));
    out
}

/// What is said beside one of Sigyn's keys.
fn remarks(path: &str, loki: &FromLoki, file: &File) -> Remarks {
    let Some(place) = place_of(&loki.settings, path) else { return Remarks::default() };
    let mut remarks = Remarks::default();
    match place {
        Place::Loki { key, place } => {
            if key != path {
                remarks.beside = Some(format!("{key}, {place}"));
            }
            let changes = loki.notes.iter().filter(|note| &note.key == key && note.kind == NoteKind::Changed);
            remarks.above = changes.map(|note| format!("{}: {}", note.key, mask::urls(&note.text))).collect();
            if mask::is_secret(path) {
                let name = variable(path, place, file);
                remarks
                    .above
                    .push(format!("the value at {place} of {} belongs into the environment, as {name}", file.name));
                remarks.value = Some(format!("${{{name}}}"));
            }
        }
        Place::Implied(why) => remarks.beside = Some(why.clone()),
        other => remarks.beside = Some(other.to_string()),
    }
    remarks
}

/// The place of a setting; sections have none.
fn place_of<'a>(tree: &'a Node, path: &str) -> Option<&'a Place> {
    let (section, key) =
        path.rsplit_once('.').map_or((tree, path), |(section, key)| (tree.at(section).unwrap_or(tree), key));
    let member = section.member(key)?;
    let is_map_of_the_user = path == "storage.dynamodb.tags";
    (is_map_of_the_user || !matches!(member.node, Node::Section(_))).then_some(&member.place)
}

/// The variable that the file reads the secret from, or a name for a new one.
fn variable(path: &str, place: &Place, file: &File) -> String {
    if let Place::Line(line) = place
        && let Some(text) = usize::try_from(*line).ok().and_then(|line| file.text.lines().nth(line.checked_sub(1)?))
        && let Some((_, value)) = text.split_once(": ")
        && let Some(name) =
            value.trim().trim_matches(['"', '\'']).strip_prefix("${").and_then(|name| name.strip_suffix('}'))
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    {
        return name.to_owned();
    }
    path.trim_start_matches("storage.").replace('.', "_").to_uppercase()
}

/// Keys without a place in the translation, by reason.
fn left_out(loki: &FromLoki) -> String {
    let mut out = String::new();
    let used = |key: &str| is_used(&loki.settings, key);
    for (kind, head) in [
        (NoteKind::Changed, "Read in another way than Loki does:"),
        (NoteKind::Missing, "Not there in this version, and said at each start:"),
        (NoteKind::NotNeeded, "Not needed here:"),
    ] {
        let notes =
            loki.notes.iter().filter(|note| note.kind == kind && !(kind == NoteKind::Changed && used(&note.key)));
        let mut lines = String::new();
        for (reason, keys) in by_reason(notes) {
            lines.push_str(&format!("#   {}\n#     because {}\n", keys.join(", "), mask::urls(reason)));
        }
        if !lines.is_empty() {
            out.push_str(&format!("\n# {head}\n{lines}"));
        }
    }
    out
}

fn is_used(node: &Node, key: &str) -> bool {
    let Node::Section(members) = node else { return false };
    members.iter().any(|member| match (&member.place, &member.node) {
        (_, section @ Node::Section(_)) if is_used(section, key) => true,
        (Place::Loki { key: from, .. }, _) => from == key,
        _ => false,
    })
}

/// Notes with the same reason, their keys together, in the order of the first.
pub(crate) fn by_reason<'a>(notes: impl Iterator<Item = &'a Note>) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut order: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for note in notes {
        let at = *places.entry(note.text.as_str()).or_insert_with(|| {
            order.push((note.text.as_str(), Vec::new()));
            order.len() - 1
        });
        order[at].1.push(&note.key);
    }
    order
}
