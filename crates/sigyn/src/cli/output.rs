//! Where the commands print: results to standard output, everything about them to standard error.

mod entries;
mod metrics;
mod progress;
mod stats;
mod table;

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, Write};

use anyhow::Result;

pub(super) use entries::{EntryPrinter, LabelChoice};
pub(super) use metrics::print as print_metric;
pub(super) use progress::Progress;
pub(super) use stats::{human_bytes, human_count, merge as merge_stats, print as print_stats};
pub(super) use table::{Align, Table};

use super::args::{Format, Shared, When};
use super::times::Zone;

/// Both outputs and how to write to them.
pub(super) struct Console {
    pub(super) out: Box<dyn Write>,
    notes: Box<dyn Write>,
    pub(super) format: Format,
    pub(super) zone: Zone,
    pub(super) colours: Colours,
    /// Columns of the terminal.
    pub(super) width: usize,
    quiet: bool,
    progress: bool,
}

const WIDTH_UNKNOWN: usize = 120;

impl Console {
    pub(super) fn new(shared: &Shared) -> Self {
        let (to_terminal, notes_to_terminal) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colours = match shared.color {
            When::Always => true,
            When::Never => false,
            When::Auto => to_terminal && !no_color,
        };
        Self {
            out: Box::new(Output(BufWriter::with_capacity(1 << 16, io::stdout()))),
            notes: Box::new(io::stderr()),
            format: shared.output,
            zone: shared.timezone.clone(),
            colours: Colours(colours),
            width: std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(WIDTH_UNKNOWN),
            quiet: shared.quiet,
            // Where lines run past, they are the progress.
            progress: notes_to_terminal && !to_terminal && !shared.quiet,
        }
    }

    #[cfg(test)]
    pub(super) fn for_test(format: Format, out: impl Write + 'static, notes: impl Write + 'static) -> Self {
        Self {
            out: Box::new(out),
            notes: Box::new(notes),
            format,
            zone: "UTC".parse().expect("UTC is known"),
            colours: Colours(false),
            width: WIDTH_UNKNOWN,
            quiet: false,
            progress: false,
        }
    }

    /// Says something about the result, unless asked to be quiet.
    pub(super) fn note(&mut self, text: impl fmt::Display) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// Says something that matters even to those who asked for quiet.
    pub(super) fn warn(&mut self, text: impl fmt::Display) {
        // Without standard error there is nobody to tell.
        let _ = writeln!(self.notes, "{text}");
    }

    pub(super) fn progress(&self) -> Progress {
        Progress::new(self.progress)
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        Ok(self.out.flush()?)
    }
}

/// Standard output; tells its own end from that of a connection.
struct Output<W: Write>(BufWriter<W>);

/// The reader of standard output has gone, which is its right.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output is closed")
    }
}

impl std::error::Error for Closed {}

fn named(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::BrokenPipe { io::Error::other(Closed) } else { error }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(named)
    }
}

/// Whether a command failed only because nobody reads its output any more.
pub(super) fn is_closed(problem: &anyhow::Error) -> bool {
    let error = problem.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    error.and_then(io::Error::get_ref).is_some_and(|inner| inner.is::<Closed>())
}

/// Colours of a terminal, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colours(bool);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
    Dim,
    Bold,
}

impl Colours {
    #[cfg(test)]
    pub(super) fn always() -> Self {
        Self(true)
    }

    pub(super) fn paint(self, colour: Colour, text: impl fmt::Display) -> String {
        if !self.0 {
            return text.to_string();
        }
        let code = match colour {
            Colour::Bold => 1,
            Colour::Dim => 2,
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Blue => 34,
            Colour::Magenta => 35,
            Colour::Cyan => 36,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_the_end_of_the_output_is_quiet() {
        let mut out = Output(BufWriter::with_capacity(0, Gone));
        let error = anyhow::Error::from(out.write_all(b"x").expect_err("the reader is gone")).context("printing");
        assert!(is_closed(&error), "{error:#}");
        let network = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(!is_closed(&network));
    }
}
