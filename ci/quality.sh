#!/usr/bin/env bash
# How far the suite and the broker have been tried: runs what takes long, and writes the last figures
# of each run to docs/quality.md.
#
#   ci/quality.sh            runs everything: some hours on two cores
#   ci/quality.sh --write    only writes the figures that are there, in artifacts/quality/
#
# What has no figures keeps the section that it has. Exit code: 0, or 1 if a run found something.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0

run() { "$@" || { echo "ci/quality.sh: $* found something" >&2; failed=1; }; }

case ${1-} in
  -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit ;;
  --write) ;;
  '')
    run ci/coverage.sh
    run ci/explore.sh 60
    run ci/fuzz.sh 20
    run ci/mutants.sh
    run ci/hostile.sh
    run ci/soak.sh 15
    run ci/sanitize.sh
    ;;
  *) echo "ci/quality.sh: '$1' is no option; see --help" >&2; exit 2 ;;
esac
python3 ci/quality.py
exit $failed
