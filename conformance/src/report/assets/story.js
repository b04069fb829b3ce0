// An opened cell: what the scenario says, what broke, and what went over the wire.

const story = { item: null, target: 0, openedHere: false };

function drawStory({ item, target }) {
  const result = item.results[target];
  Object.assign(story, { item, target });
  const peers = peersOf(events(result));
  byId("story").replaceChildren(
    storyHead(item, target, result),
    el("div", { class: "body", tabindex: "-1" },
      elsewhere(item, target),
      facts(item, target, result),
      broken(item, result),
      scenarioText(item, result, peers),
      transcript(result, peers),
      result.log ? el("section", {}, el("h3", {}, "The server's log ends with"),
        el("pre", { class: "log" }, result.log)) : null));
  const dialog = byId("story");
  if (!dialog.open) dialog.showModal();
  dialog.querySelector(".body").focus({ preventScroll: true });
  dialog.scrollTop = 0;
}

function storyHead(item, target, result) {
  const again = againOf(item, target);
  return el("header", {},
    el("div", { class: "line" },
      badge(result.verdict),
      el("h2", { id: "story-title" }, item.id),
      el("span", { class: "grow" }),
      el("button", { title: "previous case (k)", onclick: () => step(-1) }, "↑"),
      el("button", { title: "next case (j)", onclick: () => step(1) }, "↓"),
      el("button", { onclick: (event) => copy(location.href, event.currentTarget) }, "Copy link"),
      el("button", { onclick: (event) => copy(again, event.currentTarget) }, "Copy command"),
      el("button", { class: "close", title: "close (Esc)", "aria-label": "close",
        onclick: closeStory }, "✕")));
}

/** The verdicts of the other servers, each a link. */
function elsewhere(item, target) {
  if (targets.length < 2) return null;
  return el("nav", { class: "elsewhere", "aria-label": "The same case on other servers" },
    targets.map((other, at) => {
      const result = item.results[at];
      if (!result) return null;
      return el("a", { href: hashOf(item, at), class: `chip ${result.verdict}`,
        "aria-current": at === target ? "true" : null, onclick: replaceBy(item, at) },
      el("span", { class: "sign" }, verdicts.get(result.verdict).sign), ` ${other.name} `,
      el("span", { class: "word" }, result.verdict));
    }));
}

function facts(item, target, result) {
  const rows = [
    ["server", targets[target].name],
    ["row", item.row && el("code", {}, item.row)],
    ["level", item.level],
    ["clauses", item.clauses.join(", ")],
    ["tags", (item.tags ?? []).join(" ")],
    ["took", result.verdict === "skip" ? null : duration(result.ms)],
  ];
  return [el("p", { class: "about" }, item.title), el("dl", { class: "facts" },
    rows.filter(([, value]) => value).map(([key, value]) =>
      el("div", {}, el("dt", {}, key), el("dd", {}, value))))];
}

function broken(item, result) {
  if (!result.message && !result.expected && !result.got) return null;
  const words = { skip: "Not asked", known: "Known" }[result.verdict] ?? "What broke";
  const [expected, got] = marked(result.expected, result.got);
  const line = (key, value) => value
    && [el("dt", {}, key), el("dd", {}, typeof value === "string" ? value : el("pre", {}, value))];
  return el("section", { class: `broken ${result.verdict}` }, el("h3", {}, words),
    el("dl", {}, line(result.verdict === "skip" ? "reason" : "because", result.message),
      line("expected", expected), line("got", got),
      line("at", result.line && `scenarios/${scenarioOf(item.id)}.nats:${result.line}`)));
}

