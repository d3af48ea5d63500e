//! How far a tool is: one line that rewrites itself on a terminal, a line now and then in a log.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const ON_TERMINAL: Duration = Duration::from_millis(100);
const IN_LOG: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Progress {
    terminal: bool,
    /// When something was last shown; nothing yet is `None`.
    shown: Mutex<Option<Instant>>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), shown: Mutex::new(None) }
    }

    /// Shows `text` unless something was shown a moment ago.
    pub(crate) fn show(&self, text: impl FnOnce() -> String) {
        let mut shown = self.shown.lock().expect("nothing panics under the lock");
        let pause = if self.terminal { ON_TERMINAL } else { IN_LOG };
        if shown.is_some_and(|at| at.elapsed() < pause) {
            return;
        }
        *shown = Some(Instant::now());
        if self.terminal {
            eprint!("\r{}\x1b[K", text());
        } else {
            eprintln!("{}", text());
        }
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
