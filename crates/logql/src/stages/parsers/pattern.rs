//! `| pattern "<ip> - <user>"`: what stands between literals.

use super::sink::Sink;
use crate::extract::Fields as _;
use crate::extract::pattern::Pattern;

#[derive(Debug)]
pub(super) struct PatternParser(Pattern);

impl PatternParser {
    pub(super) fn new(pattern: &str) -> Self {
        Self(Pattern::new(pattern))
    }

    pub(super) fn run(&self, line: &[u8], sink: &mut Sink<'_, '_>) {
        self.0.captures(line, |name, text| !sink.wants(name) || sink.put(&String::from_utf8_lossy(text)));
    }
}
