//! Settings files as people write them: YAML that remembers its lines, the environment, and Loki's own file.
//!
//! [`tree::Node`] is a file with the place of every value; [`expand`] fills in the environment; [`nearest`] finds the key
//! that somebody probably meant; [`print`] writes a tree as YAML; [`mask`] hides secrets in anything that is shown.
//! [`loki`] knows every key of Loki's configuration and turns such a file into a tree of Sigyn's own.
//!
//! What the settings mean, and which exist in Sigyn, is left to the binary and to the crates that read them.

pub mod expand;
pub mod loki;
pub mod mask;
pub mod nearest;
pub mod print;
pub mod tree;

pub use tree::{Member, Node, Place};
