//! The format as its users see it: what is written comes back, what is damaged is found, released bytes stay readable.

mod damage;
mod encodings;
mod golden;
mod merge;
mod round_trip;
mod speed;
mod support;
