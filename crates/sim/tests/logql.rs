//! Runs the `.test` files of `testdata/logql` in process, one case a file and encoding. `UPDATE=1` rewrites what they expect.

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use sigyn_sim::logql_test::{Local, Script, files};
use sigyn_write::Codec;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/logql");
    let paths = match files(&directory) {
        Ok(paths) => paths,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let trials = paths.iter().flat_map(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        [("", Codec::L0), (" as templates", Codec::Templates)].map(|(encoding, codec)| {
            let path = path.clone();
            Trial::test(format!("{name}{encoding}"), move || run(&path, codec))
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn run(path: &Path, codec: Codec) -> Result<(), Failed> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = std::fs::read_to_string(path)?;
    let script = Script::parse(&format!("testdata/logql/{name}"), &text)?;
    let report = script.run(&Local::new(codec)?)?;
    if codec == Codec::L0 && std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        if report.updated != text {
            std::fs::write(path, report.updated)?;
        }
        return Ok(());
    }
    match report.failures.len() {
        0 => Ok(()),
        count => {
            Err(format!("{}\n{count} of {} evaluations differ", report.failures.join("\n"), report.evaluations).into())
        }
    }
}
