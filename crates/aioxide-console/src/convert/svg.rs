//! A still picture for a document.

use super::notes;
use crate::escape::{markup, shorten};
use crate::lanes::Layout;
use crate::palette::Paint;
use crate::timeline::{Other, SpanState, Timeline};
use crate::units::duration;
use std::io::{self, Write};

/// The picture's width, and that of the column of names, in pixels.
const WIDTH: usize = 1200;
const LABELS: usize = 230;
const PLOT: usize = WIDTH - LABELS - 10;
/// The height of a lane, and of what is drawn in it.
const LANE: usize = 11;
const BAR: usize = 9;
/// So many lanes are drawn at most; a group that has more than its share tells how many are left out.
const MOST_LANES: usize = 160;
/// Arrows are drawn if there are no more wake-ups than these.
const MOST_ARROWS: usize = 400;

/// Writes `timeline`.
pub fn write(timeline: &Timeline, out: &mut impl Write) -> io::Result<()> {
    let layout = Layout::of(timeline);
    let picture = Picture::new(timeline, &layout);
    let foot = picture.bottom + 64 + 14 * notes(timeline).len();
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{foot}\" \
         viewBox=\"0 0 {WIDTH} {foot}\" font-family=\"system-ui, sans-serif\" font-size=\"10\">"
    )?;
    writeln!(out, "<rect width=\"{WIDTH}\" height=\"{foot}\" fill=\"#ffffff\"/>")?;
    let title = shorten(&timeline.meta.argv.join(" "), 120).into_owned();
    writeln!(
        out,
        "<text x=\"8\" y=\"18\" font-size=\"13\" font-weight=\"600\">{}</text>\
         <text x=\"{}\" y=\"18\" text-anchor=\"end\" fill=\"#495057\">{} tasks, {} events, {}</text>",
        markup(&title),
        WIDTH - 10,
        timeline.tasks.len(),
        timeline.events,
        duration(timeline.end)
    )?;
    picture.axis(out)?;
    picture.groups(out)?;
    picture.lanes(out)?;
    picture.arrows(out)?;
    picture.cancels(out)?;
    picture.legend(out)?;
    for (index, note) in notes(timeline).iter().enumerate() {
        let y = picture.bottom + 64 + 14 * index;
        writeln!(out, "<text x=\"8\" y=\"{y}\" fill=\"#c92a2a\">{}</text>", markup(note))?;
    }
    writeln!(out, "</svg>")
}

struct Picture<'a> {
    timeline: &'a Timeline,
    layout: &'a Layout,
    /// The top of each lane; none for those that are left out.
    tops: Vec<Option<usize>>,
    /// The heading of each group.
    headings: Vec<(usize, String)>,
    /// Where the lanes end.
    bottom: usize,
}

impl<'a> Picture<'a> {
    fn new(timeline: &'a Timeline, layout: &'a Layout) -> Self {
        let share = (MOST_LANES / layout.groups.len().max(1)).max(1);
        let spare = layout
            .groups
            .iter()
            .map(|group| share.saturating_sub(group.lanes as usize))
            .sum::<usize>();
        let wanting = layout.groups.iter().filter(|group| group.lanes as usize > share).count();
        let share = share + spare.checked_div(wanting).unwrap_or(0);
        let mut picture = Picture {
            timeline,
            layout,
            tops: vec![None; layout.lanes as usize],
            headings: Vec::new(),
            bottom: 44,
        };
        // Each group has a heading; many groups are cut as many lanes are.
        for group in layout.groups.iter().take(MOST_LANES) {
            let name = match timeline.names.function(group.coroutine) {
                "" => "unknown coroutine",
                name => name,
            };
            let lanes = group.lanes as usize;
            let shown = lanes.min(share);
            let mut heading = format!("{name} ({})", group.tasks);
            if shown < lanes {
                heading += &format!(", {shown} of {lanes} lanes");
            }
            picture.headings.push((picture.bottom, heading));
            picture.bottom += 13;
            for lane in 0..shown {
                picture.tops[group.first_lane as usize + lane] = Some(picture.bottom);
                picture.bottom += LANE;
            }
            picture.bottom += 4;
        }
        picture
    }

