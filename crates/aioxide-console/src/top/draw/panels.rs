//! The loops, the locks, queues and transports, and the findings.

use super::super::app::{App, Process};
use super::tasks::file_name;
use super::{ALARM, DIM, SELECTED, entries, scrolled, wrapped};
use crate::escape::{shorten_front, visible};
use crate::units::{bytes, count, duration};
use aioxide_trace::wire::{LoopInfo, ObjectInfo, TaskInfo};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

/// The heights of a bar of the histogram.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws the loops, each in several lines.
pub fn loops(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let mut loops = Vec::new();
    for (pid, process) in &app.processes {
        loops.extend(process.now.loops.iter().map(|each| loop_lines(*pid, process, each)));
    }
    entries(frame, app, area, Line::from("LOOPS"), loops);
}

fn loop_lines(pid: u32, process: &Process, each: &LoopInfo) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let rate = |counter: fn(&LoopInfo) -> u64| process.per_second(each.id, counter);
    let per_second = |counter, unit: fn(u64) -> String| {
        rate(counter).map_or_else(|| "-".to_owned(), |value| format!("{}/s", unit(value as u64)))
    };
    let state = if each.running { "running" } else { "not running" };
    lines.push(Line::from(vec![
        Span::styled(format!("{pid} loop {}", each.id), super::BOLD),
        Span::styled(format!("  {state}, thread {}", each.thread), DIM),
    ]));
    if let Some(by) = &each.blocked_by {
        lines.push(Line::styled(format!("  blocked: {}", visible(by)), ALARM));
    }
    let now = each.now.as_ref().map_or_else(
        || "polls".to_owned(),
        |now| {
            format!(
                "{} {} for {}",
                visible(&now.name),
                visible(&now.location),
                duration(now.since_ns)
            )
        },
    );
    lines.push(Line::from(format!("  now         {now}")));
    lines.push(Line::from(format!(
        "  iterations  {} ({})   ready {}   timers {}",
        count(each.iterations),
        per_second(|it| it.iterations, count),
        count(each.ready),
        count(each.timers)
    )));
    lines.push(Line::from(format!(
        "  transports  {}   received {} ({})   sent {} ({})   unsent {}",
        count(each.transports),
        bytes(each.bytes_in),
        per_second(|it| it.bytes_in, bytes),
        bytes(each.bytes_out),
        per_second(|it| it.bytes_out, bytes),
        bytes(each.unsent)
    )));
    lines.push(Line::from(format!(
        "  threads     {} busy, {} idle   longest step {} {}",
        each.threads_busy,
        each.threads_idle,
        duration(each.longest_ns),
        visible(&longest_item(each))
    )));
    lines.push(Line::from(format!("  delay       {}", histogram(&each.delays))));
    lines.push(Line::default());
    lines
}

/// Which step or callback was the longest: `fetch 3 (fetch, app.py:12)`.
fn longest_item(of: &LoopInfo) -> String {
    if of.longest_name.is_empty() && of.longest_task != 0 {
        return "of a task that has ended".to_owned();
    }
    let facts = [&*of.longest_coroutine, file_name(&of.longest_location)];
    let facts = facts.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(", ");
    let facts = if facts.is_empty() { facts } else { format!(" ({facts})") };
    format!("{}{facts}", of.longest_name)
}

/// How long ready items waited for their turn, as bars, with the median and the 99th percentile.
fn histogram(delays: &[u64]) -> String {
    let delays = &delays[..delays.len().min(64)];
    let total: u64 = delays.iter().fold(0, |sum, each| sum.saturating_add(*each));
    if total == 0 {
        return "none recorded".to_owned();
    }
    let percentile = |part: f64| {
        let wanted = (total as f64 * part).ceil() as u64;
        let mut seen = 0_u64;
        let bucket = delays.iter().position(|each| {
            seen = seen.saturating_add(*each);
            seen >= wanted
        });
        duration(2_u64.saturating_pow(bucket.unwrap_or(0) as u32 + 1))
    };
    let first = delays.iter().position(|each| *each > 0).unwrap_or(0);
    let last = delays.iter().rposition(|each| *each > 0).unwrap_or(0);
    let most = delays.iter().copied().max().unwrap_or(1).max(1);
    let bars: String = delays[first..=last]
        .iter()
        .map(|each| {
            let tall = (*each as f64 / most as f64 * 8.0).ceil() as usize;
            BARS[tall.min(8)]
        })
        .collect();
    format!(
        "{} {bars} {}   half below {}, 99 % below {}",
        duration(2_u64.saturating_pow(first as u32)),
        duration(2_u64.saturating_pow(last as u32 + 1)),
        percentile(0.5),
        percentile(0.99)
    )
}

