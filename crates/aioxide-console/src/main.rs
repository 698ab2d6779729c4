//! `aioxide-console`: see [`aioxide_console`].

use aioxide_console::{commands, convert, top, web};
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match commands::parse(lexopt::Parser::from_env()) {
        Ok(command) => run(command),
        Err(error) => {
            eprintln!("aioxide-console: {error}\ntry 'aioxide-console --help'");
            ExitCode::from(2)
        }
    }
}

fn run(command: commands::Command) -> ExitCode {
    let result = match command {
        commands::Command::Help => Ok(commands::HELP.to_owned()),
        commands::Command::Version => Ok(format!("aioxide-console {}", env!("CARGO_PKG_VERSION"))),
        commands::Command::Convert { from, to } => convert::convert(&from, &to),
        commands::Command::Top { pids, web: None } => top::run(&pids).map(|()| String::new()),
        commands::Command::Top { pids, web: Some(port) } => {
            web::run(&pids, port).map(|()| String::new())
        }
    };
    match result {
        Ok(text) => {
            if !text.is_empty() {
                // Whoever reads has perhaps seen enough.
                let _ = writeln!(io::stdout(), "{}", text.trim_end());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("aioxide-console: {error}");
            ExitCode::FAILURE
        }
    }
}
