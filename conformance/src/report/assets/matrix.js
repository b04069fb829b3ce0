// The matrix: sections, scenarios, and the rows of those that are tables; a column for each server.

const matrix = { sections: sections(), lines: [], stop: null };

/** Draws all of it once; filters hide and show lines. */
function drawMatrix() {
  const head = targets.map((target) => el("th", { scope: "col" }, target.name));
  const bodies = matrix.sections.map(drawSection);
  const table = el("table", { style: `--targets: ${targets.length}`, onkeydown: moveByKey },
    el("caption", { class: "hidden" }, "Cases and their verdicts on each server"),
    el("colgroup", {}, el("col", { class: "first" }), targets.map(() => el("col"))),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Case"), head)), bodies);
  byId("matrix").append(table, el("p", { class: "nothing", hidden: true }, "No case is like that."));
  const fits = () => {
    const { width } = byId("matrix").getBoundingClientRect();
    const needed = parseFloat(getComputedStyle(table).minWidth);
    byId("matrix").classList.toggle("scrolls", needed > width + 1);
  };
  new ResizeObserver(fits).observe(byId("matrix"));
  fits();
  // The head of the table stays below the filter, however many lines that has.
  new ResizeObserver(() => {
    const { height } = byId("tools").getBoundingClientRect();
    document.documentElement.style.setProperty("--tools", `${height}px`);
  }).observe(byId("tools"));
}

function drawSection(section) {
  const findings = targets.some((_, at) => findingsOf(tally(section.cases, at)) > 0);
  section.open = findings || section.cases.some((item) => item.differs) || data.cases.length < 60;
  section.toggle = el("button", { class: "toggle", type: "button", tabindex: "-1", onclick: () => {
    if (matrix.active) section.shut = !section.shut;
    else section.open = !section.open;
    showLines();
  } }, section.folder || "scenarios");
  section.line = el("tr", { class: "section" },
    el("th", { scope: "rowgroup" }, section.toggle,
      el("span", { class: "size" }, plural(section.cases.length, "case"))),
    targets.map((_, at) => el("td", {}, counts(tally(section.cases, at)))));
  return el("tbody", {}, section.line, section.scenarios.map((scenario) => drawScenario(scenario)));
}

/** `✗ 1  ✓ 33` */
function counts(all) {
  return GRAVEST.filter((word) => all.get(word)).map((word) =>
    el("span", { class: `count ${word}`, title: `${all.get(word)} ${word}` },
      `${verdicts.get(word).sign} ${all.get(word)}`, el("span", { class: "hidden" }, ` ${word} `)));
}

function drawScenario(scenario) {
  const [first] = scenario.cases;
  const name = scenario.id.split("/").at(-1);
  const about = [
    first.level === "MUST" ? null : el("span", { class: "level" }, first.level),
    el("span", { class: "clause" }, first.clauses.join(" ")),
  ];
  if (scenario.cases.length === 1 && !first.row) {
    first.line = el("tr", { class: "case" },
      el("th", { scope: "row" },
        el("span", { class: "head" }, el("span", { class: "name" }, name), about),
        el("span", { class: "title" }, scenario.title)),
      targets.map((_, at) => el("td", {}, cell(first, at))));
    return first.line;
  }
  scenario.toggle = el("button", { class: "toggle", type: "button", tabindex: "-1", onclick: () => {
    scenario.open = !scenario.open;
    showLines();
  } }, name);
  scenario.line = el("tr", { class: "case table" },
    el("th", { scope: "row" },
      el("span", { class: "head" }, scenario.toggle,
        el("span", { class: "size" }, plural(scenario.cases.length, "row")), about),
      el("span", { class: "title" }, scenario.title)),
    targets.map((_, at) => el("td", {}, sum(scenario.cases, at))));
  return [scenario.line, ...scenario.cases.map((item) => {
    item.line = el("tr", { class: "row" },
      el("th", { scope: "row" }, el("span", { class: "number" }, item.id.slice(scenario.id.length)),
        el("code", {}, item.row ?? "")),
      targets.map((_, at) => el("td", {}, cell(item, at))));
    return item.line;
  })];
}

function cell(item, at) {
  const result = item.results[at];
  if (!result) return el("span", { class: "absent", title: "not part of this run" }, "·");
  const label = `${item.id} on ${targets[at].name}: ${result.verdict}`;
  return el("a", { class: `cell ${result.verdict}`, href: hashOf(item, at), tabindex: "-1",
    "aria-label": label, title: result.message ?? "" },
  el("span", { class: "sign" }, verdicts.get(result.verdict).sign),
  el("span", { class: "word" }, result.verdict));
}

/** All rows of a table in one cell, which leads to the first of the gravest ones. */
function sum(cases, at) {
  const all = tally(cases, at);
  const word = gravest(all);
  if (!word) return el("span", { class: "absent" }, "·");
  const item = cases.find((one) => one.results[at]?.verdict === word);
  const share = all.get(word) === cases.length ? word : `${all.get(word)} of ${cases.length}`;
  return el("a", { class: `cell sum ${word}`, href: hashOf(item, at), tabindex: "-1",
    "aria-label": `${scenarioOf(item.id)} on ${targets[at].name}: ${word}, ${share}` },
  el("span", { class: "sign" }, verdicts.get(word).sign), el("span", { class: "word" }, share));
}

/** Shows the cases that are wanted; while a filter is in use, sections are open. */
function applyFilter(filter) {
  matrix.active = Boolean(filter.words.length || filter.verdicts.size || filter.level
    || filter.section || filter.servers);
  let shown = 0;
  for (const section of matrix.sections) {
    section.shut = false;
    section.wanted = section.cases.filter((item) => {
      item.wanted = wanted(item, filter);
      return item.wanted;
    });
    shown += section.wanted.length;
  }
  showLines();
  document.querySelector(".nothing").hidden = shown > 0;
  return shown;
}

function showLines() {
  for (const section of matrix.sections) {
    const open = matrix.active ? !section.shut : section.open;
    section.line.hidden = !section.wanted.length;
    section.toggle.setAttribute("aria-expanded", open);
    for (const scenario of section.scenarios) showScenario(scenario, open);
  }
  matrix.lines = [...document.querySelectorAll("#matrix tbody tr:not([hidden])")];
  if (!matrix.lines.includes(matrix.stop?.closest("tr"))) stopAt(matrix.lines.flatMap(stops)[0]);
}

function showScenario(scenario, open) {
  const some = scenario.cases.filter((item) => item.wanted);
  const part = matrix.active && some.length < scenario.cases.length;
  const unfolded = scenario.toggle ? (scenario.open ?? part) : true;
  if (scenario.toggle) {
    scenario.line.hidden = !open || !some.length;
    scenario.toggle.setAttribute("aria-expanded", unfolded);
  }
  for (const item of scenario.cases) item.line.hidden = !open || !item.wanted || !unfolded;
}

/** What can have the focus in a line of the matrix: its toggle, its cells. */
const stops = (line) => [...line.querySelectorAll(".toggle, .cell")];

/** One stop of the whole matrix is reached by Tab; the arrows move on from there. */
function moveByKey(event) {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const step = steps[event.key];
  const from = event.target.closest(".toggle, .cell");
  if (!step || !from || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const column = (stop) => stop.closest("th, td").cellIndex;
  let line = matrix.lines.indexOf(from.closest("tr"));
  if (step[1]) {
    const places = stops(matrix.lines[line]);
    focusOn(places[places.indexOf(from) + step[1]]);
    return;
  }
  for (line += step[0]; matrix.lines[line]; line += step[0]) {
    const places = stops(matrix.lines[line]);
    const place = places.find((stop) => column(stop) === column(from));
    if (place ?? places[0]) return focusOn(place ?? places[0]);
  }
}

function stopAt(stop) {
  matrix.stop?.setAttribute("tabindex", "-1");
  matrix.stop = stop;
  stop?.setAttribute("tabindex", "0");
}

function focusOn(stop) {
  if (!stop) return;
  stopAt(stop);
  stop.focus();
}
