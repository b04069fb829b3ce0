"""The results as Markdown."""

import pathlib
import re

BEGIN, END = "<!-- results: ci/clients.sh --write -->", "<!-- end of results -->"
REASON_CHARS = 160


def markdown(servers, versions, features, outcomes):
    """A table for each server, the reasons below it, and what differs from the first server."""
    parts = []
    everyone = {name for name, version in versions.items() if version}
    for server in servers:
        here = [o for o in outcomes if o["server"] == server]
        parts += [f"### {server}", table(versions, features, here), reasons(here, everyone)]
    if len(servers) > 1:
        parts.append(f"### Passes on {servers[0]} and fails elsewhere")
        lines = []
        for server in servers[1:]:
            worse = grouped(regressions(servers, outcomes, server), everyone)
            lines += [f"- {server}: {'; '.join(worse)}"] if worse else []
        parts.append("\n".join(lines) or "Nothing.")
    return "\n\n".join(part for part in parts if part) + "\n"


def table(versions, features, outcomes):
    """Features down, clients across."""
    verdicts = {(o["client"], o["feature"]): o["verdict"] for o in outcomes}
    heads = [f"{name} {version or ''}".strip() for name, version in versions.items()]
    rows = [["feature", *heads], ["---"] * (len(heads) + 1)]
    for feature in features:
        rows.append([feature.name,
                     *(verdicts.get((name, feature.name), "not run") for name in versions)])
    count = list(verdicts.values()).count
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + (
        f"\n\n{count('pass')} passed, {count('FAIL')} failed, {count('skip')} skipped.")


def named(clients, everyone):
    """These clients in words."""
    return "all" if set(clients) == everyone else ", ".join(clients)


def reasons(outcomes, everyone):
    """Why something failed or was skipped; clients that say the same share a line."""
    told = {}
    for o in outcomes:
        if o["verdict"] != "pass":
            reason = o["reason"].replace(f"{pathlib.Path.cwd()}/", "")[:REASON_CHARS].replace("|", "\\|")
            told.setdefault((o["verdict"], o["feature"], reason), []).append(o["client"])
    return "\n".join(f"- {verdict} {feature} ({named(clients, everyone)}): {reason}"
                     for (verdict, feature, reason), clients in told.items())


def grouped(outcomes, everyone):
    """Each feature with the clients it is about."""
    features = {}
    for o in outcomes:
        features.setdefault(o["feature"], []).append(o["client"])
    return [f"{feature} ({named(clients, everyone)})" for feature, clients in features.items()]


def regressions(servers, outcomes, server):
    """What passes on the first server and fails on this one."""
    good = {(o["client"], o["feature"]) for o in outcomes
            if o["server"] == servers[0] and o["verdict"] == "pass"}
    return [o for o in outcomes if o["server"] == server and o["verdict"] == "FAIL"
            and (o["client"], o["feature"]) in good]


def failures(servers, outcomes):
    """What makes the exit code 1: failures on the first server, and what only others fail."""
    first = [o for o in outcomes if o["server"] == servers[0] and o["verdict"] == "FAIL"]
    return first + [o for server in servers[1:] for o in regressions(servers, outcomes, server)]


def write(page, text):
    """Puts the results between the marks of the page."""
    pattern = re.compile(re.escape(BEGIN) + ".*" + re.escape(END), re.DOTALL)
    page.write_text(pattern.sub(lambda _: f"{BEGIN}\n\n{text}\n{END}", page.read_text()))
