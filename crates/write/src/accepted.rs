//! A push after validation: what will be stored, still as positions in two buffers.

use std::ops::Range;

use bytes::Bytes;
use sigyn_model::Labels;

use crate::levels::{DETECTED_LEVEL, Known, LEVELS};
use crate::{Error, Result, Span32};

/// Top bit of [`Text::offset`]: the text lies in `extra` and not in the push's own buffer.
const IN_EXTRA: u32 = 1 << 31;

/// A slice of one of the two buffers of an [`Accepted`] push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    offset: u32,
    len: u32,
}

impl Text {
    /// A slice of the push's own buffer, which is below 2 GiB.
    pub(crate) fn sent(span: Span32) -> Self {
        Self { offset: span.offset, len: span.len }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.len == 0
    }

    pub(crate) fn len(self) -> usize {
        self.len as usize
    }
}

/// The two buffers that [`Text`]s point into.
#[derive(Debug)]
pub(crate) struct Texts {
    arena: Bytes,
    /// What is not in the arena as it must be stored: level words first, then rewritten names, values and lines.
    extra: Vec<u8>,
}

impl Texts {
    pub(crate) fn new(arena: Bytes) -> Self {
        let mut extra = Vec::with_capacity(64);
        extra.extend_from_slice(DETECTED_LEVEL.as_bytes());
        for level in LEVELS {
            extra.extend_from_slice(level.as_bytes());
        }
        Self { arena, extra }
    }

    pub(crate) fn get(&self, text: Text) -> &[u8] {
        let buffer = if text.offset & IN_EXTRA == 0 { &*self.arena } else { &self.extra };
        &buffer[(text.offset & !IN_EXTRA) as usize..][..text.len as usize]
    }

    /// Keeps bytes that the arena does not hold.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<Text> {
        let fits = u32::try_from(self.extra.len() + bytes.len()).is_ok_and(|end| end < IN_EXTRA);
        if !fits {
            return Err(Error::Rejected {
                status: 413,
                message: "push grows past 2GiB when its names and lines are rewritten; send smaller pushes".to_owned(),
            });
        }
        let text = Text { offset: IN_EXTRA | self.extra.len() as u32, len: bytes.len() as u32 };
        self.extra.extend_from_slice(bytes);
        Ok(text)
    }

    /// The name `detected_level`.
    pub(crate) fn level_name() -> Text {
        Text { offset: IN_EXTRA, len: DETECTED_LEVEL.len() as u32 }
    }

    /// The word for a level.
    pub(crate) fn level(level: Known) -> Text {
        let at = level.0 as usize;
        let before: usize = LEVELS[..at].iter().map(|word| word.len()).sum();
        Text { offset: IN_EXTRA | (DETECTED_LEVEL.len() + before) as u32, len: LEVELS[at].len() as u32 }
    }
}

/// The valid part of one tenant's push, ready to be grouped with others.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) texts: Texts,
    pub(crate) streams: Vec<AcceptedStream>,
    pub(crate) rows: Vec<AcceptedRow>,
    /// Names and values; each row's are sorted by name, names unique, names and values valid UTF-8.
    pub(crate) metadata: Vec<(Text, Text)>,
    /// Line and structured metadata bytes, `detected_level` not counted.
    pub(crate) raw_bytes: u64,
}

#[derive(Debug)]
pub(crate) struct AcceptedStream {
    pub(crate) labels: Labels,
    pub(crate) rows: Range<u32>,
}

#[derive(Debug, Clone)]
pub(crate) struct AcceptedRow {
    pub(crate) ts: i64,
    pub(crate) line: Text,
    pub(crate) metadata: Range<u32>,
}

impl Accepted {
    pub(crate) fn memory_size(&self) -> usize {
        self.texts.arena.len()
            + self.texts.extra.capacity()
            + size_of_val(self.streams.as_slice())
            + self.rows.capacity() * size_of::<AcceptedRow>()
            + self.metadata.capacity() * size_of::<(Text, Text)>()
    }

    pub(crate) fn line(&self, row: &AcceptedRow) -> &[u8] {
        self.texts.get(row.line)
    }

    pub(crate) fn metadata(&self, row: &AcceptedRow) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + Clone {
        let pairs = &self.metadata[row.metadata.start as usize..row.metadata.end as usize];
        pairs.iter().map(|(name, value)| (self.texts.get(*name), self.texts.get(*value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_words_are_where_they_should_be() -> Result<()> {
        let mut texts = Texts::new(Bytes::from_static(b"abc"));
        assert_eq!(texts.get(Texts::level_name()), b"detected_level");
        for (at, word) in LEVELS.iter().enumerate() {
            assert_eq!(texts.get(Texts::level(Known(at as u8))), word.as_bytes());
        }
        let added = texts.add(b"xyz")?;
        assert_eq!(texts.get(added), b"xyz");
        assert_eq!(texts.get(Text::sent(Span32 { offset: 1, len: 2 })), b"bc");
        Ok(())
    }
}
