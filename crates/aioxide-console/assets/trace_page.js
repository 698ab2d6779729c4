// The page: reads the data, and connects the controls with the view.

function start() {
  const began = performance.now();
  const small = JSON.parse(document.getElementById("small").textContent);
  const text = document.getElementById("columns");
  const trace = new Trace(small, decodeBase64(text.textContent));
  text.remove();
  const byId = (id) => document.getElementById(id);
  const canvas = byId("canvas"), hover = byId("hover"), view = new View(trace, canvas);
  const details = new Details(trace, view, byId("details"));
  byId("title").textContent = trace.argv || "trace";
  byId("facts").textContent = `${trace.count.toLocaleString("en")} tasks, ` +
    `${trace.events.toLocaleString("en")} events, ${trace.duration(trace.end)}` +
    (trace.python ? `, Python ${trace.python}` : "") + (trace.pid ? `, process ${trace.pid}` : "") +
    (trace.begin ? `, ${new Date(trace.begin).toISOString().replace("T", " ").slice(0, 19)} UTC` : "");
  for (const [word, color] of trace.paints) {
    const entry = element("span", word);
    entry.style.setProperty("--paint", color);
    byId("legend").append(entry);
  }
  if (trace.findings.length || trace.notes.length) {
    const into = byId("findings");
    into.hidden = false;
    if (trace.findings.length) into.append(element("h2", `Found (${trace.findings.length})`));
    for (const finding of trace.findings.slice(0, 100)) into.append(details.finding(finding));
    for (const note of trace.notes) into.append(element("p", note, "note"));
  }
  wirePointer(view, details, canvas, hover);
  wireKeys(view, canvas);
  wireSearch(trace, view, details, byId);
  byId("zoom-in").onclick = () => view.zoom(0.5);
  byId("zoom-out").onclick = () => view.zoom(2);
  byId("fit").onclick = () => view.move(0, trace.end, view.scroll);
  byId("arrows").onchange = (event) => { view.showArrows = event.target.checked; view.draw(); };
  new ResizeObserver(() => view.resize()).observe(canvas.parentElement);
  view.resize();
  view.drawNow();
  // For the browser's own console, and for tests.
  window.aioxideTrace = { trace, view, details, loadMs: performance.now() - began };
  document.body.dataset.ready = "true";
}

function wirePointer(view, details, canvas, hover) {
  let drag = null;
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.onpointerdown = (event) => {
    const [x, y] = point(event);
    canvas.setPointerCapture(event.pointerId);
    canvas.focus();
    drag = { x, y, from: view.from, to: view.to, scroll: view.scroll, moved: false, range: y < AXIS && x > LABELS };
  };
  canvas.onpointermove = (event) => {
    const [x, y] = point(event);
    if (!drag) { showHover(view, details, hover, x, y); return; }
    if (Math.abs(x - drag.x) + Math.abs(y - drag.y) > 3) drag.moved = true;
    if (drag.range) { view.range = [drag.x, Math.max(LABELS, x)]; view.draw(); return; }
    if (!drag.moved) return;
    const shift = ((drag.x - x) / view.plotWide) * (drag.to - drag.from);
    view.move(drag.from + shift, drag.to + shift, drag.scroll + drag.y - y);
  };
  canvas.onpointerup = (event) => {
    const [x, y] = point(event), was = drag;
    drag = null;
    if (!was) return;
    if (was.range) {
      const [from, to] = [view.time(Math.min(was.x, x)), view.time(Math.max(was.x, x))];
      view.range = null;
      if (was.moved) view.move(from, to, view.scroll); else view.draw();
      return;
    }
    if (!was.moved) click(view, details, x, y);
  };
  canvas.onpointerleave = () => { hover.hidden = true; };
  canvas.ondblclick = (event) => view.zoom(0.3, point(event)[0]);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1, x = point(event)[0];
    if (event.ctrlKey || event.metaKey) {
      view.zoom(Math.exp((event.deltaY * lines) / 300), x);
    } else {
      const aside = (event.shiftKey ? event.deltaY : event.deltaX) * lines;
      const shift = (aside / view.plotWide) * (view.to - view.from);
      view.move(view.from + shift, view.to + shift, view.scroll + (event.shiftKey ? 0 : event.deltaY * lines));
    }
  }, { passive: false });
}

function click(view, details, x, y) {
  const hit = view.hit(x, y);
  if (!hit) return;
  if (hit.row.kind === "group") view.fold(hit.row.group);
  else if (hit.task !== undefined) { view.show(hit.task, hit.span); details.task(hit.task, hit.span); }
  else if (hit.item !== undefined) details.item(hit.row.loop, hit.item);
}

