//! Template text and a line: ends, never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigyn_logql::template::{Entry, LabelSource, Template};

struct Labels<'a>(&'a str);

impl LabelSource for Labels<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        matches!(name, "a" | "b").then_some(self.0)
    }
    fn each(&self, visit: &mut dyn FnMut(&str, &str)) {
        visit("a", self.0);
        visit("b", self.0);
    }
}

fuzz_target!(|input: (&str, &str)| {
    let (text, value) = input;
    if let Ok(template) = Template::parse("line", text) {
        let labels = Labels(value);
        let _ = template.as_single_field();
        let _ = template.execute(&Entry { labels: &labels, line: value, timestamp: 1, now: 2 }, &mut String::new());
    }
});
