"""The results as Markdown."""

import re

MARK = ("<!-- results: written by ci/clients.sh --write -->", "<!-- end of results -->")


def markdown(servers, versions, features, outcomes):
    """A table for each server, the reasons below it, and what differs from the first server."""
    parts = []
    for server in servers:
        parts.append(f"### {server}\n\n{table(server, versions, features, outcomes)}")
        parts.append(reasons(server, outcomes))
    if len(servers) > 1:
        lines = [f"- {o['client']} {o['feature']}, on {o['server']}: {o['reason']}"
                 for o in regressions(servers, outcomes)]
        parts.append(f"### Passes on {servers[0]} and fails elsewhere\n\n"
                     + ("\n".join(lines) or "Nothing."))
    return "\n\n".join(part for part in parts if part) + "\n"


def table(server, versions, features, outcomes):
    """Features down, clients across."""
    verdicts = {(o["client"], o["feature"]): o["verdict"]
                for o in outcomes if o["server"] == server}
    heads = [f"{name} {version or ''}".strip() for name, version in versions.items()]
    rows = [["feature", *heads], ["---"] * (len(heads) + 1)]
    for feature in features:
        rows.append([feature.name,
                     *(verdicts.get((name, feature.name), "not run") for name in versions)])
    passed = sum(verdict == "pass" for verdict in verdicts.values())
    failed = sum(verdict == "FAIL" for verdict in verdicts.values())
    skipped = len(verdicts) - passed - failed
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + f"\n\n{passed} passed, {failed} failed, {skipped} skipped."


def reasons(server, outcomes):
    """Why something failed or was skipped."""
    told = [o for o in outcomes if o["server"] == server and o["verdict"] != "pass"]
    return "\n".join(f"- {o['verdict']} {o['client']} {o['feature']}: {o['reason']}" for o in told)


def regressions(servers, outcomes):
    """What passes on the first server and fails on another."""
    good = {(o["client"], o["feature"]) for o in outcomes
            if o["server"] == servers[0] and o["verdict"] == "pass"}
    return [o for o in outcomes if o["server"] != servers[0] and o["verdict"] == "FAIL"
            and (o["client"], o["feature"]) in good]


def failures(servers, outcomes):
    """What makes the exit code 1: failures on the first server, and what only others fail."""
    first = [o for o in outcomes if o["server"] == servers[0] and o["verdict"] == "FAIL"]
    return first + regressions(servers, outcomes)


def write(page, text):
    """Puts the results between the marks of the page."""
    begin, end = MARK
    old = page.read_text()
    pattern = re.compile(re.escape(begin) + ".*" + re.escape(end), re.DOTALL)
    if not pattern.search(old):
        raise SystemExit(f"ci/clients.sh: {page} has no place for results: {begin}")
    page.write_text(pattern.sub(lambda _: f"{begin}\n\n{text}\n{end}", old))
