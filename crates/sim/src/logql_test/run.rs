//! Runs a script against a target, and writes its expectations anew.

use std::fmt::Write as _;

use sigyn_read::Direction;

use super::Target;
use super::outcome::Outcome;
use super::script::{Eval, Expected, Script};

/// What came of a script.
#[derive(Debug)]
pub struct Report {
    pub evaluations: usize,
    /// One text per evaluation that went wrong: where, what was expected, what came.
    pub failures: Vec<String>,
    /// The file's text with every expectation as the target answered.
    pub updated: String,
}

impl Script {
    /// Loads everything, then asks everything. Errors: the target refused a load or did not answer.
    pub fn run(&self, target: &dyn Target) -> Result<Report, String> {
        for load in &self.loads {
            target.load(load).map_err(|error| format!("{}: loading {}: {error}", self.name, load.labels))?;
        }
        let mut report = Report { evaluations: self.evals.len(), failures: Vec::new(), updated: String::new() };
        let mut written = 0;
        for eval in &self.evals {
            let here = |error| format!("{}:{}: {error}", self.name, eval.line + 1);
            let got = target.ask(&eval.question).and_then(|got| self.normalise(eval, got)).map_err(here)?;
            let is_right = is_right(eval, &got);
            if !is_right {
                report.failures.push(self.failure(eval, &got));
            }
            self.copy(written..eval.expected_lines.start, &mut report.updated);
            if is_right {
                // As it is, for the author may have written it in another way.
                self.copy(eval.expected_lines.clone(), &mut report.updated);
            } else {
                report.updated.push_str(&got.render());
            }
            written = eval.expected_lines.end;
        }
        self.copy(written..self.lines.len(), &mut report.updated);
        Ok(report)
    }

    fn normalise(&self, eval: &Eval, got: Outcome) -> Result<Outcome, String> {
        let mut got = got.hide(&self.hidden, eval.question.direction == Direction::Forward)?;
        got.sort(eval.is_sorted());
        Ok(got)
    }

    fn copy(&self, lines: std::ops::Range<usize>, out: &mut String) {
        for line in &self.lines[lines] {
            let _ = writeln!(out, "{line}");
        }
    }

    fn failure(&self, eval: &Eval, got: &Outcome) -> String {
        let expected = match &eval.expected {
            Expected::Answer(expected) => expected.render(),
            Expected::Refusal(text) => Outcome::Refused(text.clone()).render(),
        };
        let or_nothing = |text: String| if text.is_empty() { "  (nothing)\n".to_owned() } else { text };
        format!(
            "{}:{}: {}\n expected:\n{} got:\n{}",
            self.name,
            eval.line + 1,
            self.lines[eval.line],
            or_nothing(expected),
            or_nothing(got.render())
        )
    }
}

fn is_right(eval: &Eval, got: &Outcome) -> bool {
    match (&eval.expected, got) {
        (Expected::Answer(expected), got) => {
            let mut expected = expected.clone();
            expected.sort(eval.is_sorted());
            got.matches(&expected)
        }
        (Expected::Refusal(text), Outcome::Refused(got)) => match text.strip_suffix("...") {
            Some(start) => got.starts_with(start),
            None => {
                let lines = |text: &str| text.trim_end().lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
                lines(got) == lines(text)
            }
        },
        (Expected::Refusal(_), _) => false,
    }
}

impl Eval {
    /// Whether the order of series is part of the answer.
    fn is_sorted(&self) -> bool {
        self.question.query.contains("sort")
    }
}