    fn x(&self, at: u64) -> f64 {
        LABELS as f64 + at as f64 / self.timeline.end.max(1) as f64 * PLOT as f64
    }

    fn axis(&self, out: &mut impl Write) -> io::Result<()> {
        for step in 0..=6 {
            let at = (u128::from(self.timeline.end) * step / 6) as u64;
            let x = self.x(at);
            let anchor = if step == 6 { "end" } else { "middle" };
            writeln!(
                out,
                "<line x1=\"{x:.1}\" y1=\"36\" x2=\"{x:.1}\" y2=\"{}\" stroke=\"#dee2e6\"/>\
                 <text x=\"{x:.1}\" y=\"32\" text-anchor=\"{anchor}\" fill=\"#495057\">{}</text>",
                self.bottom,
                duration(at)
            )?;
        }
        Ok(())
    }

    fn groups(&self, out: &mut impl Write) -> io::Result<()> {
        for ((y, heading), group) in self.headings.iter().zip(&self.layout.groups) {
            let x = 8 + 10 * group.depth as usize;
            let text = markup(&shorten(heading, 44 - 2 * (group.depth as usize).min(12)));
            writeln!(out, "<text x=\"{x}\" y=\"{}\" font-weight=\"600\">{text}</text>", y + 10)?;
        }
        Ok(())
    }

    fn lanes(&self, out: &mut impl Write) -> io::Result<()> {
        let mut tasks: Vec<Vec<u32>> = vec![Vec::new(); self.tops.len()];
        for (task, lane) in self.layout.lane_of.iter().enumerate() {
            tasks[*lane as usize].push(task as u32);
        }
        for (lane, top) in self.tops.iter().enumerate() {
            let Some(top) = top else { continue };
            let names = match &tasks[lane][..] {
                [task] => self.timeline.task_name(&self.timeline.tasks[*task as usize]),
                several => format!("{} tasks", several.len()),
            };
            let names = markup(&shorten(&names, 32));
            writeln!(
                out,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" font-size=\"8\" fill=\"#495057\">{names}</text>",
                LABELS - 6,
                top + 8
            )?;
            let mut columns = vec![[0.0_f32; Paint::ALL.len()]; PLOT];
            let mut ends = Vec::new();
            for task in &tasks[lane] {
                self.paint(*task, &mut columns, &mut ends);
            }
            self.bars(out, *top, &columns)?;
            for (at, paint) in ends {
                let x = self.x(at);
                writeln!(
                    out,
                    "<line x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{}\" stroke=\"{}\" stroke-width=\"2\"/>",
                    top + BAR,
                    paint.color()
                )?;
            }
        }
        Ok(())
    }

    /// Adds to each column of pixels how long the task did what in it.
    fn paint(&self, task: u32, columns: &mut [[f32; 12]], ends: &mut Vec<(u64, Paint)>) {
        let per_column = self.timeline.end.max(1) as f64 / PLOT as f64;
        for (span, end) in self.timeline.extents_of(&self.timeline.tasks[task as usize]) {
            let paint = Paint::of(span.state, span.wait);
            if span.state.is_end() {
                if span.state != SpanState::Done {
                    ends.push((span.start, paint));
                }
                continue;
            }
            let (from, to) = (span.start as f64 / per_column, end as f64 / per_column);
            let mut column = from as usize;
            while column < columns.len() && (column as f64) < to.max(from + f64::EPSILON) {
                let share = to.min(column as f64 + 1.0) - from.max(column as f64);
                columns[column][paint as usize] += share as f32;
                column += 1;
            }
        }
    }

    /// Draws columns: for what the lane waited most, and over it, as tall as its share, how much of the time
    /// it was ready and running. A short step between long waits is what a reader looks for: it is never
    /// lower than four pixels.
    fn bars(&self, out: &mut impl Write, top: usize, columns: &[[f32; 12]]) -> io::Result<()> {
        let waits = [
            Paint::Time,
            Paint::Lock,
            Paint::Queue,
            Paint::Network,
            Paint::Outside,
            Paint::Task,
            Paint::Unknown,
        ];
        let wait = |times: &[f32; 12]| {
            let most = waits
                .into_iter()
                .max_by(|a, b| times[*a as usize].total_cmp(&times[*b as usize]))?;
            (times[most as usize] > 0.0).then_some((most, BAR))
        };
        let share = |paint: Paint| {
            move |times: &[f32; 12]| {
                let tall = (times[paint as usize] * BAR as f32).round() as usize;
                (times[paint as usize] > 0.0).then_some((paint, tall.clamp(4, BAR)))
            }
        };
        runs(out, columns, wait, |_| top)?;
        runs(out, columns, share(Paint::Ready), |_| top)?;
        runs(out, columns, share(Paint::Running), |tall| top + BAR - tall)
    }

