#!/usr/bin/env bash
# The HTML report in a real browser, opened from disk: filters, search, an opened case, links, dark
# mode, a phone; no error on the console, no request to anywhere.
#
#   ci/report-browser.sh            builds what it needs; pictures go to artifacts/report/
#
# Needs Node.js, npm and Debian's chromium, which are installed where we may.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source ci/chromium.sh
readonly OUT=$PWD/artifacts/report BROWSER=ci/report-browser
readonly PROGRAM=${CARGO_TARGET_DIR:-target}/release/nats-conformance

main() {
  provide_browser
  cargo build --quiet --release --package nats-conformance
  npm ci --prefix "$BROWSER" --no-audit --no-fund --loglevel=error
  rm -rf "$OUT"
  mkdir -p "$OUT"
  record
  node "$BROWSER/test.mjs" "$PROGRAM" "$OUT"
}

# Two runs of a part of the suite; in one some expectations are wrong, so it has findings.
record() {
  local run="$PROGRAM run core/sub core/wildcards core/connect --seed 7 --record all"
  $run --json "$OUT/good.json" >/dev/null
  cp -r scenarios "$OUT/scenarios"
  replace core/sub/maximum 'for n in 1..3' 'for n in 1..4'
  replace core/wildcards/arrow-misses '| w2.ab$' '| w2.a.x'
  replace core/wildcards/star 'level: MUST' 'level: SHOULD'
  replace core/wildcards/star '<subject> 1 1' '<subject> 2 1'
  if $run --scenarios "$OUT/scenarios" --json "$OUT/bad.json" >/dev/null; then
    echo "ci/report-browser.sh: wrong expectations brought no finding" >&2
    exit 1
  fi
  "$PROGRAM" report "$OUT/bad.json" "$OUT/good.json" --html "$OUT/report.html"
}

replace() {
  local file=$OUT/scenarios/$1.nats
  grep -q -- "$2" "$file" || { echo "ci/report-browser.sh: no '$2' in $1" >&2; exit 1; }
  sed -i "s/$2/$3/" "$file"
}

main
