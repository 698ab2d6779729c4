// The side: what there is to say of a task, of an item of a loop, and of what was found. Text is only
// ever set as text: names may hold anything.

function element(kind, text = "", name = "") {
  const made = document.createElement(kind);
  if (text) made.textContent = text;
  if (name) made.className = name;
  return made;
}

class Details {
  constructor(trace, view, into) {
    this.trace = trace;
    this.view = view;
    this.into = into;
  }

  link(task, text = this.trace.nameOf(task)) {
    const made = element("a", text);
    made.onclick = () => { this.view.show(task); this.task(task); };
    return made;
  }

  facts(pairs) {
    const list = element("dl");
    for (const [term, value] of pairs) {
      if (value === "" || value === undefined) continue;
      const definition = element("dd");
      definition.append(value);
      list.append(element("dt", term), definition);
    }
    return list;
  }

  task(task, span = NONE) {
    const trace = this.trace, column = trace.column, made = [element("h2", trace.nameOf(task))];
    if (span !== NONE) {
      const begin = trace.start[span], end = trace.endOfSpan(task, span);
      const now = element("p", "", "now");
      now.append(trace.describeSpan(span));
      made.push(now);
      const isReady = trace.stateOf(span) === READY, other = trace.taskOther(span);
      made.push(this.facts([
        ["from", trace.duration(begin)],
        ["for", trace.stateOf(span) >= DONE ? "" : trace.duration(end - begin)],
        ["woken by", isReady ? this.reference(trace.other[span], trace.wakerKind(span)) : ""],
        [trace.stateOf(span) === WAITING && other !== NONE ? "waits for" : "", other === NONE ? "" : this.link(other)],
      ]));
    }
    const totals = trace.totals(task), outcome = trace.outcomeOf(task), parent = column.parent[task];
    made.push(element("h2", "Task"), this.facts([
      ["coroutine", trace.coroutineOf(task)],
      ["defined at", trace.placeAt(column.coroutine[task], true)],
      ["created at", trace.placeAt(column.createdAt[task], true)],
      ["by", parent === NONE ? "" : this.link(parent)],
      ["begins", trace.duration(trace.beginOf(task))],
      [outcome === "alive" ? "state" : outcome, outcome === "alive" ? "still alive" : trace.duration(trace.endOf(task))],
      ["running", `${trace.duration(totals.running)} in ${totals.steps.toLocaleString("en")} steps`],
      ["ready", trace.duration(totals.ready)],
      ["waiting", trace.duration(totals.waiting)],
      ["longest step", totals.steps ? trace.duration(totals.longest) : ""],
    ]));
    for (const [at, , by] of trace.cancelsOf.get(task) ?? []) {
      const line = element("p", `cancel requested at ${trace.duration(at)}${by === null ? "" : " by "}`);
      if (by !== null) line.append(this.link(by));
      made.push(line);
    }
    for (const failure of trace.failureOf.get(task) ?? []) {
      made.push(element("h2", "Exception"), element("p", `${failure.type}: ${failure.text}`));
      if (failure.traceback) made.push(element("pre", failure.traceback));
    }
    for (const finding of trace.findingsOf.get(task) ?? []) made.push(this.finding(finding));
    made.push(...this.stacks(task, span), ...this.children(task));
    this.into.replaceChildren(...made);
  }

  stacks(task, span) {
    const trace = this.trace;
    let stacks = trace.stacksOf.get(task) ?? [];
    if (span !== NONE && stacks.length > 1) {
      const begin = trace.start[span], end = trace.endOfSpan(task, span);
      const within = stacks.filter((stack) => stack[1] >= begin && stack[1] <= end);
      if (within.length) stacks = within;
    }
    const made = [];
    for (const [, at, frames] of stacks.slice(0, 20)) {
      const list = element("ol", "", "stack");
      for (const frame of frames) list.append(element("li", `${trace.functionAt(frame)} — ${trace.placeAt(frame)}`));
      made.push(element("h2", `Await stack at ${trace.duration(at)}`), list);
    }
    if (stacks.length > 20) made.push(element("p", `and ${stacks.length - 20} more stacks`));
    return made;
  }

  children(task) {
    const trace = this.trace, parents = trace.column.parent, made = [];
    let count = 0;
    for (let child = 0; child < trace.count; child++) {
      if (parents[child] !== task) continue;
      if (++count > 30) continue;
      const line = element("p");
      line.append(this.link(child), ` ${trace.outcomeOf(child)}`);
      made.push(line);
    }
    if (!count) return [];
    if (count > 30) made.push(element("p", `and ${(count - 30).toLocaleString("en")} more`));
    return [element("h2", "Created"), ...made];
  }

  // A task as a link, or an object as text, with the kind of thing before it that has to do with it.
  reference(other, kind) {
    const task = this.trace.taskIn(other), what = this.trace.describe(other);
    if (task === NONE) return kind && what ? `${kind} of ${what}` : kind || what;
    const made = element("span", kind && `${kind} of `);
    made.append(this.link(task));
    return made;
  }

  item(loop, item) {
    const trace = this.trace, column = trace.column, what = column[`itemWhat${loop.id}`][item];
    const begin = column[`itemStart${loop.id}`][item], end = column[`itemEnd${loop.id}`][item];
    const made = [element("h2", `loop ${loop.id}: ${this.itemName(loop, item)}`)];
    const facts = [["from", trace.duration(begin)], ["for", trace.duration(end - begin)]];
    if (what & 0x80000000) {
      facts.push(["defined at", trace.placeAt(what & 0xffffff, true)]);
      facts.push(["of", this.reference(column[`itemOf${loop.id}`][item], "")]);
    } else facts.push(["step of", this.link(what & 0x7fffffff)]);
    made.push(this.facts(facts));
    this.into.replaceChildren(...made);
  }

  // `future callback on_done (app.py:12) of Task-5`
  itemName(loop, item) {
    const trace = this.trace, what = trace.column[`itemWhat${loop.id}`][item];
    if (!(what & 0x80000000)) return trace.nameOf(what & 0x7fffffff);
    const location = what & 0xffffff, place = trace.placeAt(location), name = trace.locations[location][1];
    const of = trace.describe(trace.column[`itemOf${loop.id}`][item]);
    return [trace.items[(what >>> 24) & 0x7f], name, place && `(${place})`, of && `of ${of}`].filter(Boolean).join(" ");
  }

  finding(finding) {
    const made = element("div", "", "finding");
    made.append(element("p", finding.sentence));
    made.append(this.facts([
      ["lint", finding.lint], ["at", finding.place], ["created at", finding.created],
      ["lasted", finding.elapsed ? this.trace.duration(finding.elapsed / this.trace.unit) : ""],
      ["held up", finding.victims.join(", ")], ["do", finding.fix],
      ["task", finding.task === null ? "" : this.link(finding.task)],
    ]));
    return made;
  }
}
