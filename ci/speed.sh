#!/usr/bin/env bash
# How fast the broker is: all shapes of load on it, on two real servers, and on a relay that shows
# what the system allows; and which goals are met.
#
#   ci/speed.sh                       builds and fetches what it needs; artifacts/bench/speed.*,
#                                     and goals.md
#   ci/speed.sh --goals RECORD.json   only says which goals a record of it meets
#
# ROUNDS (5) blocks of SECONDS_EACH (1) seconds for each shape and target; SHAPES for some of them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TARGET=${CARGO_TARGET_DIR:-target}/release OUT=artifacts/bench
readonly NEW=2.15.1 OLD=2.9.10 # the latest release, and the one of Debian 12

main() {
  case ${1-} in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; return ;;
    --goals) build; goals "${2:?ci/speed.sh --goals needs a record}"; return ;;
    "") ;;
    *) echo "ci/speed.sh: '$1' is no option; see ci/speed.sh --help" >&2; exit 2 ;;
  esac
  ci/servers.sh "$NEW" "$OLD"
  build
  measure
  goals "$OUT/speed.json"
}

build() {
  cargo build --quiet --release --package broker-bench --package nats-reference-server
}

measure() {
  local shapes=()
  [[ -z ${SHAPES-} ]] || read -ra shapes <<<"--shape $SHAPES"
  mkdir -p "$OUT"
  "$TARGET/broker-bench" run --target "nats-server@$NEW" --target "nats-server@$OLD" \
    --target relay --target "ours=$TARGET/nats-reference-server" \
    --rounds "${ROUNDS:-5}" --seconds "${SECONDS_EACH:-1}" "${shapes[@]}" \
    --json "$OUT/speed.json" --markdown "$OUT/speed.md" --csv "$OUT/speed.csv" \
    --html "$OUT/speed.html"
}

goals() {
  mkdir -p "$OUT"
  "$TARGET/broker-bench" goals "$1" --broker ours --against "nats-server@$NEW" \
    "nats-server@$OLD" --limit relay --markdown "$OUT/goals.md"
}

main "$@"
