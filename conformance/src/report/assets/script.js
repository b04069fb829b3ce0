// The page as a whole: its head, the filter, links, the theme.

function drawHead() {
  const all = targets.map((_, at) => tally(data.cases, at));
  const findings = all.map(findingsOf);
  const total = findings.reduce((sum, count) => sum + count, 0);
  const bad = findings.filter(Boolean).length;
  const passed = all.reduce((sum, counted) => sum + (counted.get("pass") ?? 0), 0);
  const told = all.reduce((sum, counted) => sum + sizeOf(counted), 0);
  const where = targets.length === 1 ? targets[0].name : plural(targets.length, "server");
  const which = targets.length === 1 ? "" : bad === targets.length ? "all " : `${bad} of `;
  const words = total
    ? `${plural(total, "finding")} on ${which}${where}`
    : passed === told ? `Every case holds on ${where}` : `No finding on ${where}`;
  byId("verdict").replaceChildren(
    el("span", { class: `mark ${total ? "fail" : "pass"}`, "aria-hidden": "true" }, total ? "✗" : "✓"),
    ` ${words}`);
  document.title = `NATS conformance: ${words}`;
  const differing = data.cases.filter((item) => item.differs).length;
  const skipped = all.reduce((sum, counted) => sum + (counted.get("skip") ?? 0), 0);
  byId("lead").textContent = [plural(data.cases.length, "case"), `${passed} of ${told} held`,
    skipped ? `${skipped} skipped` : null,
    differing ? `${plural(differing, "case")} where the servers differ` : null,
    date(targets[0].provenance.started)].filter(Boolean).join(" · ");
  byId("targets").append(...targets.map((target, at) => card(target, at, all[at])));
  drawProvenance();
}

const date = (text) => (text ? text.slice(0, 16).replace("T", "\u00a0").replaceAll("-", "\u2011") + "\u00a0UTC" : null);

/** A server: its counts as a bar and as words that filter. */
function card(target, at, counted) {
  const { server = {} } = target.provenance;
  const size = sizeOf(counted);
  const words = data.verdicts.map(({ word }) => word).filter((word) => counted.get(word));
  return el("article", { class: "card" },
    el("h2", {}, target.name),
    el("p", { class: "said" }, [server.built_with, server.git_commit,
      target.provenance.judged_as === server.version ? null : `judged as ${target.provenance.judged_as}`,
    ].filter(Boolean).join(" · ") || " "),
    el("div", { class: "bar", role: "img",
      "aria-label": words.map((word) => `${counted.get(word)} ${word}`).join(", ") },
    words.map((word) => el("span", { class: word, style: `flex-grow: ${counted.get(word)}`,
      title: `${counted.get(word)} ${word}` }))),
    el("p", { class: "numbers" }, words.map((word) => [badge(word, ` ${counted.get(word)}`), " "]),
      el("span", { class: "size" }, `of ${size}`)));
}

/** Everything that was written down about the runs, also by later versions of the harness. */
function drawProvenance() {
  const flat = (value, name = "") => (value !== null && typeof value === "object"
    ? Object.entries(value).flatMap(([key, inner]) => flat(inner, name ? `${name} ${key}` : key))
    : [[name.replaceAll("_", " "), value]]);
  const all = targets.map((target) => new Map(flat(target.provenance)));
  const keys = [...new Set(all.flatMap((facts) => [...facts.keys()]))];
  byId("provenance").append(
    el("div", { class: "inside" }, el("table", { class: "facts-table" },
      el("thead", {}, el("tr", {}, el("td"), targets.map((target) => el("th", {}, target.name)))),
      el("tbody", {}, keys.map((key) => el("tr", {}, el("th", { scope: "row" }, key),
        all.map((facts) => el("td", {}, String(facts.get(key) ?? "–")))))))),
    el("pre", {}, targets.map((target) => target.again).join("\n")));
  const mixed = data.cases.filter((item) =>
    new Set(item.results.map((result) => result?.text).filter((text) => text !== undefined)).size > 1);
  if (mixed.length) {
    byId("provenance").before(el("p", { class: "note" },
      "These runs were made with different scenarios: "
      + `the text of ${plural(mixed.length, "case")} is not the same for all servers.`));
  }
}

