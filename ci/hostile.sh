#!/usr/bin/env bash
# Hostile clients against the broker as a program, at full size: while they do what they do, how long
# do messages of two others take, and does the memory come back?
#
#   ci/hostile.sh [TEST]       all tests of reference-server/tests/hostile, or those so named
#
# HOSTILE_SUBSCRIPTIONS (a million), HOSTILE_CONNECTIONS (10 000), HOSTILE_ROUNDS (4) may be less.
# Figures go to artifacts/quality/hostile.json. Exit code: 0 all held, 1 something did not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1-} == -h || ${1-} == --help ]]; then
  sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
  exit
fi
export HOSTILE_SUBSCRIPTIONS=${HOSTILE_SUBSCRIPTIONS:-1000000}
export HOSTILE_CONNECTIONS=${HOSTILE_CONNECTIONS:-10000} HOSTILE_ROUNDS=${HOSTILE_ROUNDS:-4}
mkdir -p artifacts/quality
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
# One after the other: each is to be measured alone.
cargo test --release --quiet --package nats-reference-server --test hostile -- \
  --nocapture --test-threads 1 "$@" 2>&1 | tee "$log" || failed=1
python3 - "$log" "ci/hostile.sh $*" <<'PYTHON'
import datetime, json, pathlib, re, sys

log = pathlib.Path(sys.argv[1]).read_text()
told = {}
for name, before, after in re.findall(r"^\.*(.+): (\d+) MiB before, \[(.*)\] MiB after", log, re.M):
    told.setdefault(name, {}).update(before_mib=int(before), after_mib=[int(n) for n in after.split(",")])
for name, count, p50, p99, longest in re.findall(
        r"^\.*(.+): (\d+) messages, p50 (\S+), p99 (\S+), longest (\S+)$", log, re.M):
    told.setdefault(name, {}).update(messages=int(count), p50=p50, p99=p99, longest=longest)
pathlib.Path("artifacts/quality/hostile.json").write_text(json.dumps({
    "command": sys.argv[2].strip(), "date": datetime.date.today().isoformat(), "clients": told,
}, indent=2) + "\n")
PYTHON
exit "$failed"
