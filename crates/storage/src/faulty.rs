//! Wrappers that fail on purpose: from a seed, or on command.
