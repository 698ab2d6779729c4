// Lanes and their drawing. What is narrower than a pixel is summed up: a column shows for what it
// waited most, and how much of it was running.

const AXIS = 24, LANE = 13, BAR = 11, HEADING = 18, LOOP = 18, COUNTER = 26, LABELS = 190;

// The spans of one lane in the order of time, with sums over what stands before each.
class LaneIndex {
  constructor(trace, tasks) {
    let count = 0;
    for (const task of tasks) count += trace.firstSpan[task + 1] - trace.firstSpan[task];
    this.count = count;
    this.start = new Uint32Array(count);
    this.end = new Uint32Array(count);
    this.span = new Uint32Array(count);
    this.task = new Uint32Array(count);
    this.running = new Float64Array(count + 1);
    this.ready = new Float64Array(count + 1);
    this.bad = new Uint32Array(count + 1);
    let at = 0;
    for (const task of tasks) {
      const to = trace.firstSpan[task + 1], end = trace.endOf(task);
      for (let span = trace.firstSpan[task]; span < to; span++, at++) {
        const begin = trace.start[span], until = span + 1 < to ? trace.start[span + 1] : end;
        const state = trace.state[span] & 7;
        this.start[at] = begin;
        this.end[at] = until;
        this.span[at] = span;
        this.task[at] = task;
        this.running[at + 1] = this.running[at] + (state === RUNNING ? until - begin : 0);
        this.ready[at + 1] = this.ready[at] + (state === READY ? until - begin : 0);
        this.bad[at + 1] = this.bad[at] + (state === FAILED || state === CANCELLED ? 1 : 0);
      }
    }
  }

  // The span at a moment, or the nearest one within `slack`.
  find(moment, slack) {
    const at = above(this.start, moment, 0, this.count) - 1;
    let best = -1, distance = slack;
    for (let near = Math.max(0, at - 2); near < Math.min(this.count, at + 3); near++) {
      const away = Math.max(this.start[near] - moment, moment - this.end[near], 0);
      if (away < distance || (away === distance && near <= at)) { best = near; distance = away; }
    }
    return best;
  }
}

class View {
  constructor(trace, canvas) {
    this.trace = trace;
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.from = 0;
    this.to = Math.max(1, trace.end);
    this.scroll = 0;
    this.folded = new Set();
    this.selected = NONE;
    this.selectedSpan = NONE;
    this.showArrows = true;
    this.matching = null;
    this.arrows = [];
    this.tasksOf = [];
    for (let lane = 0; lane < trace.lanes; lane++) this.tasksOf.push([]);
    const order = Array.from({ length: trace.count }, (_, task) => task);
    order.sort((a, b) => trace.beginOf(a) - trace.beginOf(b) || a - b);
    for (const task of order) this.tasksOf[trace.column.lane[task]].push(task);
    this.indices = new Map();
    this.layOut();
  }

  // Rows from top to bottom: {kind, top, height, …}.
  layOut() {
    const trace = this.trace;
    this.rows = [];
    let top = 0;
    const add = (row, height) => { this.rows.push({ ...row, top, height }); top += height; };
    for (const loop of trace.loops) {
      add({ kind: "loop", loop }, LOOP);
      for (const [name, label] of COUNTERS) {
        if (trace.column[`${name}Value${loop.id}`].some((value) => value > 0)) {
          add({ kind: "counter", loop, name, label }, COUNTER);
        }
      }
    }
    this.loopTop = new Map(this.rows.filter((row) => row.kind === "loop").map((row) => [row.loop.id, row.top]));
    let foldedAbove = -1;
    this.laneTop = new Float64Array(trace.lanes).fill(NaN);
    trace.groups.forEach(([coroutine, depth, tasks, first, count], group) => {
      if (foldedAbove >= 0 && depth > foldedAbove) return;
      foldedAbove = -1;
      const lanes = [];
      for (let lane = first; lane < first + count; lane++) if (this.tasksIn(lane).length) lanes.push(lane);
      if (this.matching && !lanes.length) return;
      add({ kind: "group", group, coroutine, depth, tasks }, HEADING);
      if (this.folded.has(group)) { foldedAbove = depth; return; }
      for (const lane of lanes) {
        this.laneTop[lane] = top;
        add({ kind: "lane", lane, depth }, LANE);
      }
    });
    this.height = top;
  }

