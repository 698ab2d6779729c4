//! One sample of one row on one runtime: prints a number of nanoseconds or bytes for one operation.
//!
//!     aioxide-bench-runtimes ROW RUNTIME
//!     aioxide-bench-runtimes echo RUNTIME     an echo server; prints where it listens
//!
//! `benches/rust_runtimes.py` takes the samples.

mod echo;
mod measuring;
mod on_aioxide;
mod on_smol;
mod on_tokio;

use std::process::ExitCode;

use measuring::Row;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [row, runtime] = &arguments[..] else {
        eprintln!("usage: aioxide-bench-runtimes ROW RUNTIME");
        return ExitCode::from(2);
    };
    if row == "echo" {
        return echo::serve(runtime);
    }
    let Some(row) = Row::named(row) else {
        eprintln!("{row:?} is none of the rows: {}, echo", Row::names());
        return ExitCode::from(2);
    };
    let value = match runtime.as_str() {
        "aioxide" => on_aioxide::measure(row),
        "tokio" => on_tokio::measure(row),
        "smol" => on_smol::measure(row),
        _ => {
            eprintln!("{runtime:?} is none of the runtimes: aioxide, tokio, smol");
            return ExitCode::from(2);
        }
    };
    println!("{value:.3}");
    ExitCode::SUCCESS
}
