"""Client libraries against NATS servers: which features work, client by client.

  ci/clients.sh [OPTION...] SERVER-PROGRAM...

  --client NAME    only this client; may be repeated
  --feature NAME   only this feature; may be repeated
  --jobs N         cases at a time (default: the processors)
  --strict         a client that can't be installed here is an error
  --write          also writes the table to docs/clients.md
  --list           names the clients and features

Each case has a server of its own. The first server is the measure: what passes there and fails on
a later one is listed below the tables. Results go to artifacts/clients/clients.md and .json, what
client and server said in a case that failed to artifacts/clients/SERVER/CLIENT/FEATURE/.

Exit code: 0 all as on the first server, and nothing failed there; 1 something failed; 2 bad usage;
3 nothing could run, or with --strict: some client could not be installed.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from case import Case
from credentials import Credentials
from features import FEATURES
import report

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ARTIFACTS = ROOT / "artifacts" / "clients"
PAGE = ROOT / "docs" / "clients.md"
INSTALLED = ROOT / ".cache" / "clients"
INSTALL_S = 900


def clients():
    """The folders that hold a client: those with a script `run`."""
    return sorted(path.parent.name for path in HERE.glob("*/run"))


def choose(known, wanted, what):
    """Those of `known` that are wanted, in the order of `known`; all if none is named."""
    for name in wanted:
        if name not in known:
            print(f"ci/clients.sh: no {what} '{name}'; there are: {', '.join(known)}",
                  file=sys.stderr)
            sys.exit(2)
    return [name for name in known if name in wanted or not wanted]


def arguments():
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="ci/clients.sh", usage=argparse.SUPPRESS, description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter, add_help=False)
    parser.add_argument("servers", nargs="*")
    parser.add_argument("--client", action="append", default=[])
    parser.add_argument("--feature", action="append", default=[])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    for flag in ("--strict", "--write", "--list"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("-h", "--help", action="store_true")
    given = parser.parse_args()
    if given.help:
        print(__doc__.strip())
        sys.exit(0)
    if given.list:
        print("clients:", *clients())
        print("features:", *(f"  {f.name:24}{f.says}" for f in FEATURES), sep="\n")
        sys.exit(0)
    if not given.servers or given.jobs < 1:
        parser.error("names no server program; see --help")
    given.client = choose(clients(), given.client, "client")
    names = choose([f.name for f in FEATURES], given.feature, "feature")
    given.feature = [f for f in FEATURES if f.name in names]
    return given


def install(names):
    """Installs and builds each client: its version, or None where something is missing."""
    versions = {}
    for name in names:
        place = INSTALLED / name
        place.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        try:
            done = subprocess.run([HERE / name / "install", place], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=INSTALL_S)
            words, code = done.stderr, done.returncode
        except subprocess.TimeoutExpired:
            words, code = f"not installed within {INSTALL_S} s", 1
        (place / "install.log").write_text(words)
        if code:
            lines = [line for line in words.split("\n") if line.strip()]
            print(f"{name}: not run: {lines[-1] if lines else 'install failed'}"
                  f" ({place / 'install.log'})", file=sys.stderr)
            versions[name] = None
        else:
            versions[name] = done.stdout.strip()
            print(f"{name} {versions[name]}: ready after {time.monotonic() - started:.0f} s",
                  file=sys.stderr)
    return versions


def describe(program):
    """How a server is called in reports: its file's name, as some call themselves nats-server to
    stand in for it, and the version that it tells."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10)
    version = done.stdout.strip().rpartition(": ")[2].removeprefix("v")
    return f"{pathlib.Path(program).name} {version}".strip()


def run_all(names, features, program, server, jobs, credentials):
    """The outcomes of all cases on one server: client, feature, verdict, reason, seconds."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        cases = [Case(HERE / name, feature, program, credentials,
                      ARTIFACTS / server.replace(" ", "-") / name / feature.name)
                 for feature in features for name in names]
        outcomes = []
        for outcome in pool.map(Case.run, cases):
            outcomes.append({"server": server, **outcome})
            if outcome["verdict"] == "FAIL":
                print(f"{server}: {outcome['client']} {outcome['feature']}: {outcome['reason']}",
                      file=sys.stderr)
    return outcomes


def main():
    given = arguments()
    programs = [shutil.which(program) for program in given.servers]
    if None in programs:
        print(f"ci/clients.sh: no program '{given.servers[programs.index(None)]}'",
              file=sys.stderr)
        return 2
    versions = install(given.client)
    running = [name for name, version in versions.items() if version]
    if not running:
        print("ci/clients.sh: no client could be installed", file=sys.stderr)
        return 3
    shutil.rmtree(ARTIFACTS, ignore_errors=True)
    ARTIFACTS.mkdir(parents=True)
    servers, outcomes, started = [], [], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="clients.") as folder:
        credentials = Credentials(folder)
        for program in programs:
            server = describe(program)
            servers.append(server)
            outcomes += run_all(running, given.feature, os.path.abspath(program), server,
                                given.jobs, credentials)
    text = report.markdown(servers, versions, given.feature, outcomes)
    (ARTIFACTS / "clients.md").write_text(text)
    (ARTIFACTS / "clients.json").write_text(
        json.dumps({"clients": versions, "servers": servers, "outcomes": outcomes}, indent=1))
    print(text)
    print(f"{len(outcomes)} cases in {time.monotonic() - started:.0f} s", file=sys.stderr)
    if given.write:
        report.write(PAGE, text)
    if given.strict and len(running) < len(versions):
        return 3
    return 1 if report.failures(servers, outcomes) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
