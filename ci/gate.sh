#!/usr/bin/env bash
# Does a change make the broker slower? Builds the base and the working tree side by side, counts the
# instructions of the same benchmarks (benches/benches/instructions.rs) in both, and compares.
#
#   ci/gate.sh                   against where the branch left main; on main, against what came before
#   ci/gate.sh v0.1.0            against this commit
#   ci/gate.sh --threshold 2     percent that a count may rise, instead of 5
#   ci/gate.sh --selftest        the same tree twice must pass, and one made slower must not
#
# Instructions and not time: they do not depend on what else the machine does. They still vary a
# little, as the broker seeds hash tables and picks queue members by chance; so each side is counted
# three times. A count has risen if the median is more than the threshold higher and no run of the
# head is as low as any of the base. 5 % is above that variation (2 % at most, most counts are exact)
# and above what a compiler shifts about when code elsewhere changes; it is less than what shows in a
# running broker, which spends most of its time in the system.
#
# Then the programs of both sides serve the same load in turns (`broker-bench ab`): server CPU per
# message may not rise by more than CPU_THRESHOLD (25) percent, with its whole interval. That is wide,
# since processors are shared; rates are shown and decide nothing.
#
# Both sides run the head's benchmarks. If those do not fit the base's broker, the base runs its own;
# if it has none, there is no comparison, and that is no failure. Builds are kept in
# $CARGO_TARGET_DIR/gate. Writes artifacts/bench/gate.md and gate.json. Exit code: 0 nothing has risen,
# or there was nothing to compare with; 1 something has; 2 could not measure.
# Valgrind and gungraun-runner are installed where they are missing and we may.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly ROOT=$PWD OUT=$PWD/artifacts/bench WORK=$PWD/artifacts/gate
BUILDS=$(realpath -m "${CARGO_TARGET_DIR:-target}/gate")
readonly BUILDS RUNS=3
export CARGO_TERM_PROGRESS_WHEN=never
base="" threshold=5 selftest="" made_of=""

main() {
  while (($#)); do
    case $1 in
      -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; return ;;
      --selftest) selftest=yes ;;
      --threshold) threshold=${2:?--threshold needs percent}; shift ;;
      -*) give_up "'$1' is no option; see --help" ;;
      *) base=$1 ;;
    esac
    shift
  done
  [[ $threshold =~ ^[0-9]+(\.[0-9]+)?$ ]] || give_up "'$threshold' is no number of percent"
  rm -rf "$WORK"
  mkdir -p "$WORK" "$OUT" "$BUILDS"
  provide_valgrind
  if [[ $selftest ]]; then try_itself; else gate; fi
}

gate() {
  local head rc=0
  choose_base
  [[ $base ]] || { no_comparison "there is no commit to compare with"; return; }
  head=$(working_tree)
  echo "base: $(git log -1 --format='%h %s' "$base")"
  unpack "$head" head
  echo "builds the head"
  build head || give_up_with_log head "the head's benchmarks do not build"
  if ! build_base "$head"; then
    no_comparison "no benchmarks can be built with the base's broker"
    return
  fi
  count base
  count head
  compare base head || rc=$?
  compare_cpu_per_message || rc=$?
  return "$rc"
}

# Exit code 1 if a message costs more CPU; a base that can't be measured is no failure.
compare_cpu_per_message() {
  program head --package broker-bench || give_up_with_log head "the head's programs do not build"
  if ! program base; then
    echo "ci/gate.sh: warning: the base's program does not build; CPU per message is not compared" >&2
    return
  fi
  measure_cpu base head
}

# The programs of two sides under the same load, by the head's instrument.
measure_cpu() {
  local rc=0
  "$BUILDS/head/release/broker-bench" ab --a "base=$BUILDS/$1/release/nats-reference-server" \
    --b "head=$BUILDS/$2/release/nats-reference-server" --decides server_cpu \
    --threshold "${CPU_THRESHOLD:-25}%" --rounds 8 --seconds 0.3 --size 128 \
    --shape publish pubsub fanout-10 queue-10 wildcard --markdown "$WORK/cpu.md" || rc=$?
  if [[ -f $WORK/cpu.md ]]; then cat "$WORK/cpu.md" >>"$OUT/gate.md"; fi
  ((rc < 2)) || give_up "CPU per message could not be measured ($rc)"
  return "$rc"
}

# The broker as a program, and whatever else is asked for, of a side.
program() {
  local side=$1
  shift
  (cd "$WORK/$side" && CARGO_TARGET_DIR=$BUILDS/$side cargo build --quiet --release --bins \
    --package nats-reference-server "$@") 2>"$WORK/$side.log"
}

# Where the branch left main. On main itself: the last commit, or the one before if nothing is changed.
choose_base() {
  local main
  if [[ $base ]]; then
    base=$(git rev-parse --verify --quiet "$base^{commit}") || give_up "there is no such commit"
    return
  fi
  for main in origin/main main; do
    if base=$(git merge-base HEAD "$main" 2>/dev/null); then break; fi
  done
  if [[ -z $base || $base == "$(git rev-parse HEAD)" ]]; then
    if [[ -n $(git status --porcelain) ]]; then
      base=$(git rev-parse HEAD)
    else
      base=$(git rev-parse --verify --quiet HEAD~1) || base=""
    fi
  fi
}

