"""Writes docs/quality.md from the figures below artifacts/quality/; see ci/quality.sh."""

import json
import pathlib
import re

FIGURES = pathlib.Path("artifacts/quality")
PAGE = pathlib.Path("docs/quality.md")
HEAD = """# How far this has been tried

Scenarios show what somebody thought of. Here are the last figures of what looks for the rest, and of
what puts the suite itself on trial. `ci/quality.sh` makes them again, and writes this page.
"""


def number(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {number(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(number, value)) or "none"
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else str(value)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(number(cell) for cell in line) + " |" for line in lines)


def explore(told):
    names = {"broker": "the model, on our broker", "nats-server-2.15.1": "the model, on nats-server 2.15.1",
             "both": "nats-server 2.15.1 and our broker, side by side"}
    rows = [[text, told[key]["stories"], told[key]["ops"], told[key]["connections"],
             told[key]["differences"], round(told[key]["seconds"])]
            for key, text in names.items() if key in told]
    known = [f"- {entry['reason']} (met {number(entry['used'])} times)" for entry in told["both"]["known"]]
    return "\n".join([
        "Random stories of several connections, malformed lines included, held against a naive model of "
        "core NATS; and stories and streams of bytes to two servers at once.", "",
        table(["against", "stories", "operations", "connections", "unexplained", "seconds"], rows), "",
        f"Seed {told['seed']}. Differences that are known (`conformance/differences.toml`):", "", *known])


def coverage(told):
    rows = [[f"`{f['file']}`", f["lines"], f["reached"], f["why"] or ""] for f in told["files"]]
    return "\n".join([
        f"The suite alone, on the broker embedded and as a program, reaches {number(told['reached'])} of "
        f"{number(told['lines'])} lines ({told['percent']} %). `ci/coverage.toml` names the others.", "",
        table(["file", "lines", "reached", "what is left"], rows)])


def mutants(told):
    viable, noticed = told["viable"], told["caught"] + told["timeout"]
    share = f"{100 * noticed / viable:.1f} %" if viable else "none"
    return "\n".join([
        f"Of {number(viable)} small changes to the broker that compile, the tests notice {number(noticed)} "
        f"({share}; {told['timeout']} because a test no longer ends); {told['unviable']} more do not "
        "compile. `ci/mutants.toml` says of each survivor why.", "",
        *[f"- `{entry if isinstance(entry, str) else entry.get('mutant', entry)}`"
          for entry in told["survivors"]]])


def fuzz(told):
    names = {"parser": "the broker's parser, cut anywhere", "connect": "CONNECT's options",
             "index": "the subject index, against a naive matcher", "configuration": "the configuration file",
             "scenario": "the scenario language: parser, formatter, linter",
             "frames": "the harness's reader of frames, cut anywhere"}
    figures = ("seconds", "executions", "edges", "peak_rss_mib", "crashes")
    rows = [[text, *(of[figure] for figure in figures), "yes" if of["overflow_checks"] else "no"]
            for key, text in names.items() if (of := told["targets"].get(key))]
    return "\n".join([
        "Inputs that last ten seconds or need a gigabyte count as crashes.", "",
        table(["what reads", "seconds", "executions", "edges reached", "peak MiB", "crashes",
               "overflow checks"], rows)])


def hostile(told):
    rows = [[name, f.get("messages", ""), f.get("p50", ""), f.get("p99", ""), f.get("longest", ""),
             f.get("before_mib", ""), " ".join(map(str, f.get("after_mib", [])))]
            for name, f in told["clients"].items()]
    return "\n".join([
        "What messages between two others took meanwhile, and the broker's memory before and after each round. "
        "What stays is in the allocator's hands and used again.", "",
        table(["meanwhile", "messages", "p50", "p99", "longest", "MiB before", "MiB after"], rows)])


def plain(told):
    rows = [[key.replace("_", " "), value] for key, value in told.items() if key not in ("command", "date")]
    return table(["figure", ""], rows)


SECTIONS = [
    ("explore", "Random stories", explore),
    ("mutants", "Mutants", mutants),
    ("mutants-part", "Mutants of what has changed since", mutants),
    ("coverage", "Lines that scenarios reach", coverage),
    ("fuzz", "Fuzzing", fuzz),
    ("hostile", "Hostile clients", hostile),
    ("soak", "Soak", plain),
    ("sanitize", "Threads and memory", plain),
]


def main():
    old = PAGE.read_text() if PAGE.exists() else ""
    # Sections that stay: "## Title" up to the next one.
    kept = {part.split("\n", 1)[0]: part for part in re.split(r"^## ", old, flags=re.M)[1:]}
    page = HEAD
    for name, title, text in SECTIONS:
        file = FIGURES / f"{name}.json"
        if file.exists():
            told = json.loads(file.read_text())
            page += f"\n## {title}\n\n`{told['command'].strip()}`, {told['date'][:10]}.\n\n{text(told)}\n"
        elif title in kept:
            page += f"\n## {kept[title].rstrip()}\n"
    PAGE.write_text(page)
    print(f"{PAGE}: {len(page.splitlines())} lines")


main()
