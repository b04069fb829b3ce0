#!/usr/bin/env bash
# Looks for data races and undefined behaviour: tests of the broker under ThreadSanitizer, its pure
# modules under Miri. Wants nightly with rust-src and miri.
#
#   ci/sanitize.sh             the tests hostile (but for memory) and order; the library's own
#   ci/sanitize.sh order       only this test under ThreadSanitizer
#
# tokio hands its `ScheduledIo` from thread to thread through epoll, which ThreadSanitizer does not
# understand (tokio-rs/tokio#7299): reports of a memory access right in it are counted apart, and are
# no finding.
#
# Figures go to artifacts/quality/sanitize.json. Exit code: 0 nothing found, 1 something was.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly QUALITY=artifacts/quality TARGET=x86_64-unknown-linux-gnu
readonly BASE=${CARGO_TARGET_DIR:-target}
# The modules without sockets, clocks and threads.
readonly PURE=(protocol subject index session keepalive)
found=0

main() {
  local tests=("$@") test threads=() miri log
  if [[ ${1-} == -h || ${1-} == --help ]]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    return
  fi
  [[ $# -gt 0 ]] || tests=(hostile order)
  mkdir -p "$QUALITY"
  log=$(mktemp)
  trap 'rm -f "$log"' RETURN
  for test in "${tests[@]}"; do threads+=(--test "$test"); done
  # In hostile, the broker has two threads; what is only large there would take long and show nothing.
  # halt_on_error would hide what comes after the first finding.
  CARGO_TARGET_DIR=$BASE/tsan RUSTFLAGS=-Zsanitizer=thread TSAN_OPTIONS="halt_on_error=0 exitcode=0" \
    watched "$log" cargo +nightly test -Zbuild-std --target "$TARGET" --no-fail-fast \
    --package nats-reference-server "${threads[@]}" -- \
    --nocapture --skip memory:: --skip queue_groups
  threads=$(figures "$log" 'WARNING: ThreadSanitizer')
  # Miri has no sockets; what it has is slow, so few cases are enough.
  CARGO_TARGET_DIR=$BASE/miri PROPTEST_CASES=8 MIRIFLAGS=-Zmiri-disable-isolation \
    watched "$log" cargo +nightly miri test --package nats-reference-server --lib -- "${PURE[@]}"
  miri=$(figures "$log" 'Undefined Behavior')
  printf '{"command": "ci/sanitize.sh %s", "date": "%s",\n"threads": %s,\n"miri": %s}\n' \
    "$*" "$(date -u +%FT%TZ)" "$threads" "$miri" >"$QUALITY/sanitize.json"
  cat "$QUALITY/sanitize.json"
  # A run of no test has shown nothing.
  if grep -qE '"passed": 0|"(failed|findings)": [1-9]' "$QUALITY/sanitize.json"; then found=1; fi
  return "$found"
}

# Runs a command and keeps what it says.
watched() {
  local log=$1
  shift
  "$@" 2>&1 | tee "$log" || found=1
}

# How many tests passed and failed, and how often the finding is named.
figures() {
  local passed failed findings tokio
  passed=$(sum "$1" passed)
  failed=$(sum "$1" failed)
  read -r findings tokio < <(awk -v what="$2" '
    function close_report() { if (on) { if (tokio) apart++; else found++ } }
    $0 ~ what { close_report(); on = 1; tokio = 0 }
    on && /^ *#[0-4] .*(ScheduledIo|scheduled_io)/ { tokio = 1 }
    END { close_report(); print found + 0, apart + 0 }' "$1")
  printf '{"passed": %s, "failed": %s, "findings": %s, "in_tokio": %s}' \
    "$passed" "$failed" "$findings" "$tokio"
}

sum() {
  awk -v what="$2" '/^test result:/ { for (i = 2; i <= NF; i++) if ($i ~ "^" what) n += $(i - 1) }
    END { print n + 0 }' "$1"
}

main "$@"
