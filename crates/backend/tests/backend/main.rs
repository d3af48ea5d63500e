//! Background work seen from outside: whatever happens, every published entry is there once.

mod collection;
mod compaction;
mod faults;
mod fencing;
mod retention;
mod support;
