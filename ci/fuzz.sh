#!/usr/bin/env bash
# Fuzzes what reads bytes from outside: the broker's parser, CONNECT, subject index and configuration,
# the scenario language and the reader of frames.
#
#   ci/fuzz.sh                          each target for a minute
#   ci/fuzz.sh 20                       for twenty
#   ci/fuzz.sh 20 parser index          these targets
#   JOBS=2 ci/fuzz.sh 20                two targets at a time
#   ci/fuzz.sh --keep                   takes small inputs that were found into ci/fuzz/corpus,
#                                       which `cargo test` replays
#
# Overflows are looked for as well. A hang (10 s) and growth (1 GiB) count as crashes. What was found
# is left below artifacts/fuzz/, the figures go to artifacts/quality/fuzz.json. Needs a nightly
# compiler. Exit code: 0 all held, 1 an input breaks something, 2 it could not be run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TARGETS=(parser connect index configuration scenario frames)
readonly OUT=$PWD/artifacts/fuzz CORPUS=$PWD/ci/fuzz/corpus DICT=$PWD/ci/fuzz/words.dict
readonly TRIPLE=$(rustc -vV | sed -n 's/^host: //p')
readonly PROGRAMS=$PWD/ci/fuzz/target/$TRIPLE/release
# So many inputs of a target are committed, each of so many bytes at most.
readonly KEPT_MAX=60 KEPT_BYTES_MAX=512

main() {
  local minutes=1 chosen target
  case ${1-} in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; return ;;
    --keep) keep; return ;;
  esac
  if [[ ${1-} =~ ^[1-9][0-9]*$ ]]; then
    minutes=$1
    shift
  fi
  chosen=("$@")
  (($#)) || chosen=("${TARGETS[@]}")
  for target in "${chosen[@]}"; do
    [[ " ${TARGETS[*]} " == *" $target "* ]] ||
      { echo "ci/fuzz.sh: no target '$target'; there are: ${TARGETS[*]}" >&2; exit 2; }
  done
  provide_tools
  cargo +nightly fuzz build --fuzz-dir ci/fuzz # with debug assertions and overflow checks
  mkdir -p "$OUT" artifacts/quality
  printf '%s\n' "${chosen[@]}" |
    xargs -P "${JOBS:-1}" -I{} "${BASH_SOURCE[0]}" --one {} $((minutes * 60)) || true
  sum_up "$minutes" "${chosen[@]}"
}

# One target; its log is read by sum_up.
one() {
  local target=$1 folder=$OUT/$1
  mkdir -p "$folder/found"
  cd "$folder"
  "$PROGRAMS/$target" found "$CORPUS/$target" -dict="$DICT" -max_total_time="$2" -timeout=10 \
    -rss_limit_mb=1024 -max_len=2048 -print_final_stats=1 >log 2>&1
}

provide_tools() {
  cargo +nightly --version >/dev/null 2>&1 ||
    { echo "ci/fuzz.sh: no nightly compiler; rustup toolchain install nightly" >&2; exit 2; }
  cargo fuzz --version >/dev/null 2>&1 || cargo install --locked cargo-fuzz
}

# Prints the figures of the logs and writes them down.
sum_up() {
  python3 - "$OUT" "$@" <<'PYTHON'
import datetime, json, pathlib, re, sys

out, minutes, targets = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
file = pathlib.Path("artifacts/quality/fuzz.json")
told = json.loads(file.read_text()) if file.exists() else {"targets": {}}
told["command"] = f"ci/fuzz.sh {minutes}"
told["date"] = datetime.date.today().isoformat()
broken = 0
for target in targets:
    log = (out / target / "log").read_text(errors="replace")
    stat = lambda name: int(re.search(rf"stat::{name}:\s+(\d+)", log)[1])
    crashes = re.findall(r"Test unit written to (\S+)", log)
    if crashes or "stat::" not in log:
        broken += 1
        print(f"{target:<14} BROKEN: {' '.join(crashes) or 'see the log'} ({out / target / 'log'})")
        continue
    edges = re.findall(r"cov: (\d+)", log)
    seconds = re.search(r"Done \d+ runs in (\d+) second", log)
    figures = {
        "seconds": int(seconds[1]),
        "overflow_checks": True,
        "executions": stat("number_of_executed_units"),
        "per_second": stat("average_exec_per_sec"),
        "edges": int(edges[-1]),
        "slowest_s": stat("slowest_unit_time_sec"),
        "peak_rss_mib": stat("peak_rss_mb"),
        "crashes": 0,
    }
    told["targets"][target] = figures
    print(f"{target:<14} {figures['executions']:>11} executions in {figures['seconds']} s, "
          f"{figures['edges']} edges, slowest {figures['slowest_s']} s, {figures['peak_rss_mib']} MiB")
file.write_text(json.dumps(told, indent=2) + "\n")
sys.exit(1 if broken else 0)
PYTHON
}

# The smallest set of inputs that reaches what was reached, as far as it is small.
keep() {
  local target merged
  for target in "${TARGETS[@]}"; do
    [[ -d $OUT/$target/found ]] || continue
    merged=$OUT/$target/merged
    rm -rf "$merged"
    mkdir -p "$merged"
    "$PROGRAMS/$target" -merge=1 "$merged" "$CORPUS/$target" "$OUT/$target/found" >/dev/null 2>&1
    rm -rf "${CORPUS:?}/$target"
    mkdir -p "$CORPUS/$target"
    # Larger ones first: they reach more.
    find "$merged" -type f -size "-$((KEPT_BYTES_MAX + 1))c" -printf '%s %p\n' | sort -rn |
      awk -v all="$(find "$merged" -type f -size "-$((KEPT_BYTES_MAX + 1))c" | wc -l)" -v max="$KEPT_MAX" \
        'BEGIN { step = all > max ? all / max : 1 } NR >= next_one { print $2; next_one = NR + step }' |
      while read -r file; do cp "$file" "$CORPUS/$target/"; done
    echo "$target: $(find "$CORPUS/$target" -type f | wc -l) inputs, $(du -sb "$CORPUS/$target" | cut -f1) bytes"
  done
}

if [[ ${1-} == --one ]]; then
  one "$2" "$3"
else
  main "$@"
fi
