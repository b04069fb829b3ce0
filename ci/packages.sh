# Sourced by the checks that need Debian's packages.

# Installs these, if any, or says how and ends the check.
provide_packages() {
  local root=()
  (($#)) || return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null || { echo "$0: as root: apt-get install $*" >&2; exit 2; }
    root=(sudo)
  fi
  "${root[@]}" apt-get update --quiet
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install --quiet --yes \
    --no-install-recommends "$@"
}
