#!/usr/bin/env bash
# Puts the tests on trial: changes the broker in one small place at a time (a mutant), and looks
# whether `cargo test` notices.
#
#   ci/mutants.sh                        all mutants of .cargo/mutants.toml; takes an hour or two
#   ci/mutants.sh --diff origin/main     only those in lines changed since then
#   ci/mutants.sh --re outbox.rs         only those whose name fits; further words as for cargo mutants
#   JOBS=2 ci/mutants.sh                 two at a time, each with a build of its own
#   GO_ON=1 ci/mutants.sh                goes on with a run that was broken off, maybe with more tests
#   PASSES="own broker" ci/mutants.sh    not all of the passes below; whoever they miss survives
#
# Four passes, each with what the ones before have missed: the broker's quick tests (own), the
# scenarios, all tests of the broker (broker), then all tests (all). Who survives must be in
# ci/mutants.toml with a reason; whoever is there without surviving is an error, too, or a warning if
# only a part was run. A test that no longer ends has noticed (`timeout`). Writes
# artifacts/quality/mutants.json, or mutants-part.json if only a part was run. Exit code: 0 all is as
# listed, 1 it is not, 2 no run could be made. Needs cargo-mutants.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly WORK=$PWD/artifacts/mutants
# Libraries are built once for all passes; copies of the source tree lie beside them.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/mutants}
export TMPDIR=$CARGO_TARGET_DIR
# Mutants that are built side by side must not share a folder: cargo takes one for the other.
readonly JOBS=${JOBS:-1}
# Enough to notice; the tests themselves run more. All passes together decide.
export PROPTEST_CASES=${PROPTEST_CASES:-64}

main() {
  local part="$*" selected=()
  case ${1-} in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; return ;;
  esac
  if [[ ${GO_ON-} ]]; then keep; else rm -rf "$WORK"; fi
  mkdir -p "$WORK" artifacts/quality "$TMPDIR"
  if [[ ${1-} == --diff ]]; then
    git diff "${2:?--diff needs a commit}...HEAD" >"$WORK/changes.diff"
    shift 2
    selected=(--in-diff "$WORK/changes.diff")
  fi
  selected+=("$@")
  cargo mutants "${selected[@]}" --list --json >"$WORK/list.json" || exit 2
  [[ -s $WORK/list.json ]] || echo "[]" >"$WORK/list.json" # nothing is said of an empty diff
  # Without the features of the program, the first pass takes 3 s a mutant instead of 7.
  FEATURES=--no-default-features pass own 60 nats-reference-server --lib --test=index --test=order \
    --test=parser --test=routes --test=shares
  pass scenarios 120 nats-conformance --test=scenarios
  pass broker 120 nats-reference-server --tests
  pass all 900 "" --tests
  report "$part"
}

# Runs what nobody has caught so far: pass NAME SECONDS PACKAGE TEST…, no package for all. Who makes
# a test hang needn't do it again. The tests are first run by ourselves, since cargo mutants tries
# an unchanged tree with the tests of the changed package only.
pass() {
  [[ " ${PASSES:-own scenarios broker all} " == *" $1 "* ]] || return 0
  local name=$1 seconds=$2 package=$3 rc=0 whose=(--workspace)
  local examined=(--test-workspace true) own_builds=()
  shift 3
  [[ $(<"$WORK/list.json") != "[]" ]] || return 0
  if [[ $package ]]; then
    whose=(--package "$package")
    examined=(--test-package "$package")
  fi
  echo "--- $name"
  cargo test --quiet "${whose[@]}" ${FEATURES-} "$@" >"$WORK/$name.baseline" 2>&1 || {
    tail -n 40 "$WORK/$name.baseline" >&2
    echo "ci/mutants.sh: the tests fail without any mutant" >&2
    exit 2
  }
  ((JOBS == 1)) || own_builds=(env -u CARGO_TARGET_DIR)
  "${own_builds[@]}" cargo mutants "${selected[@]}" --jobs "$JOBS" --iterate --output "$WORK" \
    --no-shuffle --colors never --baseline skip --timeout "$seconds" ${FEATURES-} "${examined[@]}" \
    "${@/#/-C=}" || rc=$?
  case $rc in
    0 | 2 | 3) ;; # all caught, some missed, some hang
    *) echo "ci/mutants.sh: cargo mutants could not do it (exit code $rc)" >&2; exit 2 ;;
  esac
  keep
}

# What has been found so far; a later outcome of the same mutant counts instead.
keep() {
  local out=$WORK/mutants.out
  [[ -f $out/outcomes.json ]] || return 0
  cp "$out/outcomes.json" "$WORK/outcomes-$(date +%s%N).json"
  cat "$out/timeout.txt" >>"$out/caught.txt"
}

report() {
  python3 - "$WORK" "$1" <<'PYTHON'
import collections, datetime, json, pathlib, sys, tomllib

work, part = pathlib.Path(sys.argv[1]), sys.argv[2]


def key(mutant):
    """A mutant without its line number, which changes with every edit: what is done, and to what."""
    place = mutant["span"]["start"]
    what = mutant["name"].split(": ", 1)[1]
    line = pathlib.Path(mutant["file"]).read_text().splitlines()[place["line"] - 1].strip()
    return f"{mutant['file']}: {what}", line


verdicts, names = {}, {}
for mutant in json.loads((work / "list.json").read_text()):
    names[mutant["name"]], verdicts[mutant["name"]] = key(mutant), "MissedMutant"
for path in sorted(work.glob("outcomes-*.json")):
    for outcome in json.loads(path.read_text())["outcomes"]:
        # A run that goes on with changed code has mutants behind it that are no more.
        if outcome["scenario"] != "Baseline" and outcome["scenario"]["Mutant"]["name"] in names:
            verdicts[outcome["scenario"]["Mutant"]["name"]] = outcome["summary"]

count = collections.Counter(verdicts.values())
viable = len(verdicts) - count["Unviable"]
survivors = sorted(name for name, verdict in verdicts.items() if verdict == "MissedMutant")
listed = {
    (entry["mutant"], entry["line"]): entry["why"]
    for entry in tomllib.loads(pathlib.Path("ci/mutants.toml").read_text()).get("survivor", [])
}
surviving = {names[name] for name in survivors}
unknown = [name for name in survivors if names[name] not in listed]
stale = sorted(listed.keys() - surviving)
noticed = count["CaughtMutant"] + count["Timeout"]
name = "mutants-part" if part else "mutants"
pathlib.Path(f"artifacts/quality/{name}.json").write_text(json.dumps({
    "command": f"ci/mutants.sh {part}".strip(),
    "date": datetime.date.today().isoformat(),
    "viable": viable,
    "caught": count["CaughtMutant"],
    "missed": len(survivors),
    "timeout": count["Timeout"],
    "unviable": count["Unviable"],
    "survivors": [{"mutant": name, "why": listed.get(names[name])} for name in survivors],
}, indent=2) + "\n")
for name in unknown:
    print(f"SURVIVES: {name}\n  in the line: {names[name][1]}")
for mutant, line in stale:
    print(f"{'warning' if part else 'LISTED, but does not survive'}: {mutant}\n  in the line: {line}")
print(f"{viable} mutants: {noticed} noticed, {count['Timeout']} of them as a test hung; "
      f"{len(survivors)} survive, {len(unknown)} of them not listed in ci/mutants.toml")
if viable:
    print(f"{100 * noticed / viable:.1f} % noticed")
sys.exit(1 if unknown or (stale and not part) else 0)
PYTHON
}

main "$@"
