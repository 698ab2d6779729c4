//! Makes a picture of a program in a terminal, for the documentation: see `USAGE`.

use aioxide_console::escape::markup;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use vt100::{Cell, Color, Parser, Screen};

const USAGE: &str = "usage: screenshot OUT.svg COLUMNSxROWS TITLE [TEXT KEYS]... TEXT -- COMMAND [ARG...]

Runs COMMAND in a terminal of this size. Waits until its screen shows TEXT, then types KEYS, and so on;
when the last TEXT is there, writes the screen to OUT.svg under TITLE, and ends the program by typing q twice.
";
const DEADLINE: Duration = Duration::from_secs(30);

/// Pixels of a cell, and of the frame around all.
const WIDTH: f64 = 8.0;
const HEIGHT: f64 = 18.0;
const EDGE: f64 = 14.0;
const TITLE: f64 = 30.0;

const BACK: &str = "#1b1e26";
const FRONT: &str = "#d7dae0";
/// The 16 colours of a terminal.
const COLORS: [&str; 16] = [
    "#3b4048", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0",
    "#828997", "#ff7b86", "#b5e890", "#ffd68a", "#7cc4ff", "#e08cf5", "#6fd3df", "#ffffff",
];

/// The screen, and a signal that something was written to it.
type Shown = Arc<(Mutex<Parser>, Condvar)>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("screenshot: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let split = arguments.iter().position(|each| each == "--").ok_or(USAGE)?;
    let (own, command) = (&arguments[..split], &arguments[split + 1..]);
    let [out, size, title, script @ ..] = own else { return Err(USAGE.to_owned()) };
    let (columns, rows) = size.split_once('x').ok_or(USAGE)?;
    let (columns, rows) = (columns.parse().map_err(|_| USAGE)?, rows.parse().map_err(|_| USAGE)?);
    let [program, rest @ ..] = command else { return Err(USAGE.to_owned()) };

    let text = |error: &dyn std::fmt::Display| error.to_string();
    let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).map_err(|error| text(&error))?;
    let mut builder = CommandBuilder::new(program);
    builder.args(rest);
    builder.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(builder).map_err(|error| text(&error))?;
    drop(pair.slave);
    let mut keys = pair.master.take_writer().map_err(|error| text(&error))?;
    let mut from = pair.master.try_clone_reader().map_err(|error| text(&error))?;
    let shown: Shown = Arc::new((Mutex::new(Parser::new(rows, columns, 0)), Condvar::new()));
    let written = Arc::clone(&shown);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if let Ok(mut parser) = written.0.lock() {
                parser.process(&buffer[..count]);
            }
            written.1.notify_all();
        }
    });
    let result = play(&shown, script, &mut keys).and_then(|picture| {
        let picture = svg(&picture, title);
        std::fs::write(out, picture).map_err(|error| format!("{out}: {error}"))
    });
    if result.is_ok() {
        keys.write_all(b"qq").and_then(|()| keys.flush()).map_err(|error| text(&error))?;
    } else {
        let _ = child.kill();
    }
    child.wait().map_err(|error| text(&error))?;
    result
}

/// Waits for texts and types keys in turn; returns the screen at the end.
fn play(shown: &Shown, script: &[String], keys: &mut dyn Write) -> Result<Screen, String> {
    let mut screen = None;
    for pair in script.chunks(2) {
        screen = Some(wait_for(shown, &pair[0])?);
        if let Some(typed) = pair.get(1) {
            let typed = typed.replace("\\r", "\r");
            keys.write_all(typed.as_bytes())
                .and_then(|()| keys.flush())
                .map_err(|error| error.to_string())?;
        }
    }
    screen.ok_or_else(|| USAGE.to_owned())
}

