//! A load generator for echo servers; `loadgen --help` tells how to use it.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use aioxide_bench_native::load;
use aioxide_bench_native::options::{HELP, Mode, Options};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args_os().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("loadgen: {error}");
            return ExitCode::from(2);
        }
    };
    match generate(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loadgen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn generate(options: &Options) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    if options.mode != Mode::Hold {
        return writeln!(stdout, "{}", load::run(options)?);
    }
    let held = load::hold(options)?;
    writeln!(stdout, "{{\"held\": {}}}", held.len())?;
    stdout.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