    /// Requests to cancel: a line over the lane of the task.
    fn cancels(&self, out: &mut impl Write) -> io::Result<()> {
        for (at, task, _) in self.timeline.cancels.iter().take(MOST_ARROWS) {
            let Some(top) = self.tops[self.layout.lane_of[*task as usize] as usize] else {
                continue;
            };
            let (x, color) = (self.x(*at), Paint::Cancelled.color());
            writeln!(
                out,
                "<path d=\"M{x:.1},{top} m-4,-2 l8,0 l-4,5 z m4,0 l0,{BAR}\" fill=\"{color}\" stroke=\"{color}\">\
                 <title>cancel requested</title></path>"
            )?;
        }
        Ok(())
    }

    fn arrows(&self, out: &mut impl Write) -> io::Result<()> {
        let wakes = || {
            self.timeline.tasks.iter().enumerate().flat_map(|(index, task)| {
                self.timeline.spans_of(task).iter().filter_map(move |span| match span {
                    span if span.state != SpanState::Ready => None,
                    span => match span.other {
                        Other::Task(waker) if waker as usize != index => {
                            Some((span.start, waker, index))
                        }
                        _ => None,
                    },
                })
            })
        };
        if wakes().take(MOST_ARROWS + 1).count() > MOST_ARROWS {
            return Ok(());
        }
        writeln!(
            out,
            "<defs><marker id=\"tip\" viewBox=\"0 0 6 6\" refX=\"5\" refY=\"3\" markerWidth=\"5\" markerHeight=\"5\" \
             orient=\"auto\"><path d=\"M0,0 L6,3 L0,6 z\" fill=\"#343a40\"/></marker></defs>"
        )?;
        for (at, from, to) in wakes() {
            let lane = |task: usize| self.tops[self.layout.lane_of[task] as usize];
            if let (Some(from), Some(to)) = (lane(from as usize), lane(to)) {
                let (x, from, to) = (self.x(at), from + BAR / 2, to + BAR / 2);
                writeln!(
                    out,
                    "<path d=\"M{x:.1},{from} L{x:.1},{to}\" stroke=\"#343a40\" stroke-width=\"0.6\" \
                     stroke-opacity=\"0.7\" fill=\"none\" marker-end=\"url(#tip)\"/>"
                )?;
            }
        }
        Ok(())
    }

    fn legend(&self, out: &mut impl Write) -> io::Result<()> {
        let top = self.bottom + 14;
        for (index, paint) in Paint::ALL.into_iter().enumerate() {
            let (x, y) = (8 + index % 6 * 190, top + index / 6 * 16);
            writeln!(
                out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"12\" height=\"10\" fill=\"{}\"/><text x=\"{}\" y=\"{}\">{}</text>",
                paint.color(),
                x + 18,
                y + 9,
                paint.word()
            )?;
        }
        Ok(())
    }
}

/// Draws neighbouring columns for which `look` gives the same colour and height as one bar.
fn runs(
    out: &mut impl Write,
    columns: &[[f32; 12]],
    look: impl Fn(&[f32; 12]) -> Option<(Paint, usize)>,
    top: impl Fn(usize) -> usize,
) -> io::Result<()> {
    let mut column = 0;
    while column < columns.len() {
        let (begin, looks) = (column, look(&columns[column]));
        while column < columns.len() && look(&columns[column]) == looks {
            column += 1;
        }
        if let Some((paint, tall)) = looks {
            writeln!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{tall}\" fill=\"{}\"/>",
                LABELS + begin,
                top(tall),
                column - begin,
                paint.color()
            )?;
        }
    }
    Ok(())
}
