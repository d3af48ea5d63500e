//! From a file and flags to settings, whichever of the two forms the file has.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use sigyn_settings::loki::{self, Note, NoteKind};
use sigyn_settings::tree::{self, Node};
use sigyn_settings::{Place, expand, mask};

use super::Config;
use super::check::{self, Places};
use super::translate::by_reason;
use crate::flags::Flags;

/// Settings, and what is to be known about where they come from.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// The file's name, or "the flags".
    pub(crate) name: String,
    /// What the file of Loki says that Sigyn cannot; nothing when the file is Sigyn's own.
    pub(crate) loki: Option<FromLoki>,
    pub(super) places: Places,
    /// Lines in which a variable was replaced.
    pub(super) from_environment: BTreeSet<u64>,
}

/// What is left of a file of Loki beside its settings.
#[derive(Debug)]
pub(crate) struct FromLoki {
    pub(crate) notes: Vec<Note>,
    pub(crate) old_periods: Vec<String>,
    /// The settings as they were written.
    pub(super) settings: Node,
}

/// A file, as it is read.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) text: String,
}

impl File {
    /// The first file of the list that there is, or nothing when no file was named.
    pub(super) fn read(flags: &Flags) -> Result<Self> {
        let Some(names) = &flags.config_file else {
            return Ok(Self { name: "the flags".to_owned(), text: String::new() });
        };
        let mut names = names.split(',').map(str::trim).peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() || std::path::Path::new(name).exists() {
                let text =
                    std::fs::read_to_string(name).with_context(|| format!("reading the configuration {name}"))?;
                return Ok(Self { name: name.to_owned(), text });
            }
        }
        bail!("flag -config.file names no file")
    }
}

impl Config {
    /// Reads the file and the flags over it.
    pub(crate) fn load(flags: &Flags) -> Result<Loaded> {
        let File { name, text } = File::read(flags)?;
        match read(&name, &text, flags, &|variable| std::env::var(variable).ok()) {
            Ok(loaded) => Ok(loaded),
            Err(problems) => bail!(complaint(&name, &problems)),
        }
    }
}

/// All problems of a file, as they are told; addresses in them lose their secrets.
pub(super) fn complaint(name: &str, problems: &[String]) -> String {
    let count = problems.len();
    let lines: String = problems.iter().map(|problem| format!("\n  {}", mask::urls(problem))).collect();
    format!("{name} has {count} problem{}:{lines}", if count == 1 { "" } else { "s" })
}

/// Errors: every problem at once.
pub(super) fn read(
    name: &str,
    text: &str,
    flags: &Flags,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, Vec<String>> {
    // Loki's own expansion is a matter of the whole file, so the form is found out before anything is replaced.
    let as_written = tree::parse(text);
    let is_loki = as_written.as_ref().is_ok_and(loki::is_loki) || as_written.is_err() && looks_like_loki(text);
    let expanded = match (is_loki, flags.expand_env) {
        (true, true) => loki::variables(text, variable)?,
        (true, false) => text.to_owned(),
        (false, _) => expand::variables(text, variable)?,
    };
    let from_environment = differing_lines(text, &expanded);
    let mut tree = tree::parse(&expanded).map_err(|problem| vec![problem])?;
    let (mut problems, mut from_loki) = (Vec::new(), None);
    if is_loki {
        let translation = loki::translate(tree, &flags.settings, variable);
        tree = translation.settings;
        problems = translation.problems;
        if !flags.expand_env && text.contains("${") {
            problems.extend(unexpanded(text));
        }
        from_loki =
            Some(FromLoki { notes: translation.notes, old_periods: translation.old_periods, settings: tree.clone() });
    } else {
        for (flag, value) in &flags.settings {
            tree.set(flag, value);
        }
    }
    match check::settings(&tree) {
        Ok((config, places)) => {
            problems.extend(config.validate().into_iter().map(|problem| places.locate(problem)));
            if problems.is_empty() {
                return Ok(Loaded { config, name: name.to_owned(), loki: from_loki, places, from_environment });
            }
        }
        Err(more) => problems.extend(more),
    }
    Err(problems)
}

/// A file that is not YAML before its variables are replaced shows what it is by its sections.
fn looks_like_loki(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("schema_config:"))
}

/// Lines, counted from 1, that a replacement changed.
fn differing_lines(before: &str, after: &str) -> BTreeSet<u64> {
    let pairs = before.lines().zip(after.lines()).zip(1..);
    pairs.filter(|((before, after), _)| before != after).map(|(_, line)| line).collect()
}

/// References that Loki would take for text, which nobody means.
fn unexpanded(text: &str) -> Vec<String> {
    let lines = text.lines().zip(1..);
    let with_reference = lines.filter(|(line, _)| line.split('#').next().is_some_and(|code| code.contains("${")));
    with_reference
        .map(|(_, at)| format!("line {at}: ${{…}} is replaced only with the flag -config.expand-env=true"))
        .collect()
}

impl FromLoki {
    /// Logs once what the file says that Sigyn cannot, the keys of one reason together.
    pub(crate) fn tell(&self) {
        for kind in [NoteKind::Changed, NoteKind::Missing, NoteKind::NotNeeded] {
            let notes = self.notes.iter().filter(|note| note.kind == kind);
            for (reason, keys) in by_reason(notes) {
                let (reason, keys) = (mask::urls(reason), keys.join(", "));
                match kind {
                    NoteKind::Changed => tracing::info!(%keys, reason, "read in another way than Loki does"),
                    NoteKind::Missing => tracing::warn!(%keys, reason, "not there in this version"),
                    NoteKind::NotNeeded => tracing::info!(%keys, reason, "not needed"),
                }
            }
        }
        for period in &self.old_periods {
            tracing::info!(period, "Loki's own data, not read yet");
        }
    }
}

impl Loaded {
    /// Where a setting was written, in words: a line, a flag, a key of Loki, or nowhere.
    pub(crate) fn origin(&self, path: &str) -> String {
        match self.places.find(path) {
            None => "default".to_owned(),
            Some(place) => self.words(place),
        }
    }

    fn words(&self, place: &Place) -> String {
        match place {
            Place::Line(line) => {
                let environment = if self.from_environment.contains(line) { ", from the environment" } else { "" };
                format!("{}:{line}{environment}", self.name)
            }
            Place::Flag(flag) => format!("flag -{flag}"),
            Place::Loki { key, place } => format!("{}, {key}", self.words(place)),
            Place::Implied(why) => why.clone(),
        }
    }
}
