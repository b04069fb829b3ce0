#!/usr/bin/env bash
# The article's experiments with the article's own client, nats.py, on one server after another.
#
#   ci/article.sh target/release/nats-reference-server $(ci/servers.sh 2.15.1)
#   ci/article.sh nats://127.0.0.1:4222
#
# Exit code: 0 all as the article says, 1 something differs, 2 bad usage, 3 no server to judge.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VENV=.cache/article-venv WANTED=ci/article/requirements.txt

main() {
  local target worst=0 rc
  if ((!$#)); then
    echo "usage: ci/article.sh SERVER-PROGRAM|nats://HOST:PORT ..." >&2
    exit 2
  fi
  install_client
  for target in "$@"; do
    rc=0
    case $target in
      *://*) "$VENV/bin/python" -B ci/article/article.py --server "$target" || rc=$? ;;
      *) "$VENV/bin/python" -B ci/article/article.py --server-bin "$target" || rc=$? ;;
    esac
    ((rc <= worst)) || worst=$rc
    echo
  done
  exit "$worst"
}

# A virtual environment that holds what requirements.txt says, made again when that changes.
install_client() {
  if ! cmp -s "$WANTED" "$VENV/installed.txt"; then
    rm -rf "$VENV"
    python3 -m venv "$VENV" ||
      { echo "ci/article.sh: needs Python's venv; on Debian: apt-get install python3-venv" >&2; exit 3; }
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --requirement "$WANTED" ||
      { echo "ci/article.sh: pip could not install $WANTED (no network?)" >&2; exit 3; }
    cp "$WANTED" "$VENV/installed.txt"
  fi
}

main "$@"
