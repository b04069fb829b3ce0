# Sourced by the checks that take a browser: installs what is missing on a bare machine.
source ci/packages.sh

provide_browser() {
  local packages=()
  command -v node >/dev/null || packages+=(nodejs)
  command -v npm >/dev/null || packages+=(npm)
  [[ -x ${CHROMIUM:-/usr/bin/chromium} ]] || packages+=(chromium)
  ((!${#packages[@]})) || packages+=(fonts-dejavu-core)
  provide_packages "${packages[@]}"
}
