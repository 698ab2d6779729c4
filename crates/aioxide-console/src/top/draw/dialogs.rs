//! What lies over the view.

use super::super::app::{App, Dialog};
use super::{BOLD, DIM};
use crate::escape::visible;
use crate::units::{count, duration};
use aioxide_trace::wire::StackAnswer;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

const KEYS: [(&str, &str); 14] = [
    ("1 … 5, Tab", "tasks, tree, loops, locks queues and transports, findings"),
    ("↑ ↓ j k", "another row; PageUp, PageDown, Home, End"),
    ("Enter", "the task's times and await stack"),
    ("s, S", "sort by the next, the previous column"),
    ("r", "the other way round"),
    ("f", "show only what has a text in it; all again with an empty one"),
    ("/, n", "search, search again"),
    ("t", "tree"),
    ("c", "cancel the task, after asking"),
    ("?", "this"),
    ("q, Esc", "end"),
    ("", ""),
    ("BUSY, IDLE", "time in steps, time waiting"),
    ("SCHED", "time ready, while something else ran"),
];

/// Draws the dialog, if there is one that lies over the view.
pub fn draw(frame: &mut Frame<'_>, app: &App, area: Rect) {
    match &app.dialog {
        Dialog::None | Dialog::Input { .. } => {}
        Dialog::Help => {
            let lines =
                KEYS.iter().map(|(key, what)| Line::from(format!("{key:<12}{what}"))).collect();
            popup(frame, area, "keys", lines);
        }
        Dialog::Cancel { pid, name, .. } => {
            let question = format!("Cancel {} of process {pid}?", visible(name));
            popup(
                frame,
                area,
                "cancel",
                vec![Line::styled(question, BOLD), Line::from("y: cancel   any other key: no")],
            );
        }
        Dialog::Task { pid, task, stack } => {
            popup(frame, area, "task", task_lines(app, *pid, *task, stack.as_ref()));
        }
    }
}

fn task_lines(
    app: &App,
    pid: u32,
    id: u64,
    stack: Option<&Result<StackAnswer, String>>,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let process = app.processes.get(&pid);
    let task = process.and_then(|process| {
        process.now.tasks.tasks.iter().chain(&process.now.tree).find(|task| task.id == id)
    });
    if let Some(task) = task {
        lines.push(Line::styled(
            format!("{} {}", visible(&task.name), visible(&task.coroutine)),
            BOLD,
        ));
        lines.push(Line::from(format!(
            "created at {} by {}",
            visible(&task.created),
            parent(app, pid, task.parent)
        )));
        lines.push(Line::from(format!(
            "{} steps, busy {}, longest {}, ready {}, idle {}, age {}",
            count(task.steps),
            duration(task.busy_ns),
            duration(task.longest_ns),
            duration(task.scheduled_ns),
            duration(task.idle_ns),
            duration(task.age_ns)
        )));
        let waits = task
            .waits_for
            .as_ref()
            .map(|wait| format!(" for {}", visible(&super::tasks::wait_text(wait))));
        lines.push(Line::from(format!("{}{}", task.state.word(), waits.unwrap_or_default())));
    } else {
        lines.push(Line::from(format!("task {id}")));
    }
    lines.push(Line::default());
    match stack {
        None => lines.push(Line::styled("reading the await stack …", DIM)),
        Some(Err(why)) => lines.push(Line::from(visible(why).into_owned())),
        Some(Ok(answer)) => {
            if let Some(why) = &answer.unavailable {
                lines.push(Line::from(visible(why).into_owned()));
            }
            if answer.frames.is_empty() && answer.unavailable.is_none() {
                lines.push(Line::styled("no frames", DIM));
            }
            for frame in &answer.frames {
                let place = format!("{}:{}", frame.file, frame.line);
                lines.push(Line::from(format!(
                    "{}  {}",
                    visible(&frame.function),
                    visible(&place)
                )));
            }
        }
    }
    lines
}

fn parent(app: &App, pid: u32, id: u64) -> String {
    if id == 0 {
        return "no task".to_owned();
    }
    let tasks = app
        .processes
        .get(&pid)
        .map(|process| process.now.tasks.tasks.iter().chain(&process.now.tree));
    let name = tasks
        .and_then(|mut tasks| tasks.find(|task| task.id == id))
        .map(|task| visible(&task.name).into_owned());
    name.unwrap_or_else(|| format!("task {id}"))
}

fn popup(frame: &mut Frame<'_>, area: Rect, title: &'static str, lines: Vec<Line<'static>>) {
    let width = area.width.saturating_sub(4).min(90);
    let inner = width.saturating_sub(4).max(1) as usize;
    let needed: usize = lines.iter().map(|line| line.width().div_ceil(inner).max(1)).sum();
    let height = (needed as u16).saturating_add(2).min(area.height.saturating_sub(2));
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, place);
    let block = Block::bordered().title(title).padding(ratatui::widgets::Padding::horizontal(1));
    frame.render_widget(Paragraph::new(lines).block(block).wrap(Wrap { trim: false }), place);
}