fn task_name(tasks: &[TaskInfo], id: u64) -> String {
    if id == 0 {
        return String::new();
    }
    tasks
        .iter()
        .find(|task| task.id == id)
        .map_or_else(|| format!("task {id}"), |task| task.name.clone())
}

/// Who has an object, as far as its process told.
fn owner_of(object: &ObjectInfo, tasks: &[TaskInfo]) -> String {
    let named = object.held_by.join(", ");
    match (&named[..], &task_name(tasks, object.owner)[..]) {
        ("", "") => "-".to_owned(),
        ("", owner) => owner.to_owned(),
        _ => match object.held.saturating_sub(object.held_by.len() as u64) {
            0 => named,
            more => format!("{named} +{more}"),
        },
    }
}

/// Draws the locks, semaphores, queues and transports.
pub fn objects(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let mut lines = Vec::new();
    for (pid, process) in &app.processes {
        let tasks = &process.now.tasks.tasks;
        for each in &process.now.objects {
            let owner = owner_of(each, tasks);
            let length = match &each.kind[..] {
                "transport" => bytes(each.length),
                _ => each.length.to_string(),
            };
            let names: Vec<&str> = each.waiter_names.iter().take(3).map(|it| &**it).collect();
            let more = if each.waiters.len() > 3 { ", …" } else { "" };
            lines.push(Line::from(format!(
                "{pid:<8}{:<11}{:<7}{:<22.22} {:<20.20} {:<18.18} {:>9}  {} {}{more}",
                visible(&each.kind),
                each.id,
                visible(&each.name),
                shorten_front(&visible(file_name(&each.created)), 20),
                visible(&owner),
                length,
                each.waiters.len(),
                visible(&names.join(", "))
            )));
        }
    }
    let head = format!(
        "{:<8}{:<11}{:<7}{:<22} {:<20} {:<18} {:>9}  WAITERS",
        "PID", "KIND", "ID", "NAME", "CREATED", "OWNER", "LENGTH"
    );
    if let Some(selected) = lines.get_mut(app.selected) {
        *selected = std::mem::take(selected).patch_style(SELECTED);
    }
    scrolled(frame, area, Line::from(head), lines, app.scroll);
}

/// Draws what lints found: the sentence, and below it what to do.
pub fn findings(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let (mut findings, width) = (Vec::new(), usize::from(area.width));
    for (pid, process) in &app.processes {
        for each in &process.now.findings {
            let lint = Span::styled(
                format!("{pid} {}: ", visible(&each.lint)),
                Style::new().fg(Color::Yellow),
            );
            let sentence = format!("{}{}", lint.content, visible(&each.sentence));
            let mut sentence = wrapped(&sentence, width, 4).into_iter();
            let mut lines = Vec::new();
            let first = sentence.next().unwrap_or_default();
            let rest = first.strip_prefix(&*lint.content).unwrap_or_default().to_owned();
            lines.push(Line::from(vec![lint, Span::raw(rest)]));
            lines.extend(sentence.map(Line::from));
            let mut facts = Vec::new();
            if !each.place.is_empty() {
                facts.push(format!("at {}", visible(&each.place)));
            }
            if !each.created.is_empty() {
                facts.push(format!("created at {}", visible(&each.created)));
            }
            if each.elapsed_ns > 0 {
                facts.push(format!("lasted {}", duration(each.elapsed_ns)));
            }
            if !each.victims.is_empty() {
                facts.push(format!("held up {}", visible(&each.victims.join(", "))));
            }
            if !facts.is_empty() {
                let facts = wrapped(&format!("    {}", facts.join(", ")), width, 4);
                lines.extend(facts.into_iter().map(|line| Line::styled(line, DIM)));
            }
            let fix = wrapped(&format!("    {}", visible(&each.fix)), width, 4);
            lines.extend(fix.into_iter().map(Line::from));
            findings.push(lines);
        }
    }
    if findings.is_empty() {
        let text = "Nothing was found. Faults are looked for while the watchdog is on: aioxide --watch \
                    --console app.py";
        let lines = wrapped(text, width, 0);
        findings.push(lines.into_iter().map(|line| Line::styled(line, DIM)).collect());
    }
    entries(frame, app, area, Line::from("FINDINGS"), findings);
}

#[cfg(test)]
mod tests {
    use super::histogram;

    #[test]
    fn a_histogram_has_its_ends_and_percentiles() {
        let mut delays = vec![0; 64];
        (delays[10], delays[11], delays[14]) = (80, 19, 1);
        assert_eq!(
            histogram(&delays),
            "1.02 µs █▂  ▁ 32.8 µs   half below 2.05 µs, 99 % below 4.10 µs"
        );
        assert_eq!(histogram(&[]), "none recorded");
        assert!(histogram(&[u64::MAX; 64]).contains('█'));
        assert!(histogram(&vec![1; 5_000]).contains('█'));
    }
}
