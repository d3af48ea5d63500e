//! LogQL text: never panics, and what parses prints as text that parses to the same.
//! Folded literals may be NaN or infinite, for which LogQL has no text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(expr) = sigyn_logql::parse(text) {
        let printed = expr.to_string();
        if !printed.contains("NaN") && !printed.contains("Inf") {
            let again = sigyn_logql::parse(&printed).expect("canonical text parses");
            assert_eq!(again.to_string(), printed, "{text}");
        }
        let _ = sigyn_logql::format::pretty(&expr);
    }
});
