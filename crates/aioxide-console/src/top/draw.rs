//! Drawing the state. Every text of a watched program goes through [`visible`] first.

mod dialogs;
mod panels;
mod tasks;

use super::app::{App, Dialog, Process, SORTS, Tab};
use crate::escape::{shorten, visible};
use crate::units::count;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::Paragraph;

/// The smallest terminal that shows something of use.
const LEAST_WIDTH: u16 = 40;
const LEAST_HEIGHT: u16 = 8;
/// So many processes have a line of their own at the top.
const MOST_PROCESSES: usize = 4;

const DIM: Style = Style::new().fg(Color::DarkGray);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const ALARM: Style = Style::new().fg(Color::White).bg(Color::Red);
const SELECTED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws `app`, and tells it how many rows there is room for.
pub fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let area = frame.area();
    if area.width < LEAST_WIDTH || area.height < LEAST_HEIGHT {
        let text = format!("terminal too small: {LEAST_WIDTH} x {LEAST_HEIGHT} at least; q ends");
        frame.render_widget(Paragraph::new(text).wrap(ratatui::widgets::Wrap { trim: true }), area);
        return;
    }
    let heads = header(app);
    let rows = [
        Constraint::Length(heads.len() as u16),
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
    ];
    let [top, tabs, body, foot] = Layout::vertical(rows).areas(area);
    frame.render_widget(Paragraph::new(heads), top);
    frame.render_widget(Paragraph::new(tab_line(app)), tabs);
    app.room = body.height.saturating_sub(1) as usize;
    app.keep_in_range();
    match app.tab {
        Tab::Tasks | Tab::Tree => tasks::draw(frame, app, body),
        Tab::Loops => panels::loops(frame, app, body),
        Tab::Objects => panels::objects(frame, app, body),
        Tab::Findings => panels::findings(frame, app, body),
    }
    frame.render_widget(Paragraph::new(foot_line(app)), foot);
    dialogs::draw(frame, app, area);
}

/// A line for each process, and one for each loop of theirs that is blocked.
fn header(app: &App) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if app.processes.is_empty() {
        lines.push(Line::styled(
            "no process has a console: start one with 'aioxide --console app.py'",
            DIM,
        ));
    }
    for (pid, process) in app.processes.iter().take(MOST_PROCESSES) {
        lines.push(process_line(*pid, process));
        for each in &process.now.loops {
            if let Some(by) = each.blocked_by.as_ref().filter(|_| process.gone.is_none()) {
                lines.push(Line::styled(
                    format!("  loop {} is blocked: {}", each.id, visible(by)),
                    ALARM,
                ));
            }
        }
    }
    if app.processes.len() > MOST_PROCESSES {
        lines.push(Line::styled(
            format!("and {} processes more", app.processes.len() - MOST_PROCESSES),
            DIM,
        ));
    }
    lines.truncate(12);
    lines
}

fn process_line(pid: u32, process: &Process) -> Line<'static> {
    let name = match &process.now.greeting {
        Some(greeting) => visible(&greeting.argv.join(" ")).into_owned(),
        None => String::new(),
    };
    let mut spans =
        vec![Span::styled(format!("{pid} "), BOLD), Span::raw(shorten(&name, 40).into_owned())];
    if let Some(why) = &process.gone {
        spans.push(Span::styled(format!("  {}", visible(why)), ALARM));
        return Line::from(spans);
    }
    if let Some(greeting) = &process.now.greeting {
        spans.push(Span::styled(format!("  Python {}", visible(&greeting.python)), DIM));
    }
    let rate: Option<f64> =
        process.now.loops.iter().map(|each| process.per_second(each.id, |it| it.iterations)).sum();
    let ready: u64 = process.now.loops.iter().map(|each| each.ready).sum();
    spans.push(Span::raw(format!("  {} tasks  {ready} ready", count(process.now.tasks.total))));
    if let Some(rate) = rate {
        spans.push(Span::raw(format!("  {}/s iterations", count(rate as u64))));
    }
    if !process.now.findings.is_empty() {
        let text = format!("  {} findings", process.now.findings.len());
        spans.push(Span::styled(text, Style::new().fg(Color::Yellow)));
    }
    Line::from(spans)
}

fn tab_line(app: &App) -> Line<'static> {
    let mut spans = Vec::new();
    for (number, (tab, name)) in Tab::ALL.into_iter().enumerate() {
        let style = if tab == app.tab { SELECTED } else { Style::new() };
        spans.push(Span::styled(format!(" {} {name} ", number + 1), style));
    }
    if app.tab == Tab::Tasks {
        let way = if app.ascending { "▲" } else { "▼" };
        spans.push(Span::styled(format!("  sorted by {} {way}", SORTS[app.sort].1), DIM));
    }
    if !app.filter.is_empty() {
        spans.push(Span::styled(
            format!("  filter: {}", visible(&app.filter)),
            Style::new().fg(Color::Yellow),
        ));
    }
    Line::from(spans)
}

fn foot_line(app: &App) -> Line<'static> {
    match &app.dialog {
        Dialog::Input { filter, text } => {
            let name = if *filter { "filter" } else { "search" };
            Line::from(vec![
                Span::styled(format!("{name}: "), BOLD),
                Span::raw(format!("{}▏", visible(text))),
            ])
        }
        _ if !app.message.is_empty() => {
            Line::styled(visible(&app.message).into_owned(), Style::new().fg(Color::Yellow))
        }
        _ => Line::styled(
            "? keys  s sort  r reverse  f filter  / search  t tree  Enter stack  c cancel  q end",
            DIM,
        ),
    }
}

/// Lines of which those from `scroll` on are shown, with the selected one marked.
fn scrolled(
    frame: &mut Frame<'_>,
    app: &App,
    area: Rect,
    head: Line<'static>,
    lines: Vec<Line<'static>>,
) {
    let [top, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    frame.render_widget(Paragraph::new(head.style(BOLD)), top);
    let shown: Vec<Line<'static>> = lines
        .into_iter()
        .enumerate()
        .skip(app.scroll)
        .take(body.height as usize)
        .map(|(at, line)| if at == app.selected { line.patch_style(SELECTED) } else { line })
        .collect();
    frame.render_widget(Paragraph::new(Text::from(shown)), body);
}
