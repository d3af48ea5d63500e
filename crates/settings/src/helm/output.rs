//! The values as text.

use serde_json::Value;

use super::Values;
use crate::loki::{Note, NoteKind, by_reason};
use crate::mask;
use crate::print::{self, Remarks};
use crate::tree::{Node, Place};

pub(super) fn print(values: &Values) -> String {
    let mut all = Node::Section(Vec::new());
    if let Node::Section(members) = &values.values {
        members.iter().for_each(|member| all.put(&member.key, member.node.clone(), &member.place));
    }
    all.put("config", values.config.clone(), &Place::Implied(String::new()));
    let mut out = "# Values of Sigyn's chart, from values of Loki's.\n".to_owned();
    let remarks = |path: &str| remarks(&all, path);
    out.push_str(&mask::urls(&print::tree(&all, &remarks)));
    for (kind, head) in [
        (NoteKind::Changed, "Read in another way than Loki does:"),
        (NoteKind::Missing, "Dropped, and somebody has to do something about it:"),
        (NoteKind::NotNeeded, "Dropped, since nothing here needs it:"),
    ] {
        let notes: Vec<&Note> = values.notes.iter().filter(|note| note.kind == kind).collect();
        if !notes.is_empty() {
            out.push_str(&format!("\n# {head}\n"));
        }
        for (reason, keys) in by_reason(notes.into_iter()) {
            out.push_str(&format!("#   {}\n#     {}\n", keys.join(", "), mask::urls(reason)));
        }
    }
    out
}

fn remarks(all: &Node, path: &str) -> Remarks {
    let mut remarks = Remarks::default();
    let (section, key) =
        path.rsplit_once('.').map_or((all, path), |(section, key)| (all.at(section).unwrap_or(all), key));
    let Some(member) = section.member(key) else { return remarks };
    if let Place::Loki { key, .. } = &member.place
        && !matches!(member.node, Node::Section(_))
    {
        remarks.beside = Some(key.clone());
    }
    let Value::String(text) = member.node.value() else { return remarks };
    if mask::is_secret(path) && !(text.starts_with("${") && text.ends_with('}')) {
        let name = path.trim_start_matches("config.storage.").replace('.', "_").to_uppercase();
        remarks.above.push(format!("keep it in a Secret that extraEnvFrom names, as {name}"));
        remarks.value = Some(format!("${{{name}}}"));
    } else if text.contains("${") {
        // Written as it was: Sigyn replaces it from the environment.
        remarks.value = Some(Value::String(text).to_string());
    }
    remarks
}
