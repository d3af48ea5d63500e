//! Timings on 300 MB, run by hand: `cargo test --release -p sigyn-read --test read -- --ignored --nocapture speed`.

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, needs a release build"]
async fn speed() {}
