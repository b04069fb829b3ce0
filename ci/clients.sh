#!/usr/bin/env bash
# Client libraries against NATS servers: which features work, client by client.
#
#   ci/clients.sh $(ci/servers.sh 2.15.1) target/release/nats-reference-server
#   ci/clients.sh --client nats.py --feature tls --feature creds target/release/nats-reference-server
#   ci/clients.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for tool in python3 openssl; do
  command -v "$tool" >/dev/null || { echo "ci/clients.sh: needs $tool" >&2; exit 3; }
done
exec python3 -B ci/clients/driver.py "$@"
