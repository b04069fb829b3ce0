#!/usr/bin/env bash
# The client libraries' own tests on one server after another; ci/client-suites.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v python3 >/dev/null || { echo "ci/client-suites.sh: needs python3" >&2; exit 3; }
exec python3 -B ci/clients/suites/suites.py "$@"