# The working tree as git would commit it, new files included; the index stays as it is.
working_tree() {
  export GIT_INDEX_FILE=$WORK/index
  git read-tree HEAD
  git add --all
  git write-tree
}

# A copy of a tree. Its files are new to cargo, whatever was built there before.
unpack() {
  rm -rf "${WORK:?}/$2"
  mkdir -p "$WORK/$2"
  git archive "$1" | tar -xm -C "$WORK/$2"
}

# The head's benchmarks over the base's broker, if need be with the libraries that they want; else
# the base's own.
build_base() {
  local head=$1
  unpack "$base" base
  over_base "$head" benches
  made_of="the head's benchmarks on both sides"
  echo "builds the base: $made_of"
  if build base; then return; fi
  over_base "$head" Cargo.toml Cargo.lock
  made_of+=", and its Cargo.toml"
  echo "that does not build ($WORK/base.log); builds the base: $made_of"
  if build base; then return; fi
  unpack "$base" base
  made_of="each side's own benchmarks, as the head's do not fit the base's broker"
  echo "that does not build ($WORK/base.log)"
  [[ -f $WORK/base/benches/benches/instructions.rs ]] || return 1
  echo "builds the base: $made_of"
  build base
}

over_base() {
  local head=$1 path
  shift
  for path in "$@"; do rm -rf "${WORK:?}/base/$path"; done
  git archive "$head" "$@" | tar -xm -C "$WORK/base"
}

# cargo with the benchmarks of a side. The broker is one unit to the compiler: cut into several, a
# change in one file moves the cuts, and with them what is inlined in others.
instructions() {
  local side=$1
  shift
  (cd "$WORK/$side" && CARGO_TARGET_DIR=$BUILDS/$side cargo bench --quiet --package broker-bench \
    --config profile.bench.package.nats-reference-server.codegen-units=1 \
    --config profile.bench.package.broker-bench.codegen-units=1 \
    --bench instructions --features instructions "$@")
}

build() { instructions "$1" --no-run 2>"$WORK/$1.log"; }

# Counts a side several times: NAME-1.json and so on, a line for each benchmark.
count() {
  local side=$1 name=${2-$1} run runner
  runner=$(runner "$side")
  for ((run = 1; run <= RUNS; run++)); do
    echo "counts $name, $run of $RUNS"
    GUNGRAUN_RUNNER=$runner GUNGRAUN_HOME=$WORK/gungraun/$name-$run instructions "$side" -- \
      --output-format=json --parallel=auto >"$WORK/$name-$run.json" 2>"$WORK/$name.log" ||
      give_up_with_log "$name" "the benchmarks of $name do not run"
  done
}

# The path of the runner that fits a side's library: it must be of the very same version.
runner() {
  local version folder
  version=$(grep -A1 '^name = "gungraun-runner"' "$WORK/$1/Cargo.lock" | sed -n 's/^version = "\(.*\)"/\1/p')
  folder=$ROOT/.cache/gungraun/$version
  if [[ ! -x $folder/bin/gungraun-runner ]]; then
    echo "installs gungraun-runner $version" >&2
    CARGO_TARGET_DIR=$BUILDS/runner cargo install --quiet --locked gungraun-runner \
      --version "$version" --root "$folder" >&2 || give_up "no gungraun-runner $version"
  fi
  echo "$folder/bin/gungraun-runner"
}

# Exit code 1 if a count has risen.
compare() {
  local rc=0
  write_table "$@" || rc=$?
  case $rc in
    0) ;;
    3) return 1 ;;
    *) give_up "the counts can't be compared" ;;
  esac
}

