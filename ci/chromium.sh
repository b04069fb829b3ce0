# Sourced by the checks that take a browser: installs what is missing on a bare machine.

provide_browser() {
  local packages=() root=()
  command -v node >/dev/null || packages+=(nodejs)
  command -v npm >/dev/null || packages+=(npm)
  [[ -x ${CHROMIUM:-/usr/bin/chromium} ]] || packages+=(chromium)
  ((${#packages[@]})) || return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      { echo "$0: as root: apt-get install ${packages[*]}" >&2; exit 2; }
    root=(sudo)
  fi
  "${root[@]}" apt-get update --quiet
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install --quiet --yes \
    --no-install-recommends "${packages[@]}" fonts-dejavu-core
}