fn wait_for(shown: &Shown, text: &str) -> Result<Screen, String> {
    let began = Instant::now();
    let mut parser = shown.0.lock().map_err(|error| error.to_string())?;
    loop {
        if parser.screen().contents().contains(text) {
            return Ok(parser.screen().clone());
        }
        let Some(left) = DEADLINE.checked_sub(began.elapsed()) else {
            return Err(format!("no {text:?} in:\n{}", parser.screen().contents()));
        };
        parser = shown.1.wait_timeout(parser, left).map_err(|error| error.to_string())?.0;
    }
}

/// How a cell looks.
#[derive(Clone, PartialEq)]
struct Look {
    front: String,
    back: String,
    bold: bool,
}

fn look(cell: &Cell) -> Look {
    let (mut front, mut back) = (color(cell.fgcolor(), FRONT), color(cell.bgcolor(), BACK));
    if cell.inverse() {
        std::mem::swap(&mut front, &mut back);
    }
    Look { front, back, bold: cell.bold() }
}

fn color(color: Color, usual: &str) -> String {
    match color {
        Color::Default => usual.to_owned(),
        Color::Idx(index) if usize::from(index) < COLORS.len() => {
            COLORS[usize::from(index)].to_owned()
        }
        Color::Idx(index) => palette(index),
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
    }
}

/// The colours from 16 on: a cube of six steps, then greys.
fn palette(index: u8) -> String {
    if index >= 232 {
        let grey = 8 + 10 * (index - 232);
        return format!("#{grey:02x}{grey:02x}{grey:02x}");
    }
    let step = |value: u8| if value == 0 { 0 } else { 55 + 40 * value };
    let cube = index - 16;
    format!("#{:02x}{:02x}{:02x}", step(cube / 36), step(cube / 6 % 6), step(cube % 6))
}

fn svg(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (width, height) =
        (f64::from(columns) * WIDTH + 2.0 * EDGE, f64::from(rows) * HEIGHT + TITLE + EDGE);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"13.3\">\n<title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" rx=\"8\" \
         fill=\"{BACK}\"/>\n<text x=\"{EDGE}\" y=\"20\" fill=\"#828997\">{title}</text>\n",
        title = markup(title),
    );
    for row in 0..rows {
        for (first, look, text) in runs(screen, row, columns) {
            let x = EDGE + f64::from(first) * WIDTH;
            let top = TITLE + f64::from(row) * HEIGHT;
            let count = text.chars().count() as f64;
            if look.back != BACK {
                let wide = count * WIDTH;
                let _ = writeln!(
                    out,
                    "<rect x=\"{x}\" y=\"{top}\" width=\"{wide}\" height=\"{HEIGHT}\" fill=\"{}\"/>",
                    look.back
                );
            }
            let trimmed = text.trim_end();
            if trimmed.trim_start().is_empty() {
                continue;
            }
            let lead = trimmed.chars().take_while(|each| *each == ' ').count();
            let shown = trimmed.trim_start();
            let x = x + lead as f64 * WIDTH;
            let long = shown.chars().count() as f64 * WIDTH;
            let weight = if look.bold { " font-weight=\"bold\"" } else { "" };
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"{}\" textLength=\"{long}\" lengthAdjust=\"spacingAndGlyphs\" \
                 xml:space=\"preserve\" fill=\"{}\"{weight}>{}</text>",
                top + 13.5,
                look.front,
                markup(shown)
            );
        }
    }
    out + "</svg>\n"
}

/// The cells of a row that look alike, from left to right: the first column, the look, the text. A gap of
/// two spaces ends a run, so that columns stay where they are whatever the font.
fn runs(screen: &Screen, row: u16, columns: u16) -> Vec<(u16, Look, String)> {
    let mut found: Vec<(u16, Look, String)> = Vec::new();
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column) else { continue };
        let look = look(cell);
        let text = match cell.contents() {
            "" => " ",
            text => text,
        };
        match found.last_mut() {
            Some((_, last, so_far))
                if *last == look
                    && (text == " " || !so_far.ends_with("  ") || so_far.trim().is_empty()) =>
            {
                so_far.push_str(text);
            }
            _ => found.push((column, look, text.to_owned())),
        }
    }
    found
}
