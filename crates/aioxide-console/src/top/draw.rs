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
    let mut processes: Vec<_> = app.processes.iter().collect();
    // Those that have ended give way to those that have not.
    processes.sort_by_key(|(_, process)| process.gone.is_some());
    for (pid, process) in processes.into_iter().take(MOST_PROCESSES) {
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
            format!("and {} more", counted(app.processes.len() - MOST_PROCESSES, "process")),
            DIM,
        ));
    }
    lines.truncate(12);
    lines
}

fn process_line(pid: u32, process: &Process) -> Line<'static> {
    let name = match &process.now.greeting {
        Some(greeting) => {
            let mut words = greeting.argv.iter();
            // Of `/home/me/app/.venv/bin/aioxide server.py` the last words tell most.
            let program = words.next().map(|first| tasks::file_name(first));
            let words: Vec<&str> = program.into_iter().chain(words.map(String::as_str)).collect();
            visible(&words.join(" ")).into_owned()
        }
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
    let tasks = counted(process.now.tasks.total as usize, "task");
    spans.push(Span::raw(format!("  {tasks}  {ready} ready")));
    if let Some(rate) = rate {
        spans.push(Span::raw(format!("  {}/s iterations", count(rate as u64))));
    }
    if !process.now.findings.is_empty() {
        let text = format!("  {}", counted(process.now.findings.len(), "finding"));
        spans.push(Span::styled(text, Style::new().fg(Color::Yellow)));
    }
    Line::from(spans)
}

/// A number of things, as `1 task` and `2 tasks`.
fn counted(number: usize, thing: &str) -> String {
    let ending = match (number, thing.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {thing}{ending}", count(number as u64))
}

/// `text` in lines of at most `width` characters, broken at spaces where that is possible. Those after
/// the first are indented, the first one is as `text` is.
fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    let words = text.trim_start_matches(' ');
    let mut lines: Vec<String> = Vec::new();
    // What stands before the first word of the line, and whether one follows.
    let mut begin = text.len() - words.len();
    let (mut line, mut length, mut is_empty) = (" ".repeat(begin), begin, true);
    let mut next = |line: &mut String| lines.push(std::mem::replace(line, " ".repeat(indent)));
    for word in words.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        if !is_empty && length + 1 + word.len() > width {
            next(&mut line);
            (begin, length, is_empty) = (indent, indent, true);
        } else if !is_empty {
            line.push(' ');
            length += 1;
        }
        while is_empty && length + word.len() > width && width > begin.max(indent) {
            let rest = word.split_off(width - length);
            line.extend(word);
            next(&mut line);
            (word, begin, length) = (rest, indent, indent);
        }
        length += word.len();
        line.extend(word);
        is_empty = false;
    }
    lines.push(line);
    lines
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

/// Draws lines from one of them on, below a head.
fn scrolled(
    frame: &mut Frame<'_>,
    area: Rect,
    head: Line<'static>,
    lines: Vec<Line<'static>>,
    from: usize,
) {
    let [top, body] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    frame.render_widget(Paragraph::new(head.style(BOLD)), top);
    let shown: Vec<Line<'static>> =
        lines.into_iter().skip(from).take(body.height as usize).collect();
    frame.render_widget(Paragraph::new(Text::from(shown)), body);
}

/// Draws entries of several lines: from the selected one on, or from an earlier one if all behind that
/// have room.
fn entries(
    frame: &mut Frame<'_>,
    app: &App,
    area: Rect,
    head: Line<'static>,
    entries: Vec<Vec<Line<'static>>>,
) {
    let before = entries.iter().take(app.selected).map(Vec::len).sum::<usize>();
    let lines: Vec<Line<'static>> = entries.into_iter().flatten().collect();
    let room = usize::from(area.height.saturating_sub(1));
    let from = before.min(lines.len().saturating_sub(room));
    scrolled(frame, area, head, lines, from);
}

#[cfg(test)]
mod tests {
    use super::{counted, wrapped};

    #[test]
    fn one_thing_is_no_more_than_one() {
        assert_eq!(["task", "process"].map(|it| counted(1, it)), ["1 task", "1 process"]);
        assert_eq!(
            ["task", "process"].map(|it| counted(1234, it)),
            ["1,234 tasks", "1,234 processes"]
        );
    }

    #[test]
    fn a_text_is_broken_at_spaces_and_within_a_word_that_is_too_long() {
        assert_eq!(wrapped("to be or not to be", 9, 2), ["to be or", "  not to", "  be"]);
        assert_eq!(wrapped("abcdefgh", 3, 1), ["abc", " de", " fg", " h"]);
        assert_eq!(wrapped("a bcdefgh", 4, 0), ["a", "bcde", "fgh"]);
        assert_eq!(wrapped("", 5, 1), [""]);
        assert_eq!(wrapped("ab cd", 0, 0), ["ab", "cd"]);
        assert_eq!(wrapped("ab", 2, 4), ["ab"]);
        assert_eq!(wrapped("  ab cd", 5, 1), ["  ab", " cd"]);
    }
}
