"use strict";
// The live view: asks twice a second, and draws what came. Names may hold anything: they are only ever set
// as text, and what would not show as itself shows as an escape.

const token = new URLSearchParams(location.search).get("token") ?? "";
const TABS = ["tasks", "tree", "loops", "locks and queues", "findings", "timeline"];
const SORTS = ["busy", "idle", "scheduled", "steps", "longest", "age", "name"];
const state = { tab: "tasks", sort: "busy", descending: true, before: new Map(), timeline: null };
const byId = (id) => document.getElementById(id);

function visible(text) {
  return String(text).replace(
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (c) => `\\u{${c.codePointAt(0).toString(16)}}`,
  );
}

function element(kind, text = "", name = "") {
  const made = document.createElement(kind);
  if (text !== "") made.textContent = visible(text);
  if (name) made.className = name;
  return made;
}

function duration(ns) {
  if (ns < 1e3) return `${ns} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toPrecision(3)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toPrecision(3)} ms`;
  if (ns < 60e9) return `${(ns / 1e9).toPrecision(3)} s`;
  return `${Math.floor(ns / 60e9)} min ${Math.round((ns / 1e9) % 60)} s`;
}

const bytes = (count) => (count < 1024 ? `${count} B` : count < 1 << 20
  ? `${(count / 1024).toFixed(1)} KiB` : `${(count / (1 << 20)).toFixed(1)} MiB`);

