"use strict";
// The data of the page, as report/html.rs wrote it, and questions about it. Whatever a server
// said becomes text nodes (`el`), never markup.

const data = JSON.parse(document.getElementById("data").textContent);
const targets = data.targets;
const verdicts = new Map(data.verdicts.map((verdict) => [verdict.word, verdict]));

/** What a table of cases is shown as: the gravest verdict of its rows. */
const GRAVEST = ["fail", "error", "warn", "known", "info", "skip", "pass"];

/** An element with attributes, listeners (`onclick`) and children; strings become text. */
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined));
  return node;
}

const byId = (id) => document.getElementById(id);
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** `core/sub/max` of `core/sub/max[2]`. */
const scenarioOf = (id) => id.split("[")[0];
const folderOf = (id) => scenarioOf(id).split("/").slice(0, -1).join("/");

/** Sections of scenarios of cases, in the order of the data. */
function sections() {
  const found = new Map();
  for (const item of data.cases) {
    const folder = folderOf(item.id);
    if (!found.has(folder)) found.set(folder, { folder, scenarios: new Map() });
    const { scenarios } = found.get(folder);
    const id = scenarioOf(item.id);
    if (!scenarios.has(id)) scenarios.set(id, { id, title: item.title, cases: [] });
    scenarios.get(id).cases.push(item);
    const words = [item.id, item.title, item.row, item.level, ...item.clauses, ...(item.tags ?? [])];
    item.words = words.join("\n").toLowerCase();
  }
  return [...found.values()].map((section) => {
    section.scenarios = [...section.scenarios.values()];
    section.cases = section.scenarios.flatMap((scenario) => scenario.cases);
    return section;
  });
}

/** How many of the cases came to which verdict on a target. */
function tally(cases, target) {
  const counts = new Map();
  for (const item of cases) {
    const word = item.results[target]?.verdict;
    if (word) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

const isFinding = (word) => verdicts.get(word)?.finding ?? false;
const gravest = (counts) => GRAVEST.find((word) => counts.get(word));
const sizeOf = (counts) => [...counts.values()].reduce((sum, count) => sum + count, 0);
const findingsOf = (counts) =>
  [...counts].reduce((sum, [word, count]) => sum + (isFinding(word) ? count : 0), 0);

/** Whether a case is wanted. */
function wanted(item, filter) {
  const words = item.results.map((result) => result?.verdict);
  if (filter.verdicts.size && !words.some((word) => filter.verdicts.has(word))) return false;
  if (filter.level && item.level !== filter.level) return false;
  if (filter.section && folderOf(item.id) !== filter.section) return false;
  if (filter.servers === "differ" && !item.differs) return false;
  if (filter.servers === "any" && new Set(words).size < 2) return false;
  return filter.words.every((word) => item.words.includes(word));
}

/** The part of a link that opens a case on a target. */
function hashOf(item, target) {
  const id = encodeURI(item.id).replaceAll("%5B", "[").replaceAll("%5D", "]").replaceAll("#", "%23");
  return `#${id}@${targets[target].key}`;
}

/** The case and the target that a link means, or nothing. */
function meantBy(hash) {
  let text = hash.slice(1);
  try {
    text = decodeURIComponent(text);
  } catch {
    return null;
  }
  const at = text.lastIndexOf("@");
  const item = data.cases.find((other) => other.id === (at < 0 ? text : text.slice(0, at)));
  const target = at < 0 ? 0 : targets.findIndex((other) => other.key === text.slice(at + 1));
  return item && target >= 0 && item.results[target] ? { item, target } : null;
}

/** The events of a transcript, each with its time in microseconds, if it has one. */
function events(result) {
  let time = 0;
  return (result.events ?? []).map(([since, index]) => {
    const text = data.lines[index];
    if (since < 0) return { remark: text };
    time += since;
    const parts = /^(\S+) +([>»<·]) ([^]*)$/.exec(text);
    return parts ? { time, since, peer: parts[1], sign: parts[2], text: parts[3] } : { remark: text };
  });
}

const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** A verdict as a sign and a word. */
function badge(word, more = "") {
  const verdict = verdicts.get(word);
  return el("span", { class: `badge ${word}` },
    el("span", { class: "sign", "aria-hidden": "true" }, verdict.sign), ` ${word}${more}`);
}
