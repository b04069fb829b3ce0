#!/usr/bin/env bash
# nats.js in a browser: over ws:// and wss://, with cookies that log in, against NATS servers. On our
# broker also the page that a person opens, with what such clients make it show.
#
#   ci/browser-client.sh                           our broker; builds what it needs
#   ci/browser-client.sh $(ci/servers.sh 2.15.1)   these servers
#
# Pictures go to artifacts/browser/. Needs Node.js, npm and Debian's chromium, which are installed
# where we may, and openssl.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source ci/chromium.sh
readonly OUT=$PWD/artifacts/browser BROWSER=ci/browser-client
readonly PROGRAM=${CARGO_TARGET_DIR:-target}/release/nats-reference-server

main() {
  local server servers=("$@")
  provide_browser
  if ((${#servers[@]} == 0)); then
    cargo build --quiet --release --package nats-reference-server
    servers=("$PROGRAM")
  fi
  npm ci --prefix "$BROWSER" --no-audit --no-fund --loglevel=error
  rm -rf "$OUT"
  mkdir -p "$OUT"
  for server in "${servers[@]}"; do
    node "$BROWSER/test.mjs" "$(realpath "$server")" "$OUT"
  done
}

main "$@"