async function ask(path, arguments_ = {}, method = "GET") {
  const answer = await fetch(`${path}?${new URLSearchParams({ token, ...arguments_ })}`, { method });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function waits(task) {
  if (!task.waits_for) return "";
  const { kind, text } = task.waits_for, first = kind.split(" ")[0];
  // The kind is named once: "queue get made at app.py:3".
  const named = text.startsWith(first) ? kind + text.slice(first.length) : `${kind} ${text}`;
  return `${duration(task.waiting_ns)} ${named.trim()}`;
}

function taskRow(pid, task, depth, several) {
  const row = element("tr", "", "task");
  const name = element("td", `${task.name} ${task.coroutine}`);
  name.style.paddingLeft = `${8 + depth * 16}px`;
  row.append(...(several ? [element("td", pid)] : []), name, element("td", task.state, task.state));
  const cells = [duration(task.busy_ns), duration(task.idle_ns), duration(task.scheduled_ns), task.steps,
    duration(task.longest_ns), duration(task.age_ns), task.created, waits(task)];
  for (const cell of cells) row.append(element("td", cell));
  row.onclick = () => showTask(pid, task);
  return row;
}

function taskTable(rows, several) {
  const head = element("tr");
  const columns = [["task", "name"], ["state"], ["busy", "busy"], ["idle", "idle"], ["scheduled", "scheduled"],
    ["steps", "steps"], ["longest", "longest"], ["age", "age"], ["created"], ["waits for"]];
  if (several) columns.unshift(["process"]);
  for (const [title, sort] of columns) {
    const arrow = sort === state.sort && state.tab === "tasks" ? (state.descending ? " ▼" : " ▲") : "";
    const cell = element("th", title + arrow);
    if (sort) {
      cell.dataset.sort = sort;
      cell.onclick = () => {
        state.descending = state.sort === sort ? !state.descending : sort !== "name";
        state.sort = sort;
        refresh();
      };
    }
    head.append(cell);
  }
  const table = element("table");
  table.append(head, ...rows);
  return table;
}

function drawTasks(processes) {
  const several = processes.length > 1;
  const key = { busy: "busy_ns", idle: "idle_ns", scheduled: "scheduled_ns", steps: "steps", longest: "longest_ns", age: "age_ns", name: "name" }[state.sort];
  const all = processes.flatMap(({ pid, tasks }) => tasks.map((task) => [pid, task]));
  const sign = state.descending ? -1 : 1;
  all.sort(([, a], [, b]) => (a[key] < b[key] ? -sign : a[key] > b[key] ? sign : a.id - b.id));
  return taskTable(all.map(([pid, task]) => taskRow(pid, task, 0, several)), several);
}

function drawTree(processes) {
  const several = processes.length > 1, rows = [];
  for (const { pid, tree } of processes) {
    const known = new Set(tree.map((task) => task.id)), children = new Map();
    for (const task of tree) {
      const parent = known.has(task.parent) && task.parent !== task.id ? task.parent : 0;
      if (!children.has(parent)) children.set(parent, []);
      children.get(parent).push(task);
    }
    const stack = (children.get(0) ?? []).map((task) => [task, 0]).reverse();
    while (stack.length && rows.length < 2000) {
      const [task, depth] = stack.pop();
      rows.push(taskRow(pid, task, Math.min(depth, 20), several));
      stack.push(...(children.get(task.id) ?? []).map((child) => [child, depth + 1]).reverse());
    }
  }
  return taskTable(rows, several);
}

function table(heads, rows) {
  const made = element("table"), head = element("tr");
  for (const each of heads) head.append(element("th", each));
  made.append(head);
  for (const cells of rows) {
    const row = element("tr");
    for (const cell of cells) row.append(element("td", cell));
    made.append(row);
  }
  return made;
}

function perSecond(pid, loop, counter) {
  const before = state.before.get(`${pid} ${loop.id}`);
  if (!before) return "–";
  return Math.round((loop[counter] - before.loop[counter]) / Math.max(0.001, (loop.at - before.loop.at) / 1000));
}

function drawLoops(processes) {
  const rows = processes.flatMap(({ pid, loops }) => loops.map((loop) => [
    pid, loop.id, loop.running ? "running" : "not running",
    loop.now ? `${loop.now.name} ${loop.now.location} for ${duration(loop.now.since_ns)}` : "polls",
    perSecond(pid, loop, "iterations"), loop.ready, loop.timers, loop.transports, bytes(loop.bytes_in),
    bytes(loop.bytes_out), bytes(loop.unsent), longestStep(loop), `${loop.threads_busy} of ${loop.threads_busy + loop.threads_idle}`,
  ]));
  return table(["process", "loop", "state", "now", "iterations/s", "ready", "timers", "transports", "received",
    "sent", "unsent", "longest step", "busy threads"], rows);
}

function longestStep(loop) {
  const facts = [loop.longest_coroutine, loop.longest_location].filter(Boolean).join(", ");
  return `${duration(loop.longest_ns)} ${loop.longest_name}${facts ? ` (${facts})` : ""}`;
}

function drawObjects(processes) {
  const rows = processes.flatMap(({ pid, tasks, objects }) => {
    const name = (id) => (id ? tasks.find((task) => task.id === id)?.name ?? `task ${id}` : "–");
    return objects.map((each) => [pid, each.kind, each.id, each.name, each.created, each.held_by[0] ?? name(each.owner), each.length,
      each.waiters.length, each.waiter_names.join(", ")]);
  });
  return table(["process", "kind", "id", "name", "created", "owner", "length", "waiters", ""], rows);
}

function drawFindings(processes) {
  const made = element("div");
  for (const { pid, findings } of processes) {
    for (const each of findings) {
      const box = element("div", "", "finding");
      const facts = [];
      if (each.place) facts.push(`at ${each.place}`);
      if (each.created) facts.push(`created at ${each.created}`);
      if (each.elapsed_ns) facts.push(`lasted ${duration(each.elapsed_ns)}`);
      if (each.victims.length) facts.push(`held up ${each.victims.join(", ")}`);
      box.append(element("div", `${pid} ${each.lint}: ${each.sentence}`), element("div", facts.join(", "), "dim"), element("div", each.fix));
      made.append(box);
    }
  }
  if (!made.children.length) made.append(element("p", "Nothing was found. Faults are looked for while the watchdog is on: aioxide --watch --console app.py", "dim"));
  return made;
}

// The timeline is a page of its own; it is loaded when it is asked for, not twice a second.
function drawTimeline(processes) {
  const made = element("div"), bar = element("p");
  for (const { pid } of processes) {
    const button = element("button", `what process ${pid} has recorded by now`);
    button.onclick = () => {
      state.timeline.src = `timeline?${new URLSearchParams({ token, pid })}&at=${Date.now()}`;
    };
    bar.append(button, " ");
  }
  state.timeline = element("iframe");
  state.timeline.title = "timeline";
  made.append(bar, state.timeline);
  bar.querySelector("button")?.click();
  return made;
}

function drawProcesses(processes) {
  const lines = processes.map((each) => {
    const line = element("div");
    line.append(element("b", `${each.pid} `), visible(each.argv.join(" ")), element("span", `  Python ${each.python}  `, "dim"),
      `${each.total} ${each.total === 1 ? "task" : "tasks"}`);
    if (each.gone) line.append(" ", element("span", each.gone, "alarm"));
    for (const loop of each.loops) {
      if (loop.blocked_by) line.append(" ", element("span", `loop ${loop.id} is blocked: ${loop.blocked_by}`, "alarm"));
    }
    return line;
  });
  if (!lines.length) lines.push(element("div", "No process has a console: start one with 'aioxide --console app.py'.", "dim"));
  byId("processes").replaceChildren(...lines);
}

async function showTask(pid, task) {
  const into = byId("details");
  into.hidden = false;
  const cancel = element("button", "Cancel this task"), close = element("button", "Close"), stack = element("ol");
  const status = element("p", "reading the await stack …", "dim");
  close.onclick = () => { into.hidden = true; };
  cancel.onclick = () => cancelTask(pid, task, status);
  into.replaceChildren(element("h2", task.name), element("p", task.coroutine), element("p", `created at ${task.created}`),
    element("p", `${task.state} ${waits(task)}`), cancel, " ", close, element("h3", "Await stack"), stack, status);
  try {
    const answer = await ask("stack", { pid, task: task.id });
    status.textContent = visible(answer.unavailable ?? (answer.frames.length ? "" : "no frames"));
    for (const frame of answer.frames) stack.append(element("li", `${frame.function} — ${frame.file}:${frame.line}`));
  } catch (error) {
    status.textContent = visible(error.message);
  }
}

function cancelTask(pid, task, status) {
  const dialog = byId("ask");
  dialog.querySelector("p").textContent = visible(`Cancel ${task.name} of process ${pid}?`);
  for (const button of dialog.querySelectorAll("button")) button.onclick = () => dialog.close(button.value);
  dialog.onclose = async () => {
    if (dialog.returnValue !== "yes") return;
    try {
      const answer = await ask("cancel", { pid, task: task.id }, "POST");
      status.textContent = answer.ok ? "cancel requested" : visible(answer.refused ?? "refused");
    } catch (error) {
      status.textContent = visible(error.message);
    }
  };
  dialog.returnValue = "no";
  dialog.showModal();
}

let asking = false;
async function refresh() {
  if (asking) return;
  asking = true;
  try {
    const processes = await ask("snapshot", {
      sort: state.sort, descending: state.descending, filter: byId("filter").value, limit: 200,
      tree: state.tab === "tree", objects: state.tab === "locks and queues",
    });
    drawProcesses(processes);
    const alive = processes.filter((each) => !each.gone), draw = {
      tasks: drawTasks, tree: drawTree, loops: drawLoops, "locks and queues": drawObjects, findings: drawFindings,
    }[state.tab];
    if (draw) byId("body").replaceChildren(draw(alive));
    else if (!state.timeline) byId("body").replaceChildren(drawTimeline(alive));
    for (const { pid, loops } of alive) for (const loop of loops) state.before.set(`${pid} ${loop.id}`, { loop });
    document.body.dataset.ready = "true";
  } catch (error) {
    byId("processes").replaceChildren(element("span", error.message, "alarm"));
  }
  asking = false;
}

for (const tab of TABS) {
  const button = element("button", tab);
  button.onclick = () => {
    state.tab = tab;
    state.timeline = null;
    for (const each of byId("tabs").children) each.toggleAttribute("aria-current", each === button);
    refresh();
  };
  button.toggleAttribute("aria-current", tab === state.tab);
  byId("tabs").append(button);
}
byId("filter").oninput = refresh;
refresh();
setInterval(refresh, 500);
