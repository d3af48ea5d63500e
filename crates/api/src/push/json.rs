//! Push bodies in JSON, today's form and that of `/api/prom/push`, decoded in place: unescaping only ever makes text
//! shorter, so the body itself becomes the batch's arena.

mod reader;

use bytes::{Bytes, BytesMut};
use sigyn_model::Labels;
use sigyn_model::labels::GoQuoted;
use sigyn_write::{PushBatch, PushEntry, PushStream, Span32};

use super::labels::{LABELS_MAX, StreamLabels};
use super::{NO_TIME, PathKind, PushError, labels};
use reader::{Kind, Reader, Syntax};

/// Decodes a JSON push. `body` is below 2 GiB.
pub(super) fn decode(kind: PathKind, body: Bytes) -> Result<PushBatch, PushError> {
    // The usual body has one owner and is changed where it is.
    let mut body = body.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&*shared));
    let mut decoder = Decoder { reader: Reader::new(&mut body), batch: PushBatch::default() };
    let result = match kind {
        PathKind::V1 => decoder.request(Decoder::stream, "loghttp.PushRequest"),
        PathKind::Legacy => decoder.request(Decoder::legacy_stream, "push request"),
    };
    let mut batch = decoder.batch;
    result?;
    batch.arena = body.freeze();
    Ok(batch)
}

/// Why decoding stopped: a problem of the text, or a complete answer.
enum Stop {
    Syntax(Syntax),
    Answer(PushError),
}

impl From<Syntax> for Stop {
    fn from(syntax: Syntax) -> Self {
        Self::Syntax(syntax)
    }
}

struct Decoder<'a> {
    reader: Reader<'a>,
    batch: PushBatch,
}

