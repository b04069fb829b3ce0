#!/usr/bin/env bash
# Runs nats-top and prometheus-nats-exporter against the broker's monitoring pages, and the nats CLI
# against its system account, and says what they saw (MON-027, MON-028, SYS-005).
#
#   ci/monitoring-tools.sh
#   ci/monitoring-tools.sh "$(ci/servers.sh 2.15.1)"    # or another program
#
# The tools are those that NATS_TOP, NATS_EXPORTER and NATS_CLI name, or those in $PATH; else Go
# installs them into .cache/go. A tool that can't be had is skipped, with a word. Exit code: 0 what ran
# was content, 1 it was not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PROGRAM=${1:-${CARGO_TARGET_DIR:-target}/release/nats-reference-server}
readonly TOOLS=$PWD/.cache/go
WORK=$(mktemp -d)
readonly WORK
running=()

main() {
  if (($# == 0)); then cargo build --quiet --release --package nats-reference-server; fi
  trap clean_up EXIT
  serve
  top
  exporter
  command_line
}

# A broker with a client that has a name, subscriptions and traffic.
serve() {
  "$PROGRAM" -a 127.0.0.1 -p -1 -c <(configuration) 2>"$WORK/server.log" &
  running+=($!)
  wait_for "the server" grep -qs "Server is ready" "$WORK/server.log"
  client_port=$(sed -n 's/.*client connections on .*:\([0-9]*\)$/\1/p' "$WORK/server.log")
  http_port=$(sed -n 's/.*http monitor on .*:\([0-9]*\)$/\1/p' "$WORK/server.log")
  exec 3<>"/dev/tcp/127.0.0.1/$client_port"
  printf '%s\r\n' 'CONNECT {"verbose":false,"name":"seen-by-tools","lang":"bash","version":"5"}' \
    'SUB tools.> 1' 'PUB tools.a 5' 'hello' 'PING' >&3
  wait_for "the client" connected
}

configuration() {
  echo 'http_port: -1'
  echo 'accounts {'
  echo '  $SYS { users: [{ user: sys, password: pw }] }'
  echo '  A { users: [{ user: a, password: pw }] }'
  echo '}'
  echo 'no_auth_user: a'
}

connected() { curl --silent "http://127.0.0.1:$http_port/connz" | grep -q '"out_msgs": 1'; }

# One screen of nats-top, as text.
top() {
  local tool
  tool=$(find_tool "${NATS_TOP-}" nats-top github.com/nats-io/nats-top@latest) || return 0
  timeout 30 "$tool" -s 127.0.0.1 -m "$http_port" -o "$WORK/top" >"$WORK/top.log" 2>&1 || true
  if ! grep -q seen-by-tools "$WORK/top" 2>/dev/null; then
    cat "$WORK/top.log" "$WORK/top" >&2 || true
    fail "nats-top does not show the client"
  fi
  echo "nats-top shows:"
  sed 's/^/  /' "$WORK/top"
}

# What the exporter makes of all pages.
exporter() {
  local tool port=7777 url metric
  tool=$(find_tool "${NATS_EXPORTER-}" prometheus-nats-exporter \
    github.com/nats-io/prometheus-nats-exporter@latest) || return 0
  "$tool" -addr 127.0.0.1 -port "$port" -varz -connz -connz_detailed -subz -routez -gatewayz -leafz \
    -accstatz -accountz -healthz -jsz all "http://127.0.0.1:$http_port" >"$WORK/exporter.log" 2>&1 &
  running+=($!)
  url=http://127.0.0.1:$port/metrics
  wait_for "the exporter" curl --silent --fail --output "$WORK/metrics" "$url"
  for metric in gnatsd_varz_in_msgs gnatsd_connz_num_connections gnatsd_subsz_num_subscriptions \
    gnatsd_healthz_status gnatsd_accstatz; do
    grep -q "^$metric" "$WORK/metrics" || { cat "$WORK/exporter.log" >&2; fail "no metric $metric"; }
  done
  if grep -iE "error|unable|failed" "$WORK/exporter.log"; then fail "the exporter complains"; fi
  echo "prometheus-nats-exporter makes $(grep -c '^gnatsd_' "$WORK/metrics") metrics, among them:"
  grep -E "^gnatsd_(varz_(in|out)_(msgs|bytes)|connz_num_connections|healthz_status)" "$WORK/metrics" |
    sed 's/^/  /'
}

# What the CLI learns in the system account.
command_line() {
  local tool server=127.0.0.1:$client_port told
  tool=$(find_tool "${NATS_CLI-}" nats github.com/nats-io/natscli/nats@latest) || return 0
  ask() {
    told=$(timeout 30 "$tool" --no-context -s "$server" "$@" 2>&1) ||
      fail "nats $*: $told"
  }
  system() { ask --user sys --password pw server "$@"; }
  system ping 1
  grep -qi "rtt=" <<<"$told" || fail "nats server ping: $told"
  system list 1
  grep -q "Server Overview" <<<"$told" || fail "nats server list: $told"
  system info
  grep -q "Process Details" <<<"$told" || fail "nats server info: $told"
  system report connections
  grep -q seen-by-tools <<<"$told" || fail "nats server report connections: $told"
  ask --user a --password pw account info
  grep -qE "Account: +A" <<<"$told" || fail "nats account info: $told"
  echo "the nats CLI lists servers and connections, and says who it is:"
  sed 's/^/  /' <<<"$told"
}

# Prints where a tool is; without one says why it is skipped.
find_tool() {
  local given=$1 name=$2 package=$3 log=$WORK/$2.log
  if [[ $given ]]; then
    echo "$given"
  elif command -v "$name"; then
    return 0
  elif ! command -v go >/dev/null; then
    echo "skipped $name: it is not there, and Go is not, either" >&2
    return 1
  elif [[ -x $TOOLS/$name ]] || GOBIN=$TOOLS go install "$package" >"$log" 2>&1; then
    echo "$TOOLS/$name"
  else
    echo "skipped $name: Go can't install it: $(tail -n 1 "$log")" >&2
    return 1
  fi
}

wait_for() {
  local what=$1 tries
  shift
  for ((tries = 0; tries < 300; tries++)); do
    if "$@"; then return 0; fi
    sleep 0.1
  done
  cat "$WORK"/*.log >&2
  fail "$what does not come"
}

fail() { echo "ci/monitoring-tools.sh: $1" >&2; exit 1; }

clean_up() {
  kill "${running[@]}" 2>/dev/null || true
  rm -rf "$WORK"
}

main "$@"
