"use strict";
// The data of the page: a JSON object of what is small, and columns of numbers.

const NONE = 0xffffffff;
const STATES = ["waiting", "ready", "running", "done", "failed", "cancelled"];
const WAITING = 0, READY = 1, RUNNING = 2, DONE = 3, FAILED = 4, CANCELLED = 5;

function decodeBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

class Trace {
  constructor(small, bytes) {
    Object.assign(this, small);
    const kinds = { u32: Uint32Array, f64: Float64Array, u8: Uint8Array };
    this.column = {};
    for (const [name, [kind, at, count]] of Object.entries(small.columns)) {
      this.column[name] = new kinds[kind](bytes.buffer, bytes.byteOffset + at, count);
    }
    const column = this.column;
    this.count = column.name.length;
    this.start = column.start;
    this.state = column.state;
    this.other = column.other;
    this.firstSpan = column.firstSpan;
    this.stacksOf = groupBy(this.stacks, (stack) => stack[0]);
    this.failureOf = groupBy(this.failures, (failure) => failure.task);
    this.cancelsOf = groupBy(this.cancels, (cancel) => cancel[1]);
    this.findingsOf = groupBy(this.findings, (finding) => finding.task);
  }

  stateOf(span) { return this.state[span] & 7; }
  // What kind of thing a span waits for; of a ready one, what kind of thing made it ready.
  waitOf(span) { return this.state[span] >> 3; }

  // The number of the colour of a span.
  paintOf(span) {
    const state = this.state[span] & 7;
    if (state === RUNNING) return 0;
    if (state === READY) return 1;
    if (state === WAITING) return this.waitPaints[this.state[span] >> 3];
    return 9 + state - DONE;
  }

  // When a task ends: by its last span, or with the recording.
  endOf(task) {
    const last = this.firstSpan[task + 1] - 1;
    if (last < this.firstSpan[task]) return this.end;
    return this.stateOf(last) >= DONE ? this.start[last] : this.end;
  }

  beginOf(task) {
    return this.firstSpan[task] < this.firstSpan[task + 1] ? this.start[this.firstSpan[task]] : 0;
  }

  endOfSpan(task, span) {
    return span + 1 < this.firstSpan[task + 1] ? this.start[span + 1] : this.endOf(task);
  }

  // How the task ended, or "alive".
  outcomeOf(task) {
    const last = this.firstSpan[task + 1] - 1;
    if (last < this.firstSpan[task] || this.stateOf(last) < DONE) return "alive";
    return STATES[this.stateOf(last)];
  }

  nameOf(task) {
    return this.strings[this.column.name[task]] || `task ${this.column.id[task]}`;
  }

  functionAt(location) { return this.locations[location][1] || "unknown coroutine"; }
  coroutineOf(task) { return this.functionAt(this.column.coroutine[task]); }

  placeAt(location, whole = false) {
    const [file, , line] = this.locations[location];
    if (!file) return "";
    return `${whole ? file : file.replace(/^.*[\\/]/, "")}:${line}`;
  }

  // A reference: to a task, an object, or nothing.
  describe(other) {
    const index = other & 0x3fffffff;
    switch (other >>> 30) {
      case 1: return this.nameOf(index);
      case 2: return this.objects[index];
      default: return "";
    }
  }

  // The task that a reference is to, or NONE.
  taskIn(other) { return other >>> 30 === 1 ? other & 0x3fffffff : NONE; }
  taskOther(span) { return this.taskIn(this.other[span]); }

  // What kind of thing made a ready span ready, unless it was a task's step: `descriptor`.
  wakerKind(span) {
    const waker = this.wakers[this.waitOf(span)];
    return waker === "task" || (waker === "other" && !this.other[span]) ? "" : waker;
  }

  // Who made a ready span ready: `Task-3`, `timer`, `descriptor of transport 12 (127.0.0.1:80)`.
  describeWaker(span) {
    const kind = this.wakerKind(span), what = this.describe(this.other[span]);
    return kind && what ? `${kind} of ${what}` : kind || what;
  }

  describeSpan(span) {
    const state = this.stateOf(span);
    if (state === RUNNING) return "running";
    if (state === READY) {
      const waker = this.describeWaker(span);
      return `ready, waits for its turn${waker && `; woken by ${waker}`}`;
    }
    if (state !== WAITING) return STATES[state];
    const wait = this.waitOf(span), what = this.describe(this.other[span]), kind = wait ? this.waits[wait] : "";
    if (!what) return kind ? `waits for ${kind}` : "waits (for what was not recorded)";
    return `waits for ${what.startsWith(kind) ? "" : kind + " "}${what}`;
  }

  // Units of time as text.
  duration(units) {
    const ns = units * this.unit;
    if (ns < 1e3) return `${Math.round(ns)} ns`;
    if (ns < 1e6) return `${(ns / 1e3).toPrecision(3)} µs`;
    if (ns < 1e9) return `${(ns / 1e6).toPrecision(3)} ms`;
    if (ns < 60e9) return `${(ns / 1e9).toPrecision(3)} s`;
    return `${Math.floor(ns / 60e9)} min ${Math.round((ns / 1e9) % 60)} s`;
  }

  // Running, ready and waiting time of a task, its steps, and its longest step with its span.
  totals(task) {
    const time = [0, 0, 0];
    let steps = 0, longest = 0, longestSpan = NONE;
    for (let span = this.firstSpan[task]; span < this.firstSpan[task + 1]; span++) {
      const state = this.stateOf(span);
      if (state > RUNNING) continue;
      const length = this.endOfSpan(task, span) - this.start[span];
      time[state] += length;
      if (state === RUNNING) {
        steps++;
        if (length > longest || longestSpan === NONE) { longest = length; longestSpan = span; }
      }
    }
    return { waiting: time[WAITING], ready: time[READY], running: time[RUNNING], steps, longest, longestSpan };
  }
}

function groupBy(list, key) {
  const groups = new Map();
  for (const each of list) {
    const of = key(each);
    if (groups.has(of)) groups.get(of).push(each); else groups.set(of, [each]);
  }
  return groups;
}

// The first index from `low` to `high` at which `values` is above `limit`.
function above(values, limit, low, high) {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] > limit) high = middle; else low = middle + 1;
  }
  return low;
}

// The same, for an index that is near `low`: its cost grows with the distance.
function aboveNear(values, limit, low, high) {
  let step = 1;
  while (low + step < high && values[low + step] <= limit) step *= 2;
  return above(values, limit, low + (step >> 1), Math.min(high, low + step));
}
