//! The table and the tree of the tasks.

use super::super::app::{App, Tab};
use super::super::rows::Row;
use super::BOLD;
use crate::escape::{shorten_front, visible};
use crate::units::{count, short_duration};
use aioxide_trace::wire::{State, WaitsFor};
use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Style};
use ratatui::widgets::{Cell, Row as TableRow, Table};

/// The columns behind the names, from the one that is kept longest in a narrow terminal.
const COLUMNS: [(&str, u16); 8] = [
    ("STATE", 9),
    ("BUSY", 8),
    ("STEPS", 8),
    ("LONGEST", 8),
    ("IDLE", 8),
    ("SCHED", 8),
    ("CREATED", 18),
    ("AGE", 8),
];

/// Draws the tasks that have room.
pub fn draw(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let several = app.processes.len() > 1;
    // Half of the width is for the name and for what a task waits for.
    let mut left = area.width / 2;
    let columns: Vec<usize> = (0..COLUMNS.len())
        .take_while(|at| {
            let needed = COLUMNS[*at].1 + 1;
            let fits = left >= needed;
            left = left.saturating_sub(needed);
            fits
        })
        .collect();
    let mut head = vec!["TASK"];
    let mut widths = vec![Constraint::Fill(3)];
    if several {
        head.insert(0, "PID");
        widths.insert(0, Constraint::Length(7));
    }
    for at in &columns {
        head.push(COLUMNS[*at].0);
        widths.push(Constraint::Length(COLUMNS[*at].1));
    }
    head.push("WAITS FOR");
    widths.push(Constraint::Fill(3));
    let rows = app.rows();
    let body =
        rows.iter().enumerate().skip(app.scroll).take(area.height.saturating_sub(1).into()).map(
            |(at, row)| {
                let style = if at == app.selected { super::SELECTED } else { Style::new() };
                TableRow::new(cells(row, several, &columns, app.tab == Tab::Tree)).style(style)
            },
        );
    let table = Table::new(body.collect::<Vec<_>>(), widths)
        .header(TableRow::new(head).style(BOLD))
        .column_spacing(1);
    frame.render_widget(table, area);
}

fn cells(row: &Row<'_>, several: bool, columns: &[usize], tree: bool) -> Vec<Cell<'static>> {
    let task = row.task;
    let mut cells = Vec::new();
    if several {
        cells.push(Cell::from(row.pid.to_string()));
    }
    let indent = if tree { "  ".repeat(row.depth) } else { String::new() };
    let name = match (&task.name[..], &task.coroutine[..]) {
        (name, "") => name.to_owned(),
        (name, coroutine) => format!("{name} {coroutine}"),
    };
    cells.push(Cell::from(format!("{indent}{}", visible(&name))));
    for at in columns {
        cells.push(match at {
            0 => Cell::from(task.state.word()).style(state_style(task.state)),
            1 => Cell::from(short_duration(task.busy_ns)),
            2 => Cell::from(count(task.steps)),
            3 => Cell::from(short_duration(task.longest_ns)),
            4 => Cell::from(short_duration(task.idle_ns)),
            5 => Cell::from(short_duration(task.scheduled_ns)),
            6 => {
                let created = visible(file_name(&task.created));
                Cell::from(shorten_front(&created, COLUMNS[*at].1.into()).into_owned())
            }
            _ => Cell::from(short_duration(task.age_ns)),
        });
    }
    let mut waits = task.waits_for.as_ref().map_or_else(String::new, |wait| {
        let text: Vec<String> =
            wait_text(wait).split(' ').map(|word| file_name(word).to_owned()).collect();
        format!("{} {}", short_duration(task.waiting_ns), visible(&text.join(" ")))
    });
    if task.unsent > 0 {
        waits += &format!("  {} unsent", crate::units::bytes(task.unsent));
    }
    cells.push(Cell::from(waits));
    cells
}

/// What is waited for, with its kind named once: "queue get made at app.py:3".
pub fn wait_text(wait: &WaitsFor) -> String {
    let kind = &wait.kind[..];
    let first = kind.split(' ').next().unwrap_or(kind);
    match wait.text.strip_prefix(first) {
        Some(rest) => format!("{kind}{rest}"),
        None if wait.text.is_empty() => kind.to_owned(),
        None => format!("{kind} {}", wait.text),
    }
}

/// The file's name and the line of a place: a column has no room for folders.
pub fn file_name(place: &str) -> &str {
    place.rsplit('/').next().unwrap_or(place)
}

fn state_style(state: State) -> Style {
    Style::new().fg(match state {
        State::Running => Color::Green,
        State::Ready => Color::Yellow,
        State::Waiting => Color::Reset,
        State::Done => Color::DarkGray,
        State::Failed => Color::Red,
        State::Cancelled => Color::Magenta,
    })
}
