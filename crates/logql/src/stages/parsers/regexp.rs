//! `| regexp "(?P<name>…)"`: the named groups of the first match.

use regex::bytes::{CaptureLocations, Regex};

use super::sink::Sink;
use crate::extract::Fields as _;
use crate::re2;

#[derive(Debug)]
pub(super) struct RegexpParser {
    regex: Regex,
    /// Group number and label, in order.
    groups: Vec<(usize, String)>,
}

impl RegexpParser {
    /// Errors: RE2's text.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let regex = re2::compile(pattern)?;
        let named = re2::check(pattern)?.into_iter().enumerate();
        let groups = named.filter_map(|(at, name)| Some((at + 1, name?))).collect();
        Ok(Self { regex, groups })
    }

    pub(super) fn locations(&self) -> CaptureLocations {
        self.regex.capture_locations()
    }

    /// A line that does not match is left as it is; a group that took no part gives an empty label.
    pub(super) fn run(&self, line: &[u8], locations: &mut CaptureLocations, sink: &mut Sink<'_, '_>) {
        if self.regex.captures_read(locations, line).is_none() {
            return;
        }
        for (group, name) in &self.groups {
            if !sink.wants(name) {
                continue;
            }
            let text = locations.get(*group).map_or(&b""[..], |(start, end)| &line[start..end]);
            if !sink.put(&String::from_utf8_lossy(text)) {
                return;
            }
        }
    }
}
