//! `sigyn config show`: the settings in force, each with where it comes from.

use serde_json::Value;
use sigyn_settings::mask;
use sigyn_settings::print::{self, Remarks};

use super::check;
use super::load::Loaded;

impl Loaded {
    /// The settings as YAML, a comment with the origin behind each; secrets are masked.
    pub(crate) fn show(&self) -> String {
        let settings = check::as_value(&self.config);
        let remarks =
            |path: &str| Remarks { beside: is_leaf(&settings, path).then(|| self.origin(path)), ..Remarks::default() };
        mask::urls(&print::remarked(&settings, &remarks))
    }
}

fn is_leaf(settings: &Value, path: &str) -> bool {
    let value = path.split('.').try_fold(settings, |value, key| value.get(key));
    // A map without keys is a setting of its own; one with keys has them as its settings.
    value.is_some_and(|value| value.as_object().is_none_or(serde_json::Map::is_empty))
}
