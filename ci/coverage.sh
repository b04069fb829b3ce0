#!/usr/bin/env bash
# Which lines of the broker the scenarios reach: the suite alone, no other test.
#
#   ci/coverage.sh              per file, and which lines no scenario reaches
#   ci/coverage.sh core/sub     with these scenarios only; then nothing is held against the list
#
# The suite runs on the broker embedded and as a program, as only the program reads flags and
# configuration files. Writes artifacts/quality/coverage.json. ci/coverage.toml says which lines need
# not be reached, and why; any other is an error, and so is one that is listed but reached. Exit code:
# 0 all is as listed, 1 it is not, 2 no run could be made.
# The compiler's component llvm-tools is installed where it is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly WORK=$PWD/artifacts/coverage TARGET=${CARGO_TARGET_DIR:-target}/debug

main() {
  case ${1-} in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; return ;;
  esac
  rm -rf "$WORK"
  mkdir -p "$WORK" artifacts/quality
  [[ -n $(profdata) ]] || rustup component add llvm-tools || exit 2
  build
  tell embedded "$@"
  tell program --server-bin "$TARGET/nats-reference-server" \
    --target conformance/targets/reference-server.toml "$@"
  export_lines >"$WORK/export.lcov"
  report "$@"
}

# Counts lines in the broker only. Its libraries stay as they are, and need no new build. A program
# under test is killed, so its counters live in the file itself, not in memory until an exit.
build() {
  cat >"$WORK/rustc" <<'WRAPPER'
#!/bin/sh
[ "$CARGO_PKG_NAME" != nats-reference-server ] ||
  set -- "$@" -Cinstrument-coverage -Cllvm-args=-runtime-counter-relocation
exec "$@"
WRAPPER
  chmod +x "$WORK/rustc"
  RUSTC_WORKSPACE_WRAPPER=$WORK/rustc LLVM_PROFILE_FILE=/dev/null \
    cargo build --package nats-conformance --package nats-reference-server --bins || exit 2
}

# A failing case doesn't matter here: it has run as well. ci/check.sh looks at verdicts.
tell() {
  local name=$1 rc=0
  shift
  LLVM_PROFILE_FILE="$WORK/$name-%p%c.profraw" "$TARGET/nats-conformance" run "$@" \
    >"$WORK/$name.log" || rc=$?
  tail -n 1 "$WORK/$name.log"
  ((rc <= 1)) || { echo "ci/coverage.sh: no run, see $WORK/$name.log" >&2; exit 2; }
}

profdata() { find "$(rustc --print sysroot)/lib/rustlib" -name llvm-profdata; }

export_lines() {
  local tools
  tools=$(dirname "$(profdata)")
  "$tools/llvm-profdata" merge --sparse "$WORK"/*.profraw --output "$WORK/merged"
  "$tools/llvm-cov" export --instr-profile "$WORK/merged" --format lcov \
    "$TARGET/nats-conformance" --object "$TARGET/nats-reference-server" \
    --sources "$PWD/reference-server/src"
}

report() {
  python3 - "$WORK/export.lcov" "$*" <<'PYTHON'
import datetime, json, pathlib, sys, tomllib

source, part = pathlib.Path("reference-server/src").resolve(), sys.argv[2]
files, name = {}, None
for record in pathlib.Path(sys.argv[1]).read_text().splitlines():
    kind, _, rest = record.partition(":")
    if kind == "SF":
        name = str(pathlib.Path(rest).relative_to(source))
        text = pathlib.Path(rest).read_text().splitlines()
        files[name] = (text, {})
    elif kind == "DA":
        line, times = map(int, rest.split(",")[:2])
        lines = files[name][1]
        lines[line] = max(times, lines.get(line, 0))

allowed = {
    entry["file"]: entry
    for entry in tomllib.loads(pathlib.Path("ci/coverage.toml").read_text()).get("file", [])
}
told, wrong = [], []
for name, (text, lines) in sorted(files.items()):
    missing = sorted(line for line, times in lines.items() if not times)
    code = sorted({text[line - 1].strip() for line in missing} - {"}", ")", "});", "};"})
    entry = {"lines": [], "timing": [], "any": False, "why": None} | allowed.pop(name, {})
    told.append({
        "file": name, "lines": len(lines), "reached": len(lines) - len(missing),
        "unreached": missing, "why": entry["why"],
    })
    print(f"{name:22} {len(lines) - len(missing):4} of {len(lines):4} lines")
    for line in missing:
        print(f"  {line:4} {text[line - 1]}")
    if part or (entry["any"] and missing):
        continue
    if entry["any"]:
        wrong.append(f"{name}: listed, but all of it is reached")
    known = entry["lines"] + entry["timing"]
    wrong += [f"{name}: no scenario reaches: {line}" for line in code if line not in known]
    wrong += [f"{name}: listed, but reached: {line}" for line in entry["lines"] if line not in code]
if not part:
    wrong += [f"{name}: listed, but there is no such file" for name in allowed]

lines, reached = (sum(file[what] for file in told) for what in ("lines", "reached"))
pathlib.Path("artifacts/quality/coverage.json").write_text(json.dumps({
    "command": f"ci/coverage.sh {part}".strip(),
    "date": datetime.date.today().isoformat(),
    "lines": lines, "reached": reached, "percent": round(100 * reached / max(lines, 1), 2),
    "files": told,
}, indent=2) + "\n")
for message in wrong:
    print(message)
print(f"{reached} of {lines} lines, {100 * reached / max(lines, 1):.1f} %; "
      f"{len(wrong)} differ from ci/coverage.toml")
sys.exit(1 if wrong else 0)
PYTHON
}

main "$@"
