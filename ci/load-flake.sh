#!/usr/bin/env bash
# Runs the suite again and again while the machine is busy: no verdict may depend on its mood.
#
#   ci/load-flake.sh                                 20 runs on the embedded broker
#   ci/load-flake.sh 5 --server-bin ./nats-server    5 runs; further words go to `run`
#
# Each run has a seed of its own, printed and kept in its report below artifacts/flake/. Exit code:
# 0 all runs came to the same verdicts, 1 they did not, 2 a run could not be made.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly REPORTS=artifacts/flake
load=()

main() {
  local runs=20 n rc
  case ${1-} in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; return ;;
  esac
  if [[ ${1-} =~ ^[1-9][0-9]*$ ]]; then
    runs=$1
    shift
  fi
  cargo build --release --quiet --package nats-conformance
  rm -rf "$REPORTS"
  mkdir -p "$REPORTS"
  trap relieve EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  burden
  for ((n = 1; n <= runs; n++)); do
    echo "--- run $n of $runs, with ${#load[@]} busy loops beside it"
    rc=0
    "${CARGO_TARGET_DIR:-target}/release/nats-conformance" run "$@" \
      --json "$REPORTS/$n.json" || rc=$?
    if ((rc > 1)); then
      echo "ci/load-flake.sh: this run could not be made (exit code $rc)" >&2
      exit 2
    fi
  done
  compare "$runs"
}

# One busy loop for each processor.
burden() {
  local cpus
  cpus=$(nproc)
  while ((${#load[@]} < cpus)); do
    while :; do :; done &
    load+=($!)
  done
}

relieve() {
  ((${#load[@]})) || return 0
  kill "${load[@]}" 2>/dev/null || true
  wait "${load[@]}" 2>/dev/null || true
}

# Says which cases came to different verdicts.
compare() {
  python3 - "$REPORTS" "$1" <<'PYTHON'
import json, pathlib, sys

folder, runs = pathlib.Path(sys.argv[1]), int(sys.argv[2])
told = {}
for n in range(1, runs + 1):
    report = json.loads((folder / f"{n}.json").read_text())
    for case in report["cases"]:
        heard = told.setdefault(case["id"], {}).setdefault(case["verdict"], [])
        heard.append((n, report["provenance"]["seed"], case.get("message")))
differing = 0
for case, verdicts in sorted(told.items()):
    if len(verdicts) > 1 or sum(map(len, verdicts.values())) != runs:
        differing += 1
        print(f"DIFFERS: {case}")
        for verdict, times in sorted(verdicts.items(), key=lambda item: len(item[1])):
            n, seed, message = times[0]
            print(f"  {verdict} {len(times)} times, first in run {n} (seed {seed}): {message or ''}")
print(f"{runs} runs, {len(told)} cases: {differing} came to different verdicts")
sys.exit(1 if differing else 0)
PYTHON
}

main "$@"