function drawTools() {
  const everywhere = targets.map((_, at) => tally(data.cases, at));
  const total = (word) => everywhere.reduce((sum, counted) => sum + (counted.get(word) ?? 0), 0);
  byId("verdicts").append(...data.verdicts.filter(({ word }) => total(word)).map(({ word, sign }) =>
    el("label", { class: `chip ${word}` }, el("input", { type: "checkbox", value: word }),
      el("span", { class: "sign" }, sign), ` ${word} ${total(word)}`)));
  const option = (word) => el("option", { value: word }, word);
  byId("level").append(...[...new Set(data.cases.map((item) => item.level))].map(option));
  byId("section").append(...matrix.sections.map(({ folder }) => option(folder)));
  byId("differing").hidden = targets.length < 2;
  byId("tools").addEventListener("input", filter);
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", () => { byId("tools").reset(); filter(); });
  byId("fold").addEventListener("click", () => {
    const open = byId("fold").textContent === "Open all";
    for (const section of matrix.sections) Object.assign(section, { open, shut: !open });
    byId("fold").textContent = open ? "Close all" : "Open all";
    showLines();
  });
}

function filter() {
  const checked = [...document.querySelectorAll("#verdicts input:checked")];
  const shown = applyFilter({
    words: byId("search").value.toLowerCase().split(/\s+/).filter(Boolean),
    verdicts: new Set(checked.map((box) => box.value)),
    level: byId("level").value,
    section: byId("section").value,
    servers: byId("servers").value,
  });
  byId("count").value = matrix.active
    ? `${shown} of ${plural(data.cases.length, "case")}` : plural(data.cases.length, "case");
  byId("clear").hidden = !matrix.active;
}

/** Shows what the address says: a case, or the matrix. */
function route() {
  const meant = meantBy(location.hash);
  if (meant) return drawStory(meant);
  story.openedHere = false;
  if (byId("story").open) byId("story").close();
  const line = story.item?.line;
  if (!line || line.hidden) return;
  const hash = hashOf(story.item, story.target);
  focusOn(stops(line).find((stop) => stop.getAttribute("href") === hash));
}

function listen() {
  addEventListener("hashchange", route);
  // A step back from here leads to the matrix.
  byId("matrix").addEventListener("click", (event) => {
    if (event.target.closest(".cell")) story.openedHere = true;
  });
  byId("story").addEventListener("cancel", (event) => { event.preventDefault(); closeStory(); });
  byId("story").addEventListener("click", (event) => {
    if (event.target === byId("story")) closeStory();
  });
  document.querySelector(".skip-link").addEventListener("click", (event) => {
    event.preventDefault();
    byId("matrix").focus();
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (byId("story").open) {
      const moves = {
        j: () => step(1), k: () => step(-1),
        ArrowLeft: () => aside(-1), ArrowRight: () => aside(1),
      };
      if (!event.target.closest("input, .inside")) moves[event.key]?.();
    } else if (event.key === "/" && !event.target.closest("input, select")) {
      event.preventDefault();
      byId("search").select();
    } else if (event.key === "Escape" && event.target === byId("search")) {
      byId("search").value = "";
      filter();
    }
  });
}

/** As the system says, dark, or light; remembered where the browser lets us. */
function theme() {
  const names = ["auto", "dark", "light"];
  const store = {
    get() { try { return localStorage.getItem("theme"); } catch { return null; } },
    set(name) { try { localStorage.setItem("theme", name); } catch { /* it is only forgotten */ } },
  };
  let at = Math.max(0, names.indexOf(store.get()));
  const show = () => {
    document.documentElement.dataset.theme = names[at];
    byId("theme").textContent = `Theme: ${names[at]}`;
  };
  byId("theme").addEventListener("click", () => {
    at = (at + 1) % names.length;
    store.set(names[at]);
    show();
  });
  show();
}

theme();
drawMatrix();
drawHead();
drawTools();
filter();
listen();
route();
