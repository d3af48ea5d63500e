//! Collects why entries were refused, and words the answer as Loki does.

use hashbrown::HashMap;

/// Distinct texts in one answer; the rest are only counted.
const DISTINCT_MAX: usize = 100;

/// Why data was dropped: the label `reason` of the discard counters, in Loki's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    MissingLabels,
    MaxLabelNamesPerSeries,
    LabelNameTooLong,
    LabelValueTooLong,
    DuplicateLabelNames,
    MissingEnforcedLabels,
    GreaterThanMaxSampleAge,
    TooFarInFuture,
    LineTooLong,
    DisallowedStructuredMetadata,
    StructuredMetadataTooLarge,
    StructuredMetadataTooMany,
    RateLimited,
}

impl Reason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::MissingLabels => "missing_labels",
            Self::MaxLabelNamesPerSeries => "max_label_names_per_series",
            Self::LabelNameTooLong => "label_name_too_long",
            Self::LabelValueTooLong => "label_value_too_long",
            Self::DuplicateLabelNames => "duplicate_label_names",
            Self::MissingEnforcedLabels => "missing_enforced_labels",
            Self::GreaterThanMaxSampleAge => "greater_than_max_sample_age",
            Self::TooFarInFuture => "too_far_in_future",
            Self::LineTooLong => "line_too_long",
            Self::DisallowedStructuredMetadata => "disallowed_structured_metadata",
            Self::StructuredMetadataTooLarge => "structured_metadata_too_large",
            Self::StructuredMetadataTooMany => "structured_metadata_too_many",
            Self::RateLimited => "rate_limited",
        }
    }
}

/// One refusal: of a whole stream or of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

/// Entries and bytes dropped for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Discarded {
    pub(crate) reason: Reason,
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

/// The refusals of one push.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    /// Texts in order of first appearance, with how often they came.
    messages: Vec<(String, u64)>,
    places: HashMap<String, usize, foldhash::fast::RandomState>,
    /// Refusals whose text is not kept.
    others: u64,
    discarded: Vec<Discarded>,
}

impl Failures {
    pub(crate) fn add(&mut self, failure: Failure, entries: u64, bytes: u64) {
        match self.discarded.iter_mut().find(|discarded| discarded.reason == failure.reason) {
            Some(discarded) => {
                discarded.entries += entries;
                discarded.bytes += bytes;
            }
            None => self.discarded.push(Discarded { reason: failure.reason, entries, bytes }),
        }
        if let Some(at) = self.places.get(&failure.message) {
            self.messages[*at].1 += 1;
        } else if self.messages.len() == DISTINCT_MAX {
            self.others += 1;
        } else {
            self.places.insert(failure.message.clone(), self.messages.len());
            self.messages.push((failure.message, 1));
        }
    }

    pub(crate) fn discarded(&self) -> &[Discarded] {
        &self.discarded
    }

    /// The answer's text: the message alone if it came once and is the only one, otherwise each with its count.
    pub(crate) fn message(&self) -> Option<String> {
        match self.messages.as_slice() {
            [] => None,
            [(message, 1)] => Some(message.clone()),
            messages => {
                let mut texts: Vec<String> =
                    messages.iter().map(|(message, count)| format!("{count} errors like: {message}")).collect();
                if self.others > 0 {
                    texts.push(format!("{} other errors", self.others));
                }
                Some(texts.join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_group_equal_texts() {
        let message = |texts: &[&str]| {
            let mut failures = Failures::default();
            for text in texts {
                failures.add(Failure { reason: Reason::LineTooLong, message: (*text).to_owned() }, 1, 10);
            }
            failures.message()
        };
        assert_eq!(message(&[]), None);
        assert_eq!(message(&["a"]).as_deref(), Some("a"));
        assert_eq!(message(&["a", "a"]).as_deref(), Some("2 errors like: a"));
        assert_eq!(message(&["b", "a", "b"]).as_deref(), Some("2 errors like: b; 1 errors like: a"));
    }

    #[test]
    fn texts_beyond_the_bound_are_counted() {
        let mut failures = Failures::default();
        for at in 0..DISTINCT_MAX + 2 {
            failures.add(Failure { reason: Reason::LineTooLong, message: at.to_string() }, 1, 10);
        }
        assert!(failures.message().is_some_and(|text| text.ends_with("1 errors like: 99; 2 other errors")));
        assert_eq!(failures.discarded(), [Discarded { reason: Reason::LineTooLong, entries: 102, bytes: 1020 }]);
    }
}
