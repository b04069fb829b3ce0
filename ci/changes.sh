#!/usr/bin/env bash
# Writes docs/wire-changes.md: what changed on the wire between the releases of the matrix.
#
#   ci/changes.sh            writes it
#   ci/changes.sh --check    fails where it is not what the servers do today
#
# Every release is judged as the newest; the runs are kept in artifacts/changes/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PAGE=docs/wire-changes.md RUNS=artifacts/changes
readonly PROGRAM=${CARGO_TARGET_DIR:-target}/release/nats-conformance

main() {
  case ${1-} in
    "" | --check) ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; [[ $1 == --help || $1 == -h ]]; exit ;;
  esac
  [[ -x $PROGRAM ]] || cargo build --release --quiet --package nats-conformance
  if [[ ${1-} == --check ]]; then
    # What a busy machine made of one run is no change; what two runs say is.
    write && same || { write && same; } ||
      { echo "ci/changes.sh: $PAGE is not what the servers do; write it anew: ci/changes.sh" >&2; exit 1; }
  else
    write
    mkdir -p "${PAGE%/*}"
    cp "$RUNS/wire-changes.md" "$PAGE"
    echo "$PAGE"
  fi
}

same() { diff -u "$PAGE" "$RUNS/wire-changes.md"; }

# The page of today, in the folder of the runs.
write() {
  local version newest rc releases=()
  mapfile -t releases < <(ci/servers.sh --list)
  newest=${releases[-1]}
  rm -rf "$RUNS"
  mkdir -p "$RUNS"
  for version in "${releases[@]}"; do
    rc=0
    "$PROGRAM" run --server-bin "$(ci/servers.sh "$version")" --as "$newest" --seed 1 \
      --json "$RUNS/$version.json" >"$RUNS/$version.log" || rc=$?
    # Findings are what this is about; anything else is no run.
    ((rc <= 1)) || { tail -n 5 "$RUNS/$version.log" >&2; exit "$rc"; }
    tail -n 1 "$RUNS/$version.log"
  done
  "$PROGRAM" changes "$RUNS"/*.json >"$RUNS/wire-changes.md"
}

main "$@"
