//! The lines of a block, decoded no further than asked.

/// Lines.
#[derive(Debug)]
pub struct TemplateLines;
