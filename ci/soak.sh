#!/usr/bin/env bash
# Churns against the broker as a program, verifies every delivery, and watches its memory.
#
#   ci/soak.sh [MINUTES]       15 if it is not said
#
# Figures go to artifacts/quality/soak.json. Exit code: 0 nothing lost and no growth, 1 else, 2 the
# broker does not start.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1-} == -h || ${1-} == --help ]]; then
  sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
  exit
fi
readonly BUILT=${CARGO_TARGET_DIR:-target}/release
cargo build --release --quiet --package nats-reference-server --package broker-bench --bins
mkdir -p artifacts/quality
"$BUILT/soak" --server "$BUILT/nats-reference-server" --minutes "${1:-15}" \
  --json artifacts/quality/soak.json