function showHover(view, details, hover, x, y) {
  const hit = view.hit(x, y), trace = view.trace;
  let text = "";
  if (hit?.task !== undefined) {
    const length = trace.endOfSpan(hit.task, hit.span) - trace.start[hit.span];
    text = `${trace.nameOf(hit.task)}\n${trace.describeSpan(hit.span)}` +
      (trace.stateOf(hit.span) < DONE ? `, ${trace.duration(length)}` : "");
  } else if (hit?.item !== undefined) {
    const id = hit.row.loop.id, column = trace.column;
    const length = column[`itemEnd${id}`][hit.item] - column[`itemStart${id}`][hit.item];
    text = `${details.itemName(hit.row.loop, hit.item)}\n${trace.duration(length)}`;
  }
  const wake = view.arrowAt(x, y);
  if (wake) text += `${text && "\n"}${trace.describeWaker(wake.span)} wakes ${trace.nameOf(wake.task)}`;
  hover.hidden = !text;
  if (!text) return;
  hover.textContent = text;
  hover.style.left = `${Math.min(x + 14, view.wide - 200)}px`;
  hover.style.top = `${Math.min(y + 14, view.high - 50)}px`;
}

function wireKeys(view, canvas) {
  const shift = (part) => {
    const by = (view.to - view.from) * part;
    view.move(view.from + by, view.to + by, view.scroll);
  };
  const keys = {
    w: () => view.zoom(0.6), "+": () => view.zoom(0.6), s: () => view.zoom(1 / 0.6), "-": () => view.zoom(1 / 0.6),
    a: () => shift(-0.2), ArrowLeft: () => shift(-0.2), d: () => shift(0.2), ArrowRight: () => shift(0.2),
    ArrowDown: () => view.move(view.from, view.to, view.scroll + 60),
    ArrowUp: () => view.move(view.from, view.to, view.scroll - 60),
    PageDown: () => view.move(view.from, view.to, view.scroll + view.high * 0.8),
    PageUp: () => view.move(view.from, view.to, view.scroll - view.high * 0.8),
    0: () => view.move(0, view.trace.end, view.scroll), Home: () => view.move(0, view.trace.end, 0),
    "/": () => document.getElementById("search").focus(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (act) { act(); event.preventDefault(); }
  });
}

function wireSearch(trace, view, details, byId) {
  let timer = 0;
  const search = () => {
    const text = byId("search").value.trim().toLowerCase(), state = byId("state").value;
    const into = byId("matches");
    into.hidden = !text && !state;
    if (into.hidden) { view.filter(null); return; }
    const [matching, found] = matches(trace, text, state);
    view.filter(matching);
    into.replaceChildren(element("h2", `${found.length.toLocaleString("en")} of ${trace.count.toLocaleString("en")} tasks`));
    for (const task of found.slice(0, 50)) {
      const line = element("p");
      line.append(details.link(task), ` ${trace.coroutineOf(task)}, ${trace.outcomeOf(task)}`);
      into.append(line);
    }
  };
  byId("search").oninput = () => { clearTimeout(timer); timer = setTimeout(search, 120); };
  byId("state").onchange = search;
}

// Which tasks have `text` in their name, coroutine, place or in what they waited for, and ended so.
function matches(trace, text, state) {
  const column = trace.column, matching = new Uint8Array(trace.count), found = [];
  const places = trace.locations.map(([file, name, line]) => `${name} ${file}:${line}`.toLowerCase().includes(text));
  const objects = trace.objects.map((each) => each.toLowerCase().includes(text));
  const waits = trace.waits.map((each) => text !== "" && each.startsWith(text));
  const waited = (task) => {
    for (let span = trace.firstSpan[task]; span < trace.firstSpan[task + 1]; span++) {
      if (trace.stateOf(span) !== WAITING) continue;
      const other = trace.other[span];
      if (waits[trace.waitOf(span)] || (other >>> 30 === 2 && objects[other & 0x3fffffff])) return true;
    }
    return false;
  };
  for (let task = 0; task < trace.count; task++) {
    if (state && trace.outcomeOf(task) !== state) continue;
    if (text && !(places[column.coroutine[task]] || places[column.createdAt[task]] ||
      trace.nameOf(task).toLowerCase().includes(text) || waited(task))) continue;
    matching[task] = 1;
    found.push(task);
  }
  return [matching, found];
}

start();