/** Both texts with what they do not share at their beginnings and ends marked. */
function marked(expected, got) {
  const tokens = (text) => text.match(/\\x[0-9a-fA-F]{2}|\\r\\n|\\.|\w+|[^]/g) ?? [];
  if (!expected || !got) return [expected && wire(expected), got && wire(got)];
  const [a, b] = [tokens(expected), tokens(got)];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  const most = Math.min(a.length, b.length) - head;
  while (tail < most && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const show = (all) => {
    const middle = all.slice(head, all.length - tail).join("");
    const rest = all.slice(all.length - tail).join("");
    return [wire(all.slice(0, head).join("")),
      middle ? el("mark", {}, wire(middle)) : null, wire(rest)];
  };
  return head + tail === 0 ? [wire(expected), wire(got)] : [show(a), show(b)];
}

/** Frames as people read them: a line of its own behind each CR LF. */
function wire(text) {
  const lines = text.split("\\r\\n");
  return lines.map((line, at) => [line, at < lines.length - 1
    ? [el("span", { class: "crlf" }, "\\r\\n"), at < lines.length - 2 || lines.at(-1) ? "\n" : null]
    : null]);
}

function scenarioText(item, result, peers) {
  const text = data.texts[result.text];
  if (text === undefined) return null;
  const lines = text.replace(/\n$/, "").split("\n");
  const number = /\[(\d+)\]$/.exec(item.id)?.[1];
  const rows = lines.flatMap((line, at) => (line.trimStart().startsWith("|") ? [at] : []));
  const own = number ? rows.filter((at) => lines[at].includes(item.row ?? ""))
    .find((at) => rows.indexOf(at) === number - 1) : undefined;
  return el("section", {}, el("h3", {}, `scenarios/${scenarioOf(item.id)}.nats`),
    el("ol", { class: "source" }, lines.map((line, at) => {
      const bad = at + 1 === result.line;
      return el("li", { class: bad ? "bad" : at === own ? "own" : null },
        sourceLine(line, peers),
        bad ? el("span", { class: "remark" }, " ◀ did not hold") : null,
        at === own ? el("span", { class: "remark" }, " ◀ this row") : null);
    })));
}

/** Remarks are pale; who speaks has the colour of the transcript. */
function sourceLine(line, peers) {
  if (/^\s*#/.test(line)) return el("span", { class: "caption" }, line);
  const parts = /^(\s*)([\w-]+)(?=[<>]| (?:connects|dials|is|[a-z-]*closes|resets|stops|reads)\b)([^]*)$/
    .exec(line);
  if (!parts || !peers.has(parts[2])) return line || " ";
  return [parts[1], el("span", { class: `peer p${peers.get(parts[2])}` }, parts[2]), parts[3]];
}

/** Names of peers and the numbers of their colours. */
function peersOf(all) {
  const names = [...new Set(all.map((event) => event.peer).filter(Boolean))];
  return new Map(names.map((name, at) => [name, at % 8]));
}

const SIGNS = { ">": "sent", "<": "came", "»": "harness", "·": "note" };

function transcript(result, peers) {
  const all = events(result);
  if (!all.length) {
    if (result.verdict === "skip") return null;
    return el("p", { class: "note" },
      "The wire transcript was not recorded; run with --record all or --html to keep it.");
  }
  const table = el("table", { class: "wire" },
    el("thead", {}, el("tr", {}, ["ms", "who", "", "what"].map((word) => el("th", {}, word)))),
    el("tbody", {}, all.map((event) => event.remark !== undefined
      ? el("tr", { class: "gap" }, el("td", { colspan: "4" }, event.remark))
      : el("tr", { class: `${SIGNS[event.sign]} p${peers.get(event.peer)}` },
        el("td", { class: event.since >= 100000 ? "time late" : "time" },
          (event.time / 1000).toFixed(3)),
        el("td", { class: "peer" }, event.peer),
        el("td", { class: "sign", title: SIGNS[event.sign] }, event.sign),
        el("td", {}, frame(event.text))))));
  const hide = el("input", { type: "checkbox",
    onchange: () => table.classList.toggle("told", hide.checked) });
  return el("section", {},
    el("div", { class: "line" }, el("h3", {}, "On the wire"), el("span", { class: "grow" }),
      el("label", {}, hide, " hide the harness's own PING and CONNECT")),
    el("p", { class: "legend" }, "> sent, < came, » sent by the harness, · remark"),
    el("div", { class: "inside" }, table));
}

/** What is long, such as INFO, is unfolded on demand. */
function frame(text) {
  if (text.length <= 160) return el("pre", {}, wire(text));
  return el("details", {}, el("summary", {}, el("code", {}, `${text.slice(0, 90)} …`)),
    el("pre", {}, wire(text)));
}

function againOf(item, target) {
  const { again } = targets[target];
  const word = `'${item.id.replaceAll("'", "'\\''")}'`;
  return `${again.replace("nats-conformance run", () => `nats-conformance run ${word}`)} --trace`;
}

/** The next or previous case that the filter lets through, on the same server. */
function step(by) {
  const wantedCases = matrix.sections.flatMap((section) => section.wanted)
    .filter((item) => item.results[story.target]);
  const next = wantedCases[wantedCases.indexOf(story.item) + by];
  if (next) replaceBy(next, story.target)();
}

/** To the next or previous server that had this case. */
function aside(by) {
  const having = targets.map((_, at) => at).filter((at) => story.item.results[at]);
  const next = having[having.indexOf(story.target) + by];
  if (next !== undefined) replaceBy(story.item, next)();
}

/**
 * Moves on within the dialog: one step back in the browser still leads to the matrix. Shown at
 * once, as the browser tells of a new address late: the next key may come before that.
 */
function replaceBy(item, target) {
  return (event) => {
    if (event?.ctrlKey || event?.metaKey || event?.shiftKey) return;
    event?.preventDefault();
    history.replaceState(null, "", hashOf(item, target));
    route();
  };
}

function closeStory() {
  if (story.openedHere) history.back();
  else {
    history.replaceState(null, "", location.href.split("#")[0]);
    route();
  }
}

async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    window.prompt("Copy this:", text);
  }
  setTimeout(() => { button.textContent = before; }, 1500);
}