# Exit code 3 if a count has risen.
write_table() {
  python3 - "$WORK" "$OUT" "$1" "$2" "$threshold" "$RUNS" "${base:-the same tree}" "$made_of" <<'PYTHON'
import datetime, json, pathlib, statistics, sys

work, out = map(pathlib.Path, sys.argv[1:3])
sides, threshold, runs = sys.argv[3:5], float(sys.argv[5]), int(sys.argv[6])
base, made_of = sys.argv[7:9]


def counts(side):
    """The counts of each benchmark, one of each run."""
    found = {}
    for run in range(1, runs + 1):
        for line in (work / f"{side}-{run}.json").read_text().splitlines():
            if line.startswith("{"):
                mark = json.loads(line)
                name = " ".join(filter(None, (mark["group"], mark["function_name"], mark["id"])))
                total = mark["profiles"][0]["data"]["total"]["metrics"]["Ir"]
                found.setdefault(name, []).append(int(total["values"]["new"]))
    return found


before, after = map(counts, sides)
rows, risen = [], []
for name in sorted(before.keys() | after.keys(), key=lambda name: (name not in after, name)):
    old, new = before.get(name), after.get(name)
    change, verdict = None, "only in the head" if new else "only in the base"
    if old and new:
        change = 100 * (statistics.median(new) / statistics.median(old) - 1)
        verdict = ""
        if change > threshold and min(new) > max(old):
            verdict = "RISEN"
            risen.append(name)
        elif change < -threshold and max(new) < min(old):
            verdict = "fallen"
    rows.append({"name": name, "base": old, "head": new, "change_percent": change, "verdict": verdict})
compared = [row for row in rows if row["change_percent"] is not None]
if not before or not after:
    sys.exit("no counts in what the benchmarks said")


def shown(row):
    middle = lambda side: f"{statistics.median(row[side]):.0f}" if row[side] else ""
    change = "" if row["change_percent"] is None else f"{row['change_percent']:+.1f} %"
    return row["name"], middle("base"), middle("head"), change, row["verdict"]


for line in [("benchmark", "base", "head", "change", ""), *map(shown, rows)]:
    print("{:<44} {:>10} {:>10} {:>9}  {}".format(*line).rstrip())
if risen:
    verdict = f"{len(risen)} of {len(compared)} counts of instructions rise by more than {threshold:g} %"
elif compared:
    verdict = f"None of {len(compared)} counts of instructions rises by more than {threshold:g} %"
else:
    verdict = "No comparison: base and head have no benchmark in common"


def table(rows):
    lines = ["| benchmark | base | head | change | |", "|---|--:|--:|--:|---|"]
    return lines + ["| {} | {} | {} | {} | {} |".format(*shown(row)) for row in rows]


def moved(row):
    return row["change_percent"] is None or abs(row["change_percent"]) >= 1 or row["verdict"]


text = ["### Instructions", "", f"{verdict}; {made_of}. Base: {base[:12]}.", ""]
if any(map(moved, rows)):
    text += table(filter(moved, rows))
else:
    text += ["None changes by 1 % or more."]
text += ["", "<details><summary>All benchmarks</summary>", "", *table(rows), "", "</details>", ""]
(out / "gate.md").write_text("\n".join(text))
(out / "gate.json").write_text(json.dumps({
    "command": "ci/gate.sh", "date": f"{datetime.datetime.now(datetime.UTC):%FT%TZ}",
    "base": base, "made_of": made_of, "threshold_percent": threshold,
    "verdict": "risen" if risen else "quiet" if compared else "no comparison",
    "benchmarks": rows,
}, indent=1) + "\n")
print(f"{verdict}; {made_of}")
for name in risen:
    print(f"RISEN: {name}")
sys.exit(3 if risen else 0)
PYTHON
}

no_comparison() {
  echo "ci/gate.sh: warning: no comparison, $1" >&2
  printf '### Instructions\n\nNo comparison: %s.\n' "$1" >"$OUT/gate.md"
  printf '{"command": "ci/gate.sh", "date": "%s", "base": "%s",\n"verdict": "no comparison", "why": "%s"}\n' \
    "$(date -u +%FT%TZ)" "$base" "$1" >"$OUT/gate.json"
}

# The gate on trial: the working tree against itself, then against copies whose parser idles for each
# operation: a fifth more instructions or so, and for CPU per message by far more.
try_itself() {
  local head
  head=$(working_tree)
  made_of="a trial of the gate"
  unpack "$head" base
  unpack "$head" head
  idle 25
  echo "builds both"
  build base || give_up_with_log base "the benchmarks do not build"
  build head || give_up_with_log head "the benchmarks do not build when made slower"
  count base
  count base again
  count head
  echo "--- instructions, the same tree twice"
  must_pass compare base again
  echo "--- instructions, a slower parser"
  must_fail compare base head
  unpack "$head" head
  idle 1500
  echo "builds the programs"
  program base || give_up_with_log base "the program does not build"
  program head --package broker-bench || give_up_with_log head "the slow program does not build"
  echo "--- CPU per message, the same program twice"
  must_pass measure_cpu base base
  echo "--- CPU per message, a slower parser"
  must_fail measure_cpu base head
  echo "The gate passes what is the same, and does not pass what is slower."
}

# Makes the head's parser turn so many times before each operation.
idle() {
  local parser=$WORK/head/reference-server/src/protocol/parse.rs
  sed -i '/^    pub fn next<.a>(&mut self, bytes: &.a \[u8\]) -> Step<.a> {$/a\
        (0..std::hint::black_box('"$1"')).for_each(|n| drop(std::hint::black_box(n)));' "$parser"
  ! cmp -s "$parser" "$WORK/base/reference-server/src/protocol/parse.rs" ||
    give_up "the trial finds no function to make slower"
}

must_pass() { "$@" || give_up "the gate cries wolf ($?)"; }

must_fail() {
  local rc=0
  "$@" || rc=$?
  ((rc == 1)) || give_up "the gate does not see a slower parser ($rc)"
}

give_up_with_log() {
  tail -n 15 "$WORK/$1.log" >&2
  give_up "$2"
}

give_up() {
  echo "ci/gate.sh: $1" >&2
  exit 2
}

provide_valgrind() {
  command -v valgrind >/dev/null && return
  ((EUID == 0)) || give_up "as root: apt-get install valgrind"
  { apt-get update --quiet && DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes \
    --no-install-recommends valgrind; } || give_up "no valgrind"
}

main "$@"
