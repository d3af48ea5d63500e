//! Bytes as a part, an object and a footer: `Corrupt`, never a panic or a huge allocation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigyn_segment::{Directory, Footer, check_part};

fuzz_target!(|bytes: &[u8]| {
    let _ = check_part(bytes);
    let _ = Directory::parse(bytes);
    let _ = Footer::parse(bytes, bytes.len() as u64);
});