  tasksIn(lane) {
    const tasks = this.tasksOf[lane];
    return this.matching ? tasks.filter((task) => this.matching[task]) : tasks;
  }

  index(lane) {
    let index = this.indices.get(lane);
    if (!index) {
      index = new LaneIndex(this.trace, this.tasksIn(lane));
      this.indices.set(lane, index);
    }
    return index;
  }

  // Shows only the tasks for which `matching` is 1; all if it is null.
  filter(matching) {
    this.matching = matching;
    this.indices.clear();
    this.layOut();
    this.move(this.from, this.to, 0);
  }

  fold(group) {
    if (!this.folded.delete(group)) this.folded.add(group);
    this.layOut();
    this.move(this.from, this.to, this.scroll);
  }

  resize() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    this.wide = box.width;
    this.high = box.height;
    this.canvas.width = Math.max(1, Math.round(box.width * ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * ratio));
    this.canvas.style.width = `${box.width}px`;
    this.canvas.style.height = `${box.height}px`;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.move(this.from, this.to, this.scroll);
  }

  get plotWide() { return Math.max(1, this.wide - LABELS); }
  x(time) { return LABELS + ((time - this.from) / (this.to - this.from)) * this.plotWide; }
  time(x) { return this.from + ((x - LABELS) / this.plotWide) * (this.to - this.from); }

  // Shows the time from `from` to `to`, and the rows from `scroll` on.
  move(from, to, scroll) {
    const whole = Math.max(1, this.trace.end), least = Math.min(whole, 20);
    const length = Math.min(whole, Math.max(least, to - from));
    this.from = Math.min(Math.max(0, from), whole - length);
    this.to = this.from + length;
    this.scroll = Math.max(0, Math.min(scroll, this.height - (this.high - AXIS)));
    this.draw();
  }

  // Zooms about the moment at `x`.
  zoom(factor, x = LABELS + this.plotWide / 2) {
    const moment = this.time(Math.max(LABELS, x));
    this.move(moment - (moment - this.from) * factor, moment + (this.to - moment) * factor, this.scroll);
  }

  rowAt(y) {
    const at = y - AXIS + this.scroll;
    return y < AXIS ? undefined : this.rows[this.firstRow(at)];
  }

  firstRow(at) {
    let low = 0, high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.rows[middle].top + this.rows[middle].height > at) high = middle; else low = middle + 1;
    }
    return low;
  }

  // What is at a point: {row, task, span} or {row, item}.
  hit(x, y) {
    const row = this.rowAt(y);
    if (!row || x < LABELS) return row && { row };
    const moment = this.time(x), slack = ((this.to - this.from) / this.plotWide) * 4;
    if (row.kind === "lane") {
      const index = this.index(row.lane), at = index.find(moment, slack);
      return at < 0 ? { row } : { row, task: index.task[at], span: index.span[at] };
    }
    if (row.kind === "loop") {
      const starts = this.trace.column[`itemStart${row.loop.id}`];
      const ends = this.trace.column[`itemEnd${row.loop.id}`];
      const at = above(starts, moment + slack, 0, starts.length) - 1;
      if (at >= 0 && ends[at] + slack >= moment) return { row, item: at };
    }
    return { row };
  }

  // The wake-up whose arrow is at a point.
  arrowAt(x, y) {
    const near = this.arrows.filter((each) => Math.abs(each.x - x) < 3 && each.top <= y && y <= each.bottom);
    const distance = (each) => Math.abs(each.x - x);
    return near.length ? near.reduce((a, b) => (distance(b) < distance(a) ? b : a)).wake : undefined;
  }

  draw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => { this.pending = 0; this.drawNow(); });
  }

  drawNow() {
    const began = performance.now(), context = this.context;
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, this.wide, this.high);
    this.boxes = this.trace.paints.map(() => []);
    this.wakes = [];
    this.arrows = [];
    this.drawGrid();
    let row = this.firstRow(this.scroll);
    for (; row < this.rows.length; row++) {
      const each = this.rows[row], y = AXIS + each.top - this.scroll;
      if (y > this.high) break;
      if (each.kind === "lane") this.drawLane(each, y);
      else if (each.kind === "loop") this.drawLoop(each, y);
      else if (each.kind === "counter") this.drawCounter(each, y);
      else this.drawHeading(each, y);
    }
    this.boxes.forEach((boxes, paint) => {
      context.fillStyle = this.trace.paints[paint][1];
      for (let at = 0; at < boxes.length; at += 4) {
        context.fillRect(boxes[at], boxes[at + 1], boxes[at + 2], boxes[at + 3]);
      }
    });
    this.drawLabels();
    if (this.showArrows) this.drawArrows();
    this.drawCancels();
    this.drawSelection();
    this.drawAxis();
    this.drawMs = performance.now() - began;
  }

  drawLane(row, y) {
    const trace = this.trace, index = this.index(row.lane), boxes = this.boxes;
    const perPixel = (this.to - this.from) / this.plotWide;
    let at = above(index.end, this.from, 0, index.count);
    while (at > 0 && index.end[at - 1] >= this.from) at--;
    while (at < index.count && index.start[at] <= this.to) {
      const x = Math.max(LABELS, this.x(index.start[at]));
      const right = Math.min(this.wide, this.x(index.end[at]));
      const span = index.span[at];
      if (right - x >= 1.5 || trace.stateOf(span) >= DONE) {
        this.drawSpan(index, at, x, right, y);
        at++;
        continue;
      }
      // All that begins within the next pixel and a half is one column.
      const until = Math.max(this.from, index.start[at]) + perPixel * 1.5;
      let next = aboveNear(index.start, until, at, index.count);
      if (next > at + 1 && index.end[next - 1] - until > perPixel) next--;
      if (next <= at + 1) {
        this.drawSpan(index, at, x, Math.max(right, x + 1), y);
        at++;
        continue;
      }
      this.drawColumn(index, at, next, x, y);
      at = next;
    }
  }

  drawSpan(index, at, x, right, y) {
    const trace = this.trace, span = index.span[at], paint = trace.paintOf(span), state = trace.stateOf(span);
    if (state >= DONE) {
      this.boxes[paint].push(x - 1, y, state === DONE ? 1 : 2, BAR);
      return;
    }
    if (state === WAITING) this.boxes[paint].push(x, y + 2, right - x, BAR - 4);
    else this.boxes[paint].push(x, y, right - x, BAR);
    if (state === READY && this.wakes.length < 1600) this.noteWake(index.task[at], span);
  }

  drawColumn(index, at, next, x, y) {
    const trace = this.trace;
    const length = Math.max(1e-9, index.end[next - 1] - index.start[at]);
    const running = (index.running[next] - index.running[at]) / length;
    const ready = (index.ready[next] - index.ready[at]) / length;
    // The wait that is drawn is the longest of a few.
    let longest = -1, wait = 8;
    const step = Math.max(1, (next - at) >> 3);
    for (let near = at; near < next; near += step) {
      for (let each = near; each < Math.min(next, near + 2); each++) {
        const time = index.end[each] - index.start[each];
        if (trace.stateOf(index.span[each]) === WAITING && time > longest) {
          longest = time;
          wait = trace.paintOf(index.span[each]);
        }
      }
    }
    const wide = 1.5;
    if (longest >= 0) this.boxes[wait].push(x, y + 2, wide, BAR - 4);
    const tall = running > 0 ? Math.max(2, Math.min(1, running) * BAR) : 0;
    if (ready > 0) {
      const more = Math.max(1, Math.min(1, ready) * BAR);
      this.boxes[1].push(x, y + Math.max(0, BAR - tall - more), wide, more);
    }
    if (tall) this.boxes[0].push(x, y + BAR - tall, wide, tall);
    if (index.bad[next] > index.bad[at]) this.boxes[10].push(x, y, wide, BAR);
  }

  drawLoop(row, y) {
    const column = this.trace.column, id = row.loop.id;
    const starts = column[`itemStart${id}`], ends = column[`itemEnd${id}`], whats = column[`itemWhat${id}`];
    const perPixel = (this.to - this.from) / this.plotWide;
    let at = above(ends, this.from, 0, ends.length);
    while (at < starts.length && starts[at] <= this.to) {
      const x = Math.max(LABELS, this.x(starts[at]));
      const until = Math.max(this.from, starts[at]) + perPixel * 1.5;
      let next = aboveNear(starts, until, at, starts.length);
      const paint = whats[at] & 0x80000000 ? 12 : 0;
      if (next <= at + 1) {
        this.boxes[paint].push(x, y + 2, Math.max(1, Math.min(this.wide, this.x(ends[at])) - x), LOOP - 4);
        at++;
        continue;
      }
      if (ends[next - 1] - until > perPixel) next--;
      let busy = 0;
      const step = Math.max(1, (next - at) >> 5);
      for (let each = at; each < next; each += step) busy += (ends[each] - starts[each]) * step;
      const tall = Math.max(2, Math.min(1, busy / (perPixel * 1.5)) * (LOOP - 4));
      this.boxes[paint].push(x, y + LOOP - 2 - tall, 1.5, tall);
      at = next;
    }
    this.label(row, y, `loop ${id}`, 0, "600");
  }

  drawCounter(row, y) {
    const context = this.context, id = row.loop.id;
    const times = this.trace.column[`${row.name}At${id}`], values = this.trace.column[`${row.name}Value${id}`];
    row.most ??= values.reduce((most, value) => Math.max(most, value), 1);
    const base = y + COUNTER - 3, tall = COUNTER - 6;
    context.fillStyle = "#adb5bd";
    const perPixel = (this.to - this.from) / this.plotWide;
    let at = Math.max(0, above(times, this.from, 0, times.length) - 1);
    while (at < times.length && times[at] <= this.to) {
      const until = Math.max(this.from, times[at]) + perPixel * 1.5;
      const next = Math.max(at + 1, aboveNear(times, until, at, times.length));
      let value = 0;
      const step = Math.max(1, (next - at) >> 5);
      for (let each = at; each < next; each += step) value = Math.max(value, values[each]);
      const x = Math.max(LABELS, this.x(times[at]));
      const right = Math.min(this.wide, next < times.length ? this.x(times[next]) : this.x(this.trace.end));
      // The largest of those that fall together, then the last of them until the next one.
      const high = (value / row.most) * tall, last = (values[next - 1] / row.most) * tall;
      const edge = next === at + 1 ? right : Math.min(right, x + 1.5);
      context.fillRect(x, base - high, Math.max(1, edge - x), high);
      if (right > edge) context.fillRect(edge, base - last, right - edge, last);
      at = next;
    }
    const most = row.name === "iteration" ? this.trace.duration(row.most / this.trace.unit) : row.most.toLocaleString("en");
    this.label(row, y + 4, `${row.label} ≤ ${most}`, 1, "");
  }

  drawHeading(row, y) {
    const folded = this.folded.has(row.group) ? "▸" : "▾";
    this.label(row, y + 1, `${folded} ${this.trace.functionAt(row.coroutine)} (${row.tasks})`, row.depth, "600");
  }

  label(row, y, text, depth, weight) {
    (this.labels ??= []).push([text, 6 + Math.min(depth, 8) * 9, y + 12, weight, row.kind === "group"]);
  }

  drawLabels() {
    const context = this.context;
    context.fillStyle = "#ffffff";
    context.fillRect(0, AXIS, LABELS - 2, this.high);
    context.fillStyle = "#e9ecef";
    context.fillRect(LABELS - 2, AXIS, 1, this.high);
    let row = this.firstRow(this.scroll);
    for (; row < this.rows.length; row++) {
      const each = this.rows[row], y = AXIS + each.top - this.scroll;
      if (y > this.high) break;
      if (each.kind !== "lane") continue;
      each.text ??= this.laneText(each.lane);
      (this.labels ??= []).push([each.text, 16 + Math.min(each.depth, 8) * 9, y + 9, "small"]);
    }
    for (const [text, x, y, weight, wide] of this.labels ?? []) {
      context.font = weight === "small" ? "10px system-ui, sans-serif" : `${weight} 11px system-ui, sans-serif`;
      context.fillStyle = weight === "small" ? "#5c636a" : "#212529";
      context.save();
      context.beginPath();
      context.rect(0, AXIS, wide ? this.wide : LABELS - 4, this.high);
      context.clip();
      context.fillText(text, x, y);
      context.restore();
    }
    this.labels = [];
  }

  laneText(lane) {
    const tasks = this.tasksIn(lane);
    return tasks.length === 1 ? this.trace.nameOf(tasks[0]) : `${tasks.length} tasks`;
  }

  // The distance of the lines of the time axis: 1, 2 or 5 times a power of ten, at least 90 pixels.
  tick() {
    const least = ((this.to - this.from) / this.plotWide) * 90;
    const power = 10 ** Math.floor(Math.log10(least));
    return [1, 2, 5, 10].map((times) => times * power).find((tick) => tick >= least);
  }

  drawGrid() {
    const context = this.context, tick = this.tick();
    context.fillStyle = "#f1f3f5";
    for (let at = Math.ceil(this.from / tick) * tick; at <= this.to; at += tick) {
      context.fillRect(Math.round(this.x(at)), AXIS, 1, this.high);
    }
    context.fillStyle = "#fff0f0";
    for (const loop of this.trace.loops) {
      for (const [at] of loop.gaps) context.fillRect(this.x(at) - 2, AXIS, 4, this.high);
    }
  }

  drawAxis() {
    const context = this.context, tick = this.tick();
    context.fillStyle = "#f8f9fa";
    context.fillRect(0, 0, this.wide, AXIS);
    context.fillStyle = "#495057";
    context.font = "11px system-ui, sans-serif";
    for (let at = Math.ceil(this.from / tick) * tick; at <= this.to; at += tick) {
      const x = this.x(at);
      if (x > LABELS - 1 && x < this.wide - 56) context.fillText(this.trace.duration(at), x + 3, 15);
      context.fillRect(Math.round(x), AXIS - 5, 1, 5);
    }
    context.fillStyle = "#c2255c";
    for (const [at, text] of this.trace.marks) {
      const x = this.x(at);
      if (x < LABELS || x > this.wide) continue;
      context.fillRect(x, 0, 1, this.high);
      context.fillText(text.slice(0, 60), x + 3, AXIS + 9);
    }
    context.fillStyle = "#212529";
    context.fillText(`${this.trace.duration(this.to - this.from)} shown`, 6, 15);
    if (this.range) {
      const [from, to] = this.range;
      context.fillStyle = "rgba(24, 100, 171, 0.18)";
      context.fillRect(Math.min(from, to), 0, Math.abs(to - from), this.high);
    }
  }

  // A wake-up by a task; of the selected task also one by what has no lane: a transport, a timer.
  noteWake(task, span) {
    const from = this.trace.taskOther(span);
    if (from === task || (from === NONE && (task !== this.selected || !this.trace.wakerKind(span)))) return;
    this.wakes.push({ task, span, from });
  }

  // Arrows from who woke whom, or from the loop whose callback did: all while they are few, else those
  // of the selected task.
  drawArrows() {
    let wakes = this.wakes;
    if (wakes.length > 400) {
      wakes = wakes.filter((wake) => wake.from === this.selected || wake.task === this.selected);
    }
    const context = this.context, { lane, taskLoop } = this.trace.column;
    for (const wake of wakes) {
      const { task, span, from } = wake, mine = from === this.selected || task === this.selected;
      const a = from === NONE ? this.loopTop.get(taskLoop[task]) ?? NaN : this.laneTop[lane[from]];
      const b = this.laneTop[lane[task]], x = this.x(this.trace.start[span]);
      if (!(a === a) || !(b === b) || a === b || x < LABELS || x > this.wide) continue;
      const begin = AXIS + a - this.scroll + BAR / 2, end = AXIS + b - this.scroll + (b > a ? 0 : BAR);
      this.arrows.push({ x, top: Math.min(begin, end), bottom: Math.max(begin, end), wake });
      context.strokeStyle = context.fillStyle = mine ? "#1864ab" : "rgba(52, 58, 64, 0.55)";
      context.lineWidth = mine ? 1.5 : 1;
      context.beginPath();
      context.moveTo(x, begin);
      context.lineTo(x, end);
      context.stroke();
      const tip = b > a ? -5 : 5;
      context.beginPath();
      context.moveTo(x, end);
      context.lineTo(x - 3, end + tip);
      context.lineTo(x + 3, end + tip);
      context.fill();
    }
  }

  // Requests to cancel, as marks over the lanes of the tasks.
  drawCancels() {
    const context = this.context, trace = this.trace;
    context.fillStyle = trace.paints[11][1];
    let drawn = 0;
    for (const [at, task] of trace.cancels) {
      const top = this.laneTop[trace.column.lane[task]], x = this.x(at), y = AXIS + top - this.scroll;
      if (!(y > AXIS && y < this.high) || x < LABELS || x > this.wide) continue;
      if (++drawn > 2000) break;
      context.fillRect(x - 0.5, y, 1.5, BAR);
      context.beginPath();
      context.moveTo(x - 4, y - 2);
      context.lineTo(x + 4, y - 2);
      context.lineTo(x, y + 4);
      context.fill();
    }
  }

  drawSelection() {
    if (this.selected === NONE) return;
    const trace = this.trace, top = this.laneTop[trace.column.lane[this.selected]];
    if (!(top === top)) return;
    const context = this.context, y = AXIS + top - this.scroll;
    const frame = (begin, end, color) => {
      const x = Math.max(LABELS, this.x(begin)), right = Math.min(this.wide, this.x(end));
      if (right < LABELS || x > this.wide) return;
      context.strokeStyle = color;
      context.lineWidth = 1.5;
      context.strokeRect(x - 1, y - 1, Math.max(2, right - x) + 2, BAR + 2);
    };
    frame(trace.beginOf(this.selected), trace.endOf(this.selected), "rgba(24, 100, 171, 0.6)");
    if (this.selectedSpan !== NONE) {
      frame(trace.start[this.selectedSpan], trace.endOfSpan(this.selected, this.selectedSpan), "#0b3d6b");
    }
  }

  // Selects a task, and brings it into view.
  show(task, span = NONE) {
    this.selected = task;
    this.selectedSpan = span;
    const trace = this.trace, top = this.laneTop[trace.column.lane[task]];
    let { from, to, scroll } = this;
    if (top === top && (top < scroll || top + LANE > scroll + this.high - AXIS)) scroll = top - this.high / 3;
    const begin = span === NONE ? trace.beginOf(task) : trace.start[span];
    const end = span === NONE ? trace.endOf(task) : trace.endOfSpan(task, span);
    if (end < from || begin > to) {
      const half = Math.max(to - from, (end - begin) * 1.5) / 2, middle = (begin + end) / 2;
      [from, to] = [middle - half, middle + half];
    }
    this.move(from, to, scroll);
  }
}

const COUNTERS = [
  ["ready", "ready"], ["iteration", "iteration"], ["timers", "timers"],
  ["transports", "transports"], ["received", "received bytes"], ["sent", "sent bytes"],
];