impl Decoder<'_> {
    fn request(&mut self, stream: fn(&mut Self) -> Result<(), Stop>, name: &str) -> Result<(), PushError> {
        let mut place = name.to_owned();
        let mut read = || -> Result<(), Stop> {
            if self.reader.kind()? == Kind::Null {
                return Ok(self.reader.skip()?);
            }
            let mut first = true;
            self.reader.open(b'{')?;
            while let Some(key) = self.reader.key(&mut first)? {
                if self.reader.text(key) == b"streams" {
                    place = format!("{name}.Streams");
                    self.streams(stream)?;
                    name.clone_into(&mut place);
                } else {
                    self.reader.skip()?;
                }
            }
            Ok(())
        };
        match read() {
            Ok(()) => Ok(()),
            Err(Stop::Answer(error)) => Err(error),
            Err(Stop::Syntax(syntax)) => Err(PushError::invalid(format!("{place}: {syntax}"))),
        }
    }

    /// The last of several `streams` counts.
    fn streams(&mut self, stream: fn(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        self.batch.streams.clear();
        self.batch.entries.clear();
        self.batch.metadata.clear();
        self.each(stream)
    }

    /// Reads an array, or `null` for an empty one; elements that are `null` are passed over.
    fn each(&mut self, element: impl Fn(&mut Self) -> Result<(), Stop>) -> Result<(), Stop> {
        if self.reader.kind()? == Kind::Null {
            return Ok(self.reader.skip()?);
        }
        let mut first = true;
        self.reader.open(b'[')?;
        while self.reader.element(&mut first)? {
            match self.reader.kind()? {
                Kind::Null => self.reader.skip()?,
                _ => element(self)?,
            }
        }
        Ok(())
    }

    /// `{"stream": {…}, "values": [[ts, line, {…}], …]}`
    fn stream(&mut self) -> Result<(), Stop> {
        let (first_entry, first_pair) = (self.batch.entries.len(), self.batch.metadata.len());
        let mut labels = None;
        let mut first = true;
        self.reader.open(b'{')?;
        while let Some(key) = self.reader.key(&mut first)? {
            match self.reader.text(key) {
                b"stream" => labels = Some(self.label_object()?),
                b"values" => {
                    self.batch.entries.truncate(first_entry);
                    self.batch.metadata.truncate(first_pair);
                    self.each(Self::entry)?;
                }
                _ => self.reader.skip()?,
            }
        }
        self.add_stream(labels.map_or_else(|| parse_labels(b""), Ok)?, first_entry);
        Ok(())
    }

    fn add_stream(&mut self, labels: StreamLabels, first_entry: usize) {
        let entries = first_entry as u32..self.batch.entries.len() as u32;
        let StreamLabels { labels, repeated_name } = labels;
        self.batch.streams.push(PushStream { labels, repeated_name, entries });
    }

    fn label_object(&mut self) -> Result<StreamLabels, Stop> {
        let mut pairs: Vec<(Span32, Span32)> = Vec::new();
        let mut first = true;
        self.reader.open(b'{')?;
        while let Some(name) = self.reader.key(&mut first)? {
            if pairs.len() == LABELS_MAX {
                let message = format!("couldn't parse labels: more than {LABELS_MAX} labels");
                return Err(Stop::Answer(PushError::invalid(message)));
            }
            let value = match self.reader.kind()? {
                Kind::String => self.reader.string()?,
                _ => self.reader.raw()?,
            };
            pairs.push((name, value));
        }
        let text = |span: Span32| String::from_utf8_lossy(self.reader.text(span));
        if pairs.iter().all(|(name, _)| labels::is_valid_name(self.reader.text(*name))) {
            // A JSON object that repeats a key means its last value.
            let labels = Labels::from_pairs(pairs.into_iter().map(|(name, value)| (text(name), text(value))));
            return Ok(StreamLabels { labels, repeated_name: None });
        }
        // The label parser words the refusal, as it does for labels that come as text.
        pairs.sort_by(|a, b| self.reader.text(a.0).cmp(self.reader.text(b.0)));
        let pairs: Vec<String> =
            pairs.into_iter().map(|(name, value)| format!("{}={}", text(name), GoQuoted(&text(value)))).collect();
        parse_labels(format!("{{{}}}", pairs.join(", ")).as_bytes())
    }

    /// `[ts, line, {…}, …]`: what is missing is empty, what follows is passed over.
    fn entry(&mut self) -> Result<(), Stop> {
        let first_pair = self.batch.metadata.len() as u32;
        let mut entry = PushEntry { ts: NO_TIME, line: Span32::default(), metadata: first_pair..first_pair };
        let mut first = true;
        let mut place = 0;
        self.reader.open(b'[')?;
        while self.reader.element(&mut first)? {
            match place {
                0 => {
                    let span = self.reader.string()?;
                    entry.ts = self.reader.integer(span)?;
                }
                1 => entry.line = self.reader.string()?,
                2 => self.metadata()?,
                _ => self.reader.skip()?,
            }
            place += 1;
        }
        entry.metadata.end = self.batch.metadata.len() as u32;
        self.batch.entries.push(entry);
        Ok(())
    }

    fn metadata(&mut self) -> Result<(), Stop> {
        let mut first = true;
        self.reader.open(b'{')?;
        while let Some(name) = self.reader.key(&mut first)? {
            let value = self.reader.string()?;
            self.batch.metadata.push((name, value));
        }
        Ok(())
    }

    /// `{"labels": "{…}", "entries": [{"ts": …, "line": …, "structuredMetadata": {…}}, …]}`
    fn legacy_stream(&mut self) -> Result<(), Stop> {
        let (first_entry, first_pair) = (self.batch.entries.len(), self.batch.metadata.len());
        let mut labels = Span32::default();
        let mut first = true;
        self.reader.open(b'{')?;
        while let Some(key) = self.reader.key(&mut first)? {
            match self.reader.text(key) {
                b"labels" => labels = self.optional_string()?,
                b"entries" => {
                    self.batch.entries.truncate(first_entry);
                    self.batch.metadata.truncate(first_pair);
                    self.each(Self::legacy_entry)?;
                }
                _ => self.reader.skip()?,
            }
        }
        let labels = parse_labels(self.reader.text(labels))?;
        self.add_stream(labels, first_entry);
        Ok(())
    }

    fn legacy_entry(&mut self) -> Result<(), Stop> {
        let first_pair = self.batch.metadata.len();
        let mut entry = PushEntry { ts: NO_TIME, line: Span32::default(), metadata: first_pair as u32..0 };
        let mut first = true;
        self.reader.open(b'{')?;
        while let Some(key) = self.reader.key(&mut first)? {
            match self.reader.text(key) {
                b"ts" => match self.reader.kind()? {
                    Kind::Null => self.reader.skip()?,
                    _ => {
                        let span = self.reader.string()?;
                        entry.ts = self.time(span)?;
                    }
                },
                b"line" => entry.line = self.optional_string()?,
                b"structuredMetadata" => {
                    self.batch.metadata.truncate(first_pair);
                    match self.reader.kind()? {
                        Kind::Null => self.reader.skip()?,
                        _ => self.metadata()?,
                    }
                }
                _ => self.reader.skip()?,
            }
        }
        entry.metadata.end = self.batch.metadata.len() as u32;
        self.batch.entries.push(entry);
        Ok(())
    }

    fn optional_string(&mut self) -> Result<Span32, Syntax> {
        if self.reader.kind()? == Kind::Null {
            self.reader.skip()?;
            return Ok(Span32::default());
        }
        self.reader.string()
    }

    /// RFC 3339; times outside what nanoseconds can say become the nearest they can.
    fn time(&self, span: Span32) -> Result<i64, Syntax> {
        let text = String::from_utf8_lossy(self.reader.text(span));
        let time: jiff::Timestamp = text.parse().map_err(|_| {
            self.reader.problem(span.offset as usize, format!("{} is not an RFC 3339 time", GoQuoted(&text)))
        })?;
        let nanos = time.as_nanosecond();
        Ok(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
    }
}

fn parse_labels(text: &[u8]) -> Result<StreamLabels, Stop> {
    labels::parse(text).map_err(|error| Stop::Answer(PushError::invalid(error.to_string())))
}

#[cfg(test)]
mod tests;
