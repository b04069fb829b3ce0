"""The client libraries' own tests on one server after another, without those of JetStream.

  ci/client-suites.sh [--suite NAME] [--match REGEX] [--jobs N] SERVER-PROGRAM...

Each test runs alone, on servers that it starts itself; one that fails is run again. The first
server is the measure: what passes there and fails on a later one is listed. Results go to
artifacts/client-suites/suites.md, what a test that failed said below that folder. Which tests need
what our broker has not got stands in NAME/needs.

Exit code: 0 nothing fails that passes on the first server, but what needs more than the core, 1
something does, 2 bad usage, 3 no suite could be installed.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
PLACE, KEPT = ROOT / ".cache/clients/suites", ROOT / "artifacts/client-suites"
TEST_S, TRIES = 60, 2


def arguments():
    """What the command line asks for."""
    suites = sorted(path.parent.name for path in HERE.glob("*/tests"))
    parser = argparse.ArgumentParser(prog="ci/client-suites.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("servers", nargs="+")
    parser.add_argument("--suite", action="append", choices=suites)
    parser.add_argument("--match", type=re.compile, default=re.compile(""))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    given.suite = given.suite or suites
    given.servers = [shutil.which(server) or parser.error(f"no program '{server}'")
                     for server in given.servers]
    return given


def install(suite):
    """The suite's version and the names of its tests, or None where something is missing."""
    place = PLACE / suite
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([HERE / suite / "install", place], capture_output=True, text=True)
    (place / "install.log").write_text(done.stderr)
    if done.returncode:
        last = (done.stderr.strip().split("\n") or ["?"])[-1]
        print(f"{suite}: not run: {last} ({place / 'install.log'})", file=sys.stderr)
        return None
    names = subprocess.run([HERE / suite / "tests", place], capture_output=True, text=True,
                           check=True).stdout.split("\n")
    return done.stdout.strip(), sorted(name for name in names if name)


def needs(suite):
    """What tests need besides core NATS, by their names."""
    path = HERE / suite / "needs"
    return dict(line.split() for line in path.read_text().splitlines()) if path.exists() else {}


def run(suite, name, program, kept):
    """pass, skip or FAIL."""
    for _ in range(TRIES):
        try:
            done = subprocess.run(
                [HERE / suite / "test", PLACE / suite, name], timeout=TEST_S,
                env={**os.environ, "NATS_SERVER_PROGRAM": os.path.abspath(program)},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            code, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as late:
            code, output = 1, (late.stdout or b"") + b"\nout of time\n"
        if code == 0:
            return "skip" if b"--- SKIP" in output and b"--- PASS" not in output else "pass"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / f"{name.replace('/', '-').replace(':', '.')}.log").write_bytes(output)
    return "FAIL"


def main():
    given = arguments()
    installed = {suite: found for suite in given.suite if (found := install(suite))}
    if not installed:
        return 3
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    lines, worse, first = [], False, {}
    for program in given.servers:
        version = subprocess.run([program, "--version"], capture_output=True, text=True)
        told = version.stdout.strip().rpartition(": ")[2].removeprefix("v")
        server = f"{pathlib.Path(program).name} {told}"
        lines.append(f"### {server}\n")
        for suite, (number, names) in installed.items():
            names = [name for name in names if given.match.search(name)]
            started = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
                kept = KEPT / server.replace(" ", "-") / suite
                verdicts = dict(zip(names, pool.map(
                    lambda name: run(suite, name, program, kept), names)))
            count = list(verdicts.values()).count
            print(f"{server}: {suite} took {time.monotonic() - started:.0f} s", file=sys.stderr)
            lines.append(f"- {suite} {number}: {count('pass')} of {len(names)} tests passed,"
                         f" {count('FAIL')} failed, {count('skip')} skipped")
            before = first.setdefault(suite, verdicts)
            for name, verdict in verdicts.items():
                if verdict == "FAIL" and (before is verdicts or before[name] == "pass"):
                    need = needs(suite).get(name)
                    lines.append(f"  - FAIL {name}" + (f" (needs {need})" if need else ""))
                    worse |= before is not verdicts and not need
        lines.append("")
    text = "\n".join(lines)
    (KEPT / "suites.md").write_text(text)
    print(text)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
