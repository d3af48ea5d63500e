//! `sigyn config translate`: a file of Loki in Sigyn's form, with a comment for whatever changed, and why.

use anyhow::{Context as _, Result, anyhow, bail};
use sigyn_settings::loki::{NoteKind, by_reason};
use sigyn_settings::print::{self, Remarks};
use sigyn_settings::{Node, Place, helm, mask, tree};

use super::load::{self, File, FromLoki, Loaded};
use super::{Config, check};
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

/// Values of Loki's chart as values of Sigyn's. Errors: what keeps them from being turned, all at once.
pub(crate) fn from_loki_values(name: &str) -> Result<String> {
    let text = std::fs::read_to_string(name).with_context(|| format!("reading the values {name}"))?;
    let read = tree::parse(&text).map_err(|problem| vec![problem]).and_then(|tree| {
        let values = helm::translate(&tree, &|variable| std::env::var(variable).ok());
        let mut problems = values.problems.clone();
        // What the settings mean is checked as it would be at a start.
        match check::settings(&values.config) {
            Ok((config, places)) => {
                problems.extend(config.validate().into_iter().map(|problem| places.locate(problem)))
            }
            Err(more) => problems.extend(more),
        }
        if problems.is_empty() { Ok(values) } else { Err(problems) }
    });
    read.map(|values| values.print()).map_err(|problems| anyhow!(load::complaint(name, &problems)))
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
    (!matches!(member.node, Node::Section(_))).then_some(&member.place)
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
